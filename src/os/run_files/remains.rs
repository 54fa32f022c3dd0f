//! The remains of a run whose shim died: how they are found, ended, and identified as callers.
//!
//! A run with a leaf of its own is ended by it, whole. Without its sub-reaper a tree that has none has fallen apart: orphans
//! belong to init. Two marks still tell a process of the run: the session that the shim gave the worker, and the variables in
//! its environment that no other run has (the token file, or the run's number beside our socket), which every process inherits.
//! A process that has left the session and cleared its environment escapes this; from a leaf none does, but one with the rights
//! to leave it, and so both are done.
//!
//! The session's number is the worker's PID, and free to be given away once worker and session are gone: a session that has
//! it later may be a stranger's. While the worker's own entry is there it is ours; when that PID belongs to another process it is not;
//! and when nobody has that PID, those of its members are ours that are where the run was started, too.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};
use procfs::process::Process;

use crate::os::control_groups::cgroup::end_leaf;
use crate::os::control_groups::leaf::Leaf;
use crate::os::failure::in_words;
use crate::os::holder::client::Holder;
use crate::os::holder::protocol::Remains;
use crate::os::processes::identity::{Liveness, ProcessIdentity};
use crate::os::processes::pidfd::{PidFd, Signal};
use crate::os::processes::proc_view::is_limited;
use crate::os::run_files::directory::{COMMAND_PREFIX, NO_RUN, RunDir, RunSpec};
use crate::os::run_files::signs::Footing;

/// A run whose shim may be gone, and everything by which its processes are known.
#[derive(Debug, Clone, Copy)]
pub struct Remnant<'a> {
    /// Its directory.
    pub dir: &'a RunDir,
    /// Its number.
    pub run_id: Option<i64>,
    /// What is known of it beside its files.
    pub footing: &'a Footing,
    /// Its spec, when it could be read.
    pub spec: Option<&'a RunSpec>,
    /// What tells the runs of this installation from those of another.
    pub marks: Marks<'a>,
    /// Who started its shim, where that was not the daemon.
    pub holder: Option<&'a Holder>,
}

/// What is left of a run's processes. Its shim does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Empty,
    /// Something.
    Some,
    /// Unknown, for this reason.
    Unknown(String),
}

impl Remnant<'_> {
    /// The leaf of the run, when it is known.
    fn leaf(&self) -> Option<Leaf> {
        let of_spec = || self.spec?.containment.as_ref().map(|groups| groups.leaf.clone());
        self.footing.leaf.clone().or_else(of_spec).map(Leaf::new)
    }

    /// Whether the kernel says that something is in the leaf of the run.
    pub fn has_populated_leaf(&self) -> bool {
        self.leaf().is_some_and(|leaf| matches!(leaf.is_populated(), Ok(true)))
    }

    /// Whether its processes are another user's, whose marks this process may not read.
    fn is_out_of_sight(&self) -> bool {
        let is_others = self.footing.is_others || self.spec.is_some_and(|spec| spec.user.is_some());
        is_others && !geteuid().is_root()
    }

    /// Looks what is left. Nothing is ended by it, unless the holder knows of something without a supervisor.
    pub fn look(&self) -> Tree {
        let leaf = self.leaf();
        let of_leaf = match leaf.as_ref().map(Leaf::is_populated) {
            Some(Ok(true)) => return Tree::Some,
            Some(Err(error)) => {
                return Tree::Unknown(format!("its control group: {}", in_words(&error)));
            }
            Some(Ok(false)) => Some(()),
            None => None,
        };
        if self.is_out_of_sight() {
            return match of_leaf {
                Some(()) => Tree::Empty,
                None => self.ask_holder(None),
            };
        }
        let session = match self.session(None) {
            Ok(session) => session,
            Err(error) => return unknown("its worker", &error),
        };
        match find_marked(self.marks, self.run_id, session.as_ref()) {
            Ok(found) if !found.is_empty() || may_hide(leaf.as_ref(), session.as_ref()) => {
                Tree::Some
            }
            Ok(_nothing) => Tree::Empty,
            Err(error) => unknown("the process table", &error),
        }
    }

    /// Kills everything in the run's leaf, and every process that bears a mark of the run, until a look finds none or `patience`
    /// is over; removes the leaf. `shim` and `worker` are known when they were seen. [`Tree::Empty`] when nothing is left: only
    /// then is the run over.
    #[must_use = "a run that has something left is not over"]
    pub fn end(
        &self,
        shim: Option<&ProcessIdentity>,
        worker: Option<&ProcessIdentity>,
        patience: Duration,
    ) -> Tree {
        crate::failpoint::hit("remains-found");
        let started = Instant::now();
        let leaf = self.leaf();
        if self.is_out_of_sight() {
            return match leaf {
                Some(leaf) if end_leaf(&leaf, patience) => Tree::Empty,
                Some(_) => Tree::Some,
                None => self.ask_holder(shim),
            };
        }
        // Told once: killing takes the worker away, and what it led stays its own for as long as that takes.
        let session = match self.session(worker) {
            Ok(session) => session,
            Err(error) => return unknown("its worker", &error),
        };
        loop {
            let is_leaf_gone = leaf.as_ref().is_none_or(|leaf| end_leaf(leaf, Duration::ZERO));
            let found = match find_marked(self.marks, self.run_id, session.as_ref()) {
                Ok(found) => found,
                Err(error) => return unknown("the process table", &error),
            };
            if is_leaf_gone && found.is_empty() && !may_hide(leaf.as_ref(), session.as_ref()) {
                return Tree::Empty;
            }
            found.iter().for_each(end_process);
            if started.elapsed() >= patience {
                return Tree::Some;
            }
            std::thread::yield_now();
        }
    }

    fn session<'a>(
        &'a self,
        worker: Option<&'a ProcessIdentity>,
    ) -> io::Result<Option<Session<'a>>> {
        match worker.or(self.footing.worker.as_ref()) {
            Some(worker) => Session::led_by(worker, self.spec),
            None => Ok(None),
        }
    }

    /// What the holder says. It kills what has no supervisor.
    fn ask_holder(&self, shim: Option<&ProcessIdentity>) -> Tree {
        let Some(holder) = self.holder else {
            return Tree::Unknown(
                "its processes belong to another user; only root sees them".to_owned(),
            );
        };
        let Some(shim) = shim.or(self.footing.shim.as_ref()) else {
            return Tree::Unknown("its shim is unknown to the holder".to_owned());
        };
        match holder.remains(shim) {
            Ok(Remains::None) => Tree::Empty,
            Ok(Remains::Some) => Tree::Some,
            Ok(Remains::Unknown) => {
                Tree::Unknown("its shim was started by an earlier holder".to_owned())
            }
            Err(error) => Tree::Unknown(error.to_string()),
        }
    }

    /// Removes the leaf, if one is left: one that the shim could not remove.
    pub fn remove_leaf(&self) {
        if let Some(leaf) = self.leaf()
            && let Err(error) = leaf.remove()
        {
            tracing::warn!(leaf = %leaf.path().display(), %error, "cannot remove the control group of a closed run");
        }
    }
}

