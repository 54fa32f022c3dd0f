//! The program `kanban-courier`: what it is started with, the lock that makes it the only one of its home, its end.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::Parser;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::config::settings::LogLevel;
use crate::config::sockets::{COURIER_SUFFIX, client_socket};
use crate::config::{Ambient, Home, HomeError};
use crate::exit_codes::DaemonExit;
use crate::notify::courier::{Settings, run};
use crate::notify::credential::CredentialFolder;
use crate::os::home::lock::{COURIER_LOCK, CourierLock};
use crate::os::processes::signals::{self, DaemonSignal};
use crate::telemetry;

/// Sends what the kanban board has to say to chats, phones, hooks and boxes, and takes answers back.
///
/// The daemon starts it where no service manager does. It holds no data: it may be killed and started at any moment.
#[derive(Debug, Parser)]
#[command(name = "kanban-courier", version)]
pub struct Arguments {
    /// The daemon's socket for it [default: the operators' socket with `.courier` behind it]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The directory with the credentials [default: $CREDENTIALS_DIRECTORY, else credentials/ of the home]
    #[arg(long, value_name = "DIR")]
    pub credentials: Option<PathBuf>,
}

/// Why it does not run.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// The home is unknown.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// Another one runs.
    #[error("another courier of this home is running (it holds {}): end that one first", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// The lock cannot be taken.
    #[error("cannot lock {}: {source}", path.display())]
    Lock {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process cannot be set up.
    #[error("cannot {what}: {source}")]
    SetUp {
        /// What could not be done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl ProgramError {
    /// The code that it ends with.
    pub fn exit(&self) -> DaemonExit {
        match self {
            Self::Home(_) => DaemonExit::Config,
            Self::Held { .. } => DaemonExit::Owned,
            Self::Lock { .. } | Self::SetUp { .. } => DaemonExit::Fault,
        }
    }
}

/// Runs until it is asked to end.
///
/// # Errors
/// It cannot begin.
pub fn main(arguments: Arguments, ambient: &Ambient) -> Result<(), ProgramError> {
    let set_up = |what| move |source| ProgramError::SetUp { what, source };
    let socket = match arguments.socket {
        Some(socket) => socket,
        None => {
            let mut path = client_socket(ambient)?.into_os_string();
            path.push(COURIER_SUFFIX);
            path.into()
        }
    };
    let runtime_directory = ambient.var("RUNTIME_DIRECTORY").map(PathBuf::from);
    let credentials = match (arguments.credentials, ambient.var("CREDENTIALS_DIRECTORY")) {
        (Some(folder), _) => CredentialFolder::at(folder),
        (None, Some(folder)) => CredentialFolder::loaded(folder.into()),
        // Under the service it has no view of the home, and no credential yet.
        (None, None) => match &runtime_directory {
            Some(folder) => CredentialFolder::of_home(folder),
            None => CredentialFolder::of_home(Home::resolve(ambient)?.path()),
        },
    };
    let lock = match runtime_directory {
        Some(folder) => folder.join("lock"),
        None => Home::resolve(ambient)?.path().join(COURIER_LOCK),
    };
    let _only_one = lock_at(&lock)?;
    telemetry::start(LogLevel::Info, ambient.var("JOURNAL_STREAM"))
        .map_err(set_up("start the thread of the log"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(set_up("make the runtime"))?;
    let (asked, mut stop) = tokio::sync::mpsc::unbounded_channel();
    let watch = signals::watch(move |signal| {
        if signal == DaemonSignal::Terminate {
            // Nobody hears it only when it ends already.
            let _is_heard = asked.send(()).is_ok();
        }
    });
    let _watch = watch.map_err(set_up("watch for signals"))?;
    tracing::info!(socket = %socket.display(), "the courier has started");
    let settings = Settings { socket, credentials };
    LocalSet::new().block_on(&runtime, async move {
        let ending = Rc::new(Notify::new());
        let notified = Rc::clone(&ending);
        tokio::task::spawn_local(async move {
            if stop.recv().await.is_some() {
                notified.notify_one();
            }
        });
        run(&settings, &ending).await;
    });
    // A look-up of a name that hangs is left behind.
    runtime.shutdown_background();
    tracing::info!("the courier ends");
    telemetry::finish();
    Ok(())
}

fn lock_at(path: &Path) -> Result<CourierLock, ProgramError> {
    match CourierLock::try_acquire(path) {
        Ok(Some(held)) => Ok(held),
        Ok(None) => Err(ProgramError::Held { path: path.to_owned() }),
        Err(source) => Err(ProgramError::Lock { path: path.to_owned(), source }),
    }
}
