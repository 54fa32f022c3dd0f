//! Ending what is left of a run whose shim died, where no control group holds its processes together.
//!
//! Without its sub-reaper the tree has fallen apart: orphans belong to init. Two marks still tell a process of the run: the
//! session that the shim gave the worker, and the path of the run's token file in its environment, which every process
//! inherits and no other run has. A process that has left the session and cleared its environment escapes this; with
//! control groups none does.
//!
//! The session's number is the worker's PID, and free to be given away once worker and session are gone: a session that has
//! it later may be a stranger's. While the worker's own entry is there it is ours; when that PID is somebody else's it is not;
//! and when nobody has that PID, those of its members are ours that are where the run was started, too.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use procfs::process::Process;

use crate::os::identity::{Liveness, ProcessIdentity};
use crate::os::pidfd::{PidFd, Signal};
use crate::os::run_files::{RunDir, read_spec};

/// How long killed processes may take to go, before they are left to be found again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process that bears a mark of the run, until a look finds none. `worker` is the process that led the
/// session, when it is known. Returns how many signals were sent.
pub fn end_remains(dir: &RunDir, worker: Option<&ProcessIdentity>) -> usize {
    let token_file = dir.token();
    // Told once: killing takes the worker away, and what it led stays its own for as long as that takes.
    let session = worker.and_then(|worker| Session::led_by(worker, dir));
    let started = Instant::now();
    let mut sent = 0;
    loop {
        let found = find_marked(token_file.as_os_str(), session.as_ref());
        if found.is_empty() || started.elapsed() > PATIENCE {
            return sent;
        }
        for identity in &found {
            match PidFd::open(identity) {
                Ok(Some(process)) => sent += usize::from(process.signal(Signal::SIGKILL).is_ok()),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(pid = identity.pid, %error, "a leftover process cannot be ended");
                }
            }
        }
        std::thread::yield_now();
    }
}

/// The session of a run's worker.
struct Session<'a> {
    worker: &'a ProcessIdentity,
    /// Where its members have to be found; anywhere when it is known to be the worker's.
    only_below: Option<PathBuf>,
}

impl<'a> Session<'a> {
    /// None when nothing can be said of it, or its number is a stranger's.
    fn led_by(worker: &'a ProcessIdentity, dir: &RunDir) -> Option<Self> {
        match ProcessIdentity::of(worker.pid).ok()? {
            Some(there) if there == *worker => Some(Self { worker, only_below: None }),
            Some(_stranger) => None,
            None => {
                let only_below = Some(read_spec(dir).ok()??.cwd);
                Some(Self { worker, only_below })
            }
        }
    }

    fn has(&self, process: &Process) -> bool {
        let Ok(stat) = process.stat() else { return false };
        let is_in = stat.session == self.worker.pid && stat.starttime >= self.worker.start_ticks;
        let is_below = |dir: &PathBuf| process.cwd().is_ok_and(|cwd| cwd.starts_with(dir));
        is_in && self.only_below.as_ref().is_none_or(is_below)
    }
}

fn find_marked(token_file: &OsStr, session: Option<&Session<'_>>) -> Vec<ProcessIdentity> {
    let Ok(processes) = procfs::process::all_processes() else { return Vec::new() };
    let is_in_session = |process: &Process| session.is_some_and(|session| session.has(process));
    processes
        .flatten()
        .filter(|process| is_in_session(process) || has_token_file(process, token_file))
        .filter_map(|process| ProcessIdentity::of(process.pid()).ok().flatten())
        .filter(|identity| identity.check() == Liveness::Same)
        .collect()
}

fn has_token_file(process: &Process, token_file: &OsStr) -> bool {
    let Ok(environment) = process.environ() else { return false };
    environment.get(OsStr::new("KANBAN_TOKEN_FILE")).is_some_and(|path| path == token_file)
}