/// Whether there may be more than is shown. A leaf is complete; without one, a process that `/proc` hides is not found.
fn may_hide(leaf: Option<&Leaf>, session: Option<&Session<'_>>) -> bool {
    leaf.is_none() && session.is_some_and(Session::has_hidden_group)
}

/// `what` cannot be looked at.
fn unknown(what: &str, error: &io::Error) -> Tree {
    Tree::Unknown(format!("{what}: {}", in_words(error)))
}

fn end_process(identity: &ProcessIdentity) {
    let killed = match PidFd::open(identity) {
        Ok(Some(process)) => process.signal(Signal::SIGKILL).map(drop),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = killed {
        tracing::warn!(pid = identity.pid, %error, "cannot kill a leftover process");
    }
}

/// What tells the runs of this installation from those of another.
#[derive(Debug, Clone, Copy)]
pub struct Marks<'a> {
    /// Parent of the run directories.
    pub runs_dir: &'a Path,
    /// The workers' socket; the operators' one is called the same without its last part.
    pub worker_socket: &'a Path,
}

/// The run whose mark one of `processes` bears in its environment; none when none does, as far as that can be read.
pub fn marked_run(marks: Marks<'_>, processes: &[ProcessIdentity]) -> Option<i64> {
    processes.iter().find_map(|process| {
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid)).ok()?;
        marks.run_of(&environment)
    })
}

/// The run in whose worker's session, number `session`, the process `member` is, by what the shims have written down. For the
/// runs of which the daemon has not heard that yet: `is_known` passes over the others.
pub fn run_of_session(
    runs_dir: &Path,
    session: i32,
    member: &ProcessIdentity,
    is_known: impl Fn(i64) -> bool,
) -> Option<i64> {
    let leads = |worker: &ProcessIdentity| {
        worker.pid == session
            && worker.boot_id == member.boot_id
            && worker.start_ticks <= member.start_ticks
    };
    let runs = std::fs::read_dir(runs_dir).ok()?.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?;
        let is_command = name.starts_with(COMMAND_PREFIX);
        let run_id = if is_command { NO_RUN } else { name.parse().ok()? };
        Some((run_id, RunDir::new(entry.path())))
    });
    runs.filter(|(run_id, _)| !is_known(*run_id)).find_map(|(run_id, dir)| {
        let worker = crate::os::run_files::directory::read_identity(&dir).ok()??.worker?;
        leads(&worker).then_some(run_id)
    })
}

