//! Ending what is left of a run whose shim died, and knowing it when it calls.
//!
//! A run with a leaf of its own is ended by it, whole. Without its sub-reaper a tree that has none has fallen apart: orphans
//! belong to init. Two marks still tell a process of the run: the session that the shim gave the worker, and the path of the
//! run's token file in its environment, which every process inherits and no other run has. A process that has left the session
//! and cleared its environment escapes this; from a leaf none does, but one with the rights to leave it, and so both are done.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use procfs::process::Process;

use crate::os::cgroup::end_leaf;
use crate::os::cgroup_leaf::Leaf;
use crate::os::identity::{Liveness, ProcessIdentity};
use crate::os::pidfd::{PidFd, Signal};
use crate::os::run_files::{RunDir, read_spec};

/// Variable with the path of the run's token file.
const TOKEN_VARIABLE: &[u8] = b"KANBAN_TOKEN_FILE=";

/// Kills everything in the run's leaf, and every process that bears a mark of the run, until a look finds none or `patience` is
/// over; removes the leaf. `worker` is the process that led the session, when it is known. True when nothing is left: only then
/// is the run over.
#[must_use = "a run that has something left is not over"]
pub fn end_remains(dir: &RunDir, worker: Option<&ProcessIdentity>, patience: Duration) -> bool {
    let started = Instant::now();
    let leaf = leaf_of(dir);
    let token_file = dir.token();
    loop {
        let is_leaf_gone = leaf.as_ref().is_none_or(|leaf| end_leaf(leaf, Duration::ZERO));
        let found = find_marked(token_file.as_os_str(), worker);
        if is_leaf_gone && found.is_empty() {
            return true;
        }
        for identity in &found {
            match PidFd::open(identity) {
                Ok(Some(process)) => {
                    if let Err(error) = process.signal(Signal::SIGKILL) {
                        tracing::warn!(pid = identity.pid, %error, "a leftover process cannot be ended");
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(pid = identity.pid, %error, "a leftover process cannot be ended");
                }
            }
        }
        if started.elapsed() >= patience {
            return false;
        }
        std::thread::yield_now();
    }
}

/// Removes the leaf that the spec of a run names, if one is left: one that the shim could not remove.
pub fn remove_leaf(dir: &RunDir) {
    if let Some(leaf) = leaf_of(dir)
        && let Err(error) = leaf.remove()
    {
        tracing::warn!(leaf = %leaf.path().display(), %error, "the control group of a closed run could not be removed");
    }
}

fn leaf_of(dir: &RunDir) -> Option<Leaf> {
    let spec = read_spec(dir).inspect_err(|error| {
        tracing::warn!(%error, "the control group of a run is not known");
    });
    Some(Leaf::new(spec.ok()??.containment?.leaf))
}

/// The run below `runs` whose mark one of `processes` bears in its environment; none when none does, as far as that can be read.
pub fn marked_run(runs: &Path, processes: &[ProcessIdentity]) -> Option<i64> {
    processes.iter().find_map(|process| {
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).ok()?;
        run_of_environment(runs, &environment)
    })
}

fn run_of_environment(runs: &Path, environment: &[u8]) -> Option<i64> {
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|variable| variable.strip_prefix(TOKEN_VARIABLE))?;
    let mut below = Path::new(OsStr::from_bytes(value)).strip_prefix(runs).ok()?.components();
    below.next()?.as_os_str().to_str()?.parse().ok()
}

fn find_marked(token_file: &OsStr, worker: Option<&ProcessIdentity>) -> Vec<ProcessIdentity> {
    let Ok(processes) = procfs::process::all_processes() else { return Vec::new() };
    processes
        .flatten()
        .filter(|process| is_in_session(process, worker) || has_token_file(process, token_file))
        .filter_map(|process| ProcessIdentity::of(process.pid()).ok().flatten())
        .filter(|identity| identity.check() == Liveness::Same)
        .collect()
}

/// The session's number may have been given away since; its members are no older than the worker.
fn is_in_session(process: &Process, worker: Option<&ProcessIdentity>) -> bool {
    let (Some(worker), Ok(stat)) = (worker, process.stat()) else { return false };
    stat.session == worker.pid && stat.starttime >= worker.start_ticks
}

fn has_token_file(process: &Process, token_file: &OsStr) -> bool {
    let Ok(environment) = process.environ() else { return false };
    environment.get(OsStr::new("KANBAN_TOKEN_FILE")).is_some_and(|path| path == token_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_path_of_a_token_file_below_the_own_runs() {
        let runs = Path::new("/home/a/runs");
        for (environment, run) in [
            (&b"PATH=/bin\0KANBAN_TOKEN_FILE=/home/a/runs/7/token\0"[..], Some(7)),
            (b"KANBAN_TOKEN_FILE=/home/b/runs/7/token\0", None),
            (b"KANBAN_TOKEN_FILE=/home/a/runs/\0", None),
            (b"KANBAN_TOKEN_FILE=/home/a/runs/x/token\0", None),
            (b"NOT_KANBAN_TOKEN_FILE=/home/a/runs/7/token\0", None),
            (b"\0", None),
        ] {
            let text = String::from_utf8_lossy(environment);
            assert_eq!(run_of_environment(runs, environment), run, "{text}");
        }
    }
}
