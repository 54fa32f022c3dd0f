//! `kanban daemon`: a stub. The daemon is a program of its own, `kanband`.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::refuse_home_file;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::os::processes::pidfd::{PidFd, Signal};
use crate::os::processes::signals::watch;

/// Compatibility stub; the daemon is the program `kanband`.
///
/// Without --force it prints an explanation and exits with code 2. With --force it runs `kanband` in the foreground.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanband                        # use this instead
  kanban daemon --force --interval 30 --pidfile /run/kanband.pid")]
pub struct Arguments {
    /// Run `kanband` in the foreground
    #[arg(long)]
    force: bool,
    /// Seconds between dispatch passes, as dispatch.interval_seconds
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    interval: Option<u32>,
    /// Maximum number of open runs, as dispatch.max_running
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// Maximum number of failures of a task, as dispatch.failure_limit
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    failure_limit: Option<u32>,
    /// Write the daemon's PID to this file while it runs
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// Verbose log, as log.level = "debug"
    #[arg(short, long)]
    verbose: bool,
}

/// Runs it.
///
/// # Errors
/// `kanband` is not there, or the file cannot be written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    if !arguments.force {
        return Err(Failure::usage(
            "DEPRECATED: `kanban daemon` is a stub; the daemon is the program `kanband`",
        )
        .with_hint(
            "run `kanband`, or `systemctl start kanband` where it is installed; no `hermes gateway start` is needed. \
             `kanban daemon --force` runs it in the foreground",
        ));
    }
    let program = program();
    let mut command = Command::new(&program);
    command.envs(arguments.variables());
    match &arguments.pidfile {
        // Only comes back when it fails.
        None => Err(not_started(&program, &command.exec())),
        Some(file) => {
            refuse_home_file(file, &session.ambient)?;
            let exit = run_with_file(&mut command, &program, file)?;
            session.output.complain("(dispatcher stopped)");
            Ok(exit)
        }
    }
}

impl Arguments {
    /// What the flags mean to `kanband`.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let level = self.verbose.then(|| "debug".to_owned());
        [
            ("KANBAND__DISPATCH__INTERVAL_SECONDS", number(self.interval)),
            ("KANBAND__DISPATCH__MAX_RUNNING", number(self.max)),
            ("KANBAND__DISPATCH__FAILURE_LIMIT", number(self.failure_limit)),
            ("KANBAND__LOG__LEVEL", level),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Beside this program, else wherever the system finds it.
fn program() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("kanband")));
    beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("kanband"))
}

fn not_started(program: &Path, error: &io::Error) -> Failure {
    Failure::fault(format!("cannot start {}: {error}", program.display()))
}

/// A process id in a file, removed with this value.
struct PidFile<'a>(&'a Path);

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_file(self.0));
    }
}

/// A process has to be left to remove the file, so the daemon is a child here; what is asked of this process is passed on.
fn run_with_file(command: &mut Command, program: &Path, file: &Path) -> Result<CliExit, Failure> {
    let child: Mutex<Option<PidFd>> = Mutex::new(None);
    let child = std::sync::Arc::new(child);
    let asked = std::sync::Arc::clone(&child);
    let _signals = watch(move |_signal| {
        let held = asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // One that has ended needs no signal.
        drop(held.as_ref().map(|daemon| daemon.signal(Signal::SIGTERM)));
    })
    .map_err(|error| Failure::fault(format!("cannot install signal handlers: {error}")))?;
    let mut daemon = command.spawn().map_err(|error| not_started(program, &error))?;
    let _file = match begin(&daemon, file) {
        Ok((process, pid_file)) => {
            *child.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(process);
            pid_file
        }
        Err(error) => {
            drop(daemon.kill());
            drop(daemon.wait());
            let message = format!("cannot write {}: {error}", file.display());
            return Err(Failure::refused(ErrorCode::InvalidValue, message));
        }
    };
    let ended = daemon.wait().map_err(|error| not_started(program, &error))?;
    Ok(match ended.code().and_then(|code| u8::try_from(code).ok()) {
        Some(0) => CliExit::Ok,
        Some(code) => CliExit::OfDaemon(code),
        None => CliExit::Fault,
    })
}

fn begin<'a>(daemon: &Child, file: &'a Path) -> io::Result<(PidFd, PidFile<'a>)> {
    let pid = i32::try_from(daemon.id()).map_err(io::Error::other)?;
    // Not reaped yet, so the PID is its own.
    let process = PidFd::from_child(pid)?;
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o644).open(file)?;
    writeln!(opened, "{pid}")?;
    Ok((process, PidFile(file)))
}