impl Marks<'_> {
    /// By the token file; or by the number of the run, where it stands beside the way to one of our sockets.
    fn run_of(self, environment: &[u8]) -> Option<i64> {
        let value = |name: &str| {
            let mut variables = environment.split(|byte| *byte == 0);
            variables.find_map(|variable| {
                let (found, value) = variable.split_at_checked(name.len())?;
                (found == name.as_bytes()).then_some(OsStr::from_bytes(value.strip_prefix(b"=")?))
            })
        };
        let of_token = || {
            let below = Path::new(value("KANBAN_TOKEN_FILE")?).strip_prefix(self.runs_dir).ok()?;
            below.components().next()?.as_os_str().to_str()?.parse().ok()
        };
        let of_number = || {
            let socket = Path::new(value("KANBAN_SOCKET")?);
            let is_ours =
                socket == self.worker_socket || socket == self.worker_socket.with_extension("");
            value("KANBAN_RUN").filter(|_| is_ours)?.to_str()?.parse().ok()
        };
        of_token().or_else(of_number)
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
    ///
    /// # Errors
    /// The worker cannot be looked at, or `/proc` hides it: it may be there.
    fn led_by(worker: &'a ProcessIdentity, spec: Option<&RunSpec>) -> io::Result<Option<Self>> {
        Ok(match ProcessIdentity::of(worker.pid)? {
            Some(there) if there == *worker => Some(Self { worker, only_below: None }),
            Some(_stranger) => None,
            None => spec.map(|spec| Self { worker, only_below: Some(spec.cwd.clone()) }),
        })
    }

    /// Whether a process that `/proc` hides may be in the process group of the worker: a signal would find one, and none of those
    /// that are shown is left. Groups of the worker's own making are out of sight then.
    fn has_hidden_group(&self) -> bool {
        is_limited() && kill(Pid::from_raw(-self.worker.pid), None) != Err(Errno::ESRCH)
    }

    fn has(&self, process: &Process) -> bool {
        let Ok(stat) = process.stat() else { return false };
        let is_in = stat.session == self.worker.pid && stat.starttime >= self.worker.start_ticks;
        let is_below = |dir: &PathBuf| process.cwd().is_ok_and(|cwd| cwd.starts_with(dir));
        is_in && self.only_below.as_ref().is_none_or(is_below)
    }
}

/// # Errors
/// `/proc` cannot be listed. A process that goes meanwhile, or is hidden, is none.
fn find_marked(
    marks: Marks<'_>,
    run_id: Option<i64>,
    session: Option<&Session<'_>>,
) -> io::Result<Vec<ProcessIdentity>> {
    let processes = procfs::process::all_processes().map_err(|error| match error {
        procfs::ProcError::Io(error, _) => error,
        error => io::Error::other(error.to_string()),
    })?;
    let is_in_session = |process: &Process| session.is_some_and(|session| session.has(process));
    let is_marked = |process: &Process| {
        let environment = std::fs::read(format!("/proc/{}/environ", process.pid()));
        run_id.is_some() && environment.is_ok_and(|text| marks.run_of(&text) == run_id)
    };
    Ok(processes
        .flatten()
        .filter(|process| is_in_session(process) || is_marked(process))
        .filter_map(|process| ProcessIdentity::of(process.pid()).ok().flatten())
        .filter(|identity| identity.check() == Liveness::Same)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_a_run_of_this_installation() {
        let marks =
            Marks { runs_dir: Path::new("/a/runs"), worker_socket: Path::new("/a/k.sock.worker") };
        for (environment, run) in [
            ("PATH=/bin\0KANBAN_TOKEN_FILE=/a/runs/7/token\0", Some(7)),
            ("KANBAN_TOKEN_FILE=/b/runs/7/token\0", None),
            ("KANBAN_TOKEN_FILE=/a/runs/\0", None),
            ("KANBAN_TOKEN_FILE=/a/runs/x/token\0", None),
            ("NOT_KANBAN_TOKEN_FILE=/a/runs/7/token\0", None),
            ("KANBAN_RUN=7\0KANBAN_SOCKET=/a/k.sock.worker\0", Some(7)),
            ("KANBAN_RUN=7\0KANBAN_SOCKET=/a/k.sock\0", Some(7)),
            ("KANBAN_RUN=7\0KANBAN_SOCKET=/b/k.sock\0", None),
            ("KANBAN_RUNS=7\0KANBAN_SOCKET=/a/k.sock\0", None),
            ("KANBAN_SOCKET=/a/k.sock\0", None),
            ("\0", None),
        ] {
            assert_eq!(marks.run_of(environment.as_bytes()), run, "{environment}");
        }
    }
}
