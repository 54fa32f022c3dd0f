//! The private daemon of the demo: separate from any other, and removed with everything it made.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::home::DemoHome;
use kanband::api::client::{Client, ClientError};
use kanband::cli::failure::Failure;
use kanband::os::processes::pidfd::{PidFd, Signal};
use kanband::os::run_files::leftovers::end_runs;
use kanband::service::daemon::DaemonInfo;

/// How long the daemon may take to answer its first request.
const START_TIME: Duration = Duration::from_secs(20);

/// How long the daemon, and then its workers, may take to end before they are killed or given up.
const END_TIME: Duration = Duration::from_secs(10);

/// Pause between two looks whether it answers.
const PAUSE: Duration = Duration::from_millis(10);

/// The process; ended with its workers when this is dropped, unless it was let go.
#[derive(Debug)]
pub struct PrivateDaemon {
    child: Option<Child>,
    socket: PathBuf,
    runs: PathBuf,
}

impl PrivateDaemon {
    /// Starts the `kanband` beside this program in `home`.
    ///
    /// # Errors
    /// It is not there or cannot be started.
    pub fn start(home: &DemoHome) -> Result<Self, Failure> {
        let programs = program_dir()
            .map_err(|error| Failure::fault(format!("cannot find this program: {error}")))?;
        let program = programs.join("kanband");
        let failed = |error: io::Error| {
            Failure::fault(format!("cannot start {}: {error}", program.display()))
                .with_hint("the demo needs `kanband` and `kanban-shim` beside `kanban`")
        };
        let log = File::create(home.daemon_log()).map_err(failed)?;
        let mut command = Command::new(&program);
        for (name, _value) in std::env::vars_os() {
            if is_ours(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        let child = command
            .env("KANBAN_HOME", home.path())
            .env("PATH", path_with(&programs))
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            // Ctrl-C goes to the group of the demo, which ends things in order.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let socket = home.path().join("kanband.sock");
        Ok(Self { child: Some(child), socket, runs: home.path().join("runs") })
    }

    /// Returns a client once the daemon answers. `is_given_up` is asked between two looks.
    ///
    /// # Errors
    /// It has ended, or does not answer.
    pub fn wait_until_up(
        &mut self,
        mut is_given_up: impl FnMut() -> bool,
    ) -> Result<Client, Failure> {
        #[derive(Serialize)]
        struct Nothing {}
        let client = Client::at(self.socket.clone(), None, false)?;
        let started = Instant::now();
        loop {
            match client.get::<DaemonInfo>("/v1/daemon", &Nothing {}) {
                Ok(_) => return Ok(client),
                Err(ClientError::NotReachable { .. }) if started.elapsed() < START_TIME => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(status) =
                self.child.as_mut().and_then(|child| child.try_wait().ok()).flatten()
            {
                return Err(Failure::fault(format!("the demo's daemon has ended: {status}")));
            }
            if is_given_up() {
                return Err(interrupted());
            }
            client.pause(PAUSE);
        }
    }

    /// Its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map(Child::id).unwrap_or_default()
    }

    /// Lets it go on when the demo is over.
    pub fn let_go(mut self) {
        self.child = None;
    }

    /// Ends it, and then what still runs under it.
    ///
    /// # Errors
    /// Something does not end.
    pub fn end(mut self) -> Result<(), Failure> {
        self.end_all()
    }

    fn end_all(&mut self) -> Result<(), Failure> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        end_child(&mut child)
            .map_err(|error| Failure::fault(format!("cannot stop the demo's daemon: {error}")))?;
        let left = end_runs(&self.runs, END_TIME)
            .map_err(|error| Failure::fault(format!("cannot stop the demo's workers: {error}")))?;
        if left > 0 {
            return Err(Failure::fault(format!("{left} of the demo's workers did not end")));
        }
        Ok(())
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        // Something else has failed already and is reported instead.
        drop(self.end_all());
    }
}

/// Stopped by Ctrl-C or by SIGTERM.
pub fn interrupted() -> Failure {
    Failure::refused(kanband::kernel::error::ErrorCode::Unavailable, "interrupted")
}

fn end_child(child: &mut Child) -> io::Result<()> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    // Not reaped yet, so the PID is its own.
    let process = PidFd::from_child(pid)?;
    process.signal(Signal::SIGTERM)?;
    if !process.wait_exit(END_TIME)? {
        process.signal(Signal::SIGKILL)?;
    }
    child.wait().map(|_status| ())
}

/// Variables that would lead the private daemon or its workers to another one.
fn is_ours(name: &str) -> bool {
    name.starts_with("KANBAN") || name.starts_with("HERMES_")
}

fn program_dir() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(program.parent().unwrap_or(Path::new("/")).to_owned())
}

/// The workers speak through the `kanban` of this build, not through one that happens to be installed.
fn path_with(programs: &Path) -> std::ffi::OsString {
    let mut path = programs.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
    path
}
