//! Ending what is left of a run whose shim died, where no control group holds its processes together.
//!
//! Without its sub-reaper the tree has fallen apart: orphans belong to init. Two marks still tell a process of the run: the
//! session that the shim gave the worker, and the path of the run's token file in its environment, which every process
//! inherits and no other run has. A process that has left the session and cleared its environment escapes this; with
//! control groups none does.
//!
//! The session's number is the worker's PID, and free to be given away once worker and session are gone. So it counts only
//! while the worker's own entry is there: a session that has the number later may be a stranger's.

use std::time::{Duration, Instant};

use procfs::process::Process;

use crate::os::identity::{Liveness, ProcessIdentity};
use crate::os::pidfd::{PidFd, Signal};
use crate::os::run_files::RunDir;

/// How long killed processes may take to go, before they are left to be found again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process that bears a mark of the run, until a look finds none. `worker` is the process that led the
/// session, when it is known. Returns how many signals were sent.
pub fn end_remains(dir: &RunDir, worker: Option<&ProcessIdentity>) -> usize {
    let token_file = dir.token();
    // Told once: killing takes the worker away, and what it leads stays its own for as long as that takes.
    let worker = worker.filter(|worker| has_its_number(worker));
    let started = Instant::now();
    let mut sent = 0;
    loop {
        let found = find_marked(token_file.as_os_str(), worker);
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

fn find_marked(
    token_file: &std::ffi::OsStr,
    worker: Option<&ProcessIdentity>,
) -> Vec<ProcessIdentity> {
    let Ok(processes) = procfs::process::all_processes() else { return Vec::new() };
    processes
        .flatten()
        .filter(|process| is_in_session(process, worker) || has_token_file(process, token_file))
        .filter_map(|process| ProcessIdentity::of(process.pid()).ok().flatten())
        .filter(|identity| identity.check() == Liveness::Same)
        .collect()
}

/// Whether the worker's PID is still its own, if only because nobody has reaped it.
fn has_its_number(worker: &ProcessIdentity) -> bool {
    ProcessIdentity::of(worker.pid).ok().flatten().as_ref() == Some(worker)
}

/// `worker` is the leader, known to have led it when the look began.
fn is_in_session(process: &Process, worker: Option<&ProcessIdentity>) -> bool {
    let (Some(worker), Ok(stat)) = (worker, process.stat()) else { return false };
    stat.session == worker.pid && stat.starttime >= worker.start_ticks
}

fn has_token_file(process: &Process, token_file: &std::ffi::OsStr) -> bool {
    let Ok(environment) = process.environ() else { return false };
    environment
        .get(std::ffi::OsStr::new("KANBAN_TOKEN_FILE"))
        .is_some_and(|path| path == token_file)
}
