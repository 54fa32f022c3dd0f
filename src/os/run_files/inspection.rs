//! The state of a run, judged by all signs.
//!
//! A missing file is no proof of anything: it may have been removed. A run has never started, or is over, only when the
//! kernel says so: its shim is not there (by PID and start, else by a search of the process table), and nothing of its tree is.
//!
//! | its shim | exit record | lock | answer |
//! |---|---|---|---|
//! | lives | | | alive |
//! | unknown | | | unknown |
//! | is gone | there | | ended as the record says |
//! | is gone | none, or unreadable | | its shim died; its tree may live |
//! | is not known | there | | ended as the record says |
//! | is not known, none is found | none | held | one is about to say who it is |
//! | is not known, none is found | none | free, no file | nothing of a tree, no log: never started; else its shim died |
//! | is not known, cannot be searched for | none | | unknown |
//!
//! The shim holds the lock for its whole life and takes it before it does anything else. So when nothing had begun the spec is
//! removed under the lock: a shim that was forked and has not reached its lock yet finds nothing to start.

use std::io;
use std::path::Path;

use crate::os::processes::identity::{Liveness, ProcessIdentity, boot_id};
use crate::os::run_files::directory::{
    ExitRecord, RunDir, RunSpec, read_exit, read_identity, remove,
};
use crate::os::run_files::lock::{LockSign, RunLock};
use crate::os::run_files::remains::{Remnant, Tree};
use crate::os::run_files::signs::{Directory, Footing, Search, Seen, Signs};

/// What has become of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// Its shim lives.
    Alive(ShimAndWorker),
    /// A shim is at its beginning: it is about to write down who it is. The process, when the process table shows it.
    Beginning(Option<ProcessIdentity>),
    /// All processes are gone.
    Ended(ExitRecord),
    /// The shim is gone without a record. What is left of its tree has to be ended before anything else.
    ShimDied(Loss),
    /// No shim lives, none can come, none had begun.
    NeverStarted,
    /// Unknown, for this reason. Nothing may be started, ended or removed by it.
    Unknown(String),
}

/// A shim that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShimAndWorker {
    /// The shim.
    pub shim: ProcessIdentity,
    /// Its worker, when that is known.
    pub worker: Option<ProcessIdentity>,
}

/// A run whose shim is gone without a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The shim, when it is known.
    pub shim: Option<ProcessIdentity>,
    /// Its worker, when that is known.
    pub worker: Option<ProcessIdentity>,
    /// Why nobody knows how it ended.
    pub cause: LossCause,
}

/// Why nobody knows how a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LossCause {
    /// The shim died before it could write its record.
    ShimDied,
    /// The host went down.
    OtherBoot,
    /// The directory of the run was removed.
    DirectoryRemoved,
    /// Something else stands in the place of the directory.
    DirectoryReplaced(String),
    /// Files were removed from the directory.
    FilesRemoved,
    /// The record, or the directory, cannot be read.
    Unreadable(String),
}

impl LossCause {
    /// One line for people.
    pub fn explanation(&self) -> String {
        match self {
            Self::ShimDied => "its shim died; its remaining processes were killed".to_owned(),
            Self::OtherBoot => "the host was restarted while it ran".to_owned(),
            Self::DirectoryRemoved => {
                "its run directory was removed; cannot determine how the run ended".to_owned()
            }
            Self::DirectoryReplaced(why) => {
                format!(
                    "its run directory was replaced ({why}); cannot determine how the run ended"
                )
            }
            Self::FilesRemoved => {
                "files of its run directory were removed; cannot determine how the run ended"
                    .to_owned()
            }
            Self::Unreadable(why) => format!("cannot read how the run ended: {why}"),
        }
    }
}

/// What was seen of a run, and what it means.
#[derive(Debug)]
pub struct Inspected {
    /// What it means.
    pub inspection: Inspection,
    /// The spec, when the directory is the run's own and it could be read.
    pub spec: Option<RunSpec>,
}

/// Inspects the run of `remnant`. When nothing had begun the spec is removed, so that nothing begins later.
pub fn inspect(remnant: &Remnant<'_>) -> Inspected {
    let Remnant { dir, run_id, footing, .. } = remnant;
    let mut signs = Signs::look(dir, *run_id, footing);
    // No process outlives its boot, and no control group: where one is populated, it is the boot id that differs.
    let is_other_boot = is_other_boot(&signs) && !remnant.has_populated_leaf();
    if wants_search(&signs, is_other_boot) {
        signs.search(dir);
    }
    let spec = match &signs.spec {
        Seen::There(spec) => Some(spec.clone()),
        Seen::Missing | Seen::Unreadable { .. } => None,
    };
    let with_spec = Remnant { spec: spec.as_ref(), ..*remnant };
    let tree = wants_tree(&signs).then(|| with_spec.look());
    let mut inspection = judge(&signs, is_other_boot, tree.as_ref());
    if inspection == Inspection::NeverStarted && signs.directory == Directory::Own {
        inspection = match revoke(dir) {
            Ok(true) => Inspection::NeverStarted,
            // A shim was faster.
            Ok(false) => Inspection::Beginning(None),
            Err(error) => Inspection::Unknown(error.to_string()),
        };
    }
    Inspected { inspection, spec }
}

/// Whether the shim that is known is of another boot, as far as the boot ids say.
fn is_other_boot(signs: &Signs) -> bool {
    let known = signs.shim.as_ref().map(|(shim, _)| shim.boot_id.as_str());
    known.is_some_and(|known| boot_id().is_ok_and(|now| now != known))
}

/// Whether the process table has to be asked for the shim. A boot id may be told differently in a container, so a shim of
/// another boot is searched for as well.
fn wants_search(signs: &Signs, is_other_boot: bool) -> bool {
    if matches!(signs.exit, Seen::There(_)) {
        return false;
    }
    match &signs.shim {
        None => true,
        Some((_, Liveness::Gone)) => is_other_boot || signs.lock == LockSign::Held,
        Some((_, Liveness::Same | Liveness::Unknown)) => false,
    }
}

/// Whether nothing but the tree itself can tell a run that never began from one whose traces are gone.
fn wants_tree(signs: &Signs) -> bool {
    signs.shim.is_none()
        && signs.search == Search::Nobody
        && signs.lock != LockSign::Held
        && !matches!(signs.exit, Seen::There(_))
}

/// The judgement: pure. `is_other_boot` says that the known shim is of another boot, `tree` what is left of the tree where
/// that was asked for.
pub fn judge(signs: &Signs, is_other_boot: bool, tree: Option<&Tree>) -> Inspection {
    let worker = signs.worker.clone();
    match (&signs.shim, &signs.search) {
        (Some((shim, Liveness::Same)), _) => {
            return Inspection::Alive(ShimAndWorker { shim: shim.clone(), worker });
        }
        (Some((_, Liveness::Unknown)), _) => {
            return Inspection::Unknown("cannot determine whether its shim still runs".to_owned());
        }
        (None, Search::Shim(shim)) => return Inspection::Beginning(Some(shim.clone())),
        (Some((_, Liveness::Gone)), Search::Shim(shim)) => {
            return Inspection::Alive(ShimAndWorker { shim: shim.clone(), worker });
        }
        (Some((_, Liveness::Gone)) | None, Search::Failed(why)) => {
            return Inspection::Unknown(format!("cannot search for its shim: {why}"));
        }
        (Some((_, Liveness::Gone)) | None, Search::NotDone | Search::Nobody) => {}
    }
    if let Seen::There(record) = &signs.exit {
        return Inspection::Ended(record.clone());
    }
    if let Seen::Unreadable { why, is_passing: true } = &signs.exit {
        return Inspection::Unknown(why.clone());
    }
    let loss = |shim: Option<&ProcessIdentity>, is_other_boot: bool| {
        let cause = cause_of(signs, is_other_boot);
        Inspection::ShimDied(Loss { shim: shim.cloned(), worker: worker.clone(), cause })
    };
    match (&signs.shim, &signs.lock) {
        (Some(_), LockSign::Held) => {
            Inspection::Unknown("its run lock is held by a process that is not its shim".to_owned())
        }
        (Some((shim, _)), _) => loss(Some(shim), is_other_boot),
        (None, LockSign::Held) => Inspection::Beginning(None),
        (None, _) => match tree {
            Some(Tree::Unknown(why)) => Inspection::Unknown(why.clone()),
            Some(Tree::Empty) if is_untouched(signs) => Inspection::NeverStarted,
            Some(Tree::Empty | Tree::Some) => loss(None, false),
            None => Inspection::Unknown("its processes have not been searched for".to_owned()),
        },
    }
}

/// Whether nothing says that a shim had begun.
fn is_untouched(signs: &Signs) -> bool {
    let can_be_read = matches!(signs.directory, Directory::Own | Directory::Missing);
    can_be_read && !signs.has_log && signs.identity == Seen::Missing && signs.exit == Seen::Missing
}

fn cause_of(signs: &Signs, is_other_boot: bool) -> LossCause {
    if is_other_boot {
        return LossCause::OtherBoot;
    }
    match (&signs.directory, &signs.exit, &signs.identity) {
        (Directory::Missing, _, _) => LossCause::DirectoryRemoved,
        (Directory::Other(why), _, _) => LossCause::DirectoryReplaced(why.clone()),
        (Directory::Unreadable(why), _, _) | (Directory::Own, Seen::Unreadable { why, .. }, _) => {
            LossCause::Unreadable(why.clone())
        }
        (Directory::Own, _, Seen::There(_)) => LossCause::ShimDied,
        (Directory::Own, _, Seen::Missing) => LossCause::FilesRemoved,
        (Directory::Own, _, Seen::Unreadable { why, .. }) => LossCause::Unreadable(why.clone()),
    }
}

/// Removes the spec under the lock, so that nothing is started by it; false when a shim has the lock or has begun.
///
/// # Errors
/// The lock cannot be tried or the spec not be removed; then a shim may still come.
pub fn revoke(dir: &RunDir) -> io::Result<bool> {
    let lock = match RunLock::try_acquire(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        lock => lock?,
    };
    let Some(_lock) = lock else { return Ok(false) };
    if read_identity(dir)?.is_some() || read_exit(dir)?.is_some() {
        return Ok(false);
    }
    match std::fs::remove_file(dir.spec()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(true),
    }
}

/// Numbers of the runs below `runs` that have a directory.
///
/// # Errors
/// The directory cannot be listed.
pub fn list_run_dirs(runs: &Path) -> io::Result<Vec<i64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(runs)? {
        found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i64>().ok()));
    }
    Ok(found)
}

/// What became of the directory of a closed run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    /// It is gone.
    Removed,
    /// Its shim has not ended yet, or it is unknown whether it has.
    ShimLives,
    /// It belongs to another life of the board and stays.
    OtherLife,
}

/// Removes the directory of a run that the board has closed: a daemon died between closing it and tidying up. Something else in
/// its place stays.
///
/// # Errors
/// It cannot be read or removed.
pub fn remove_left_over(dir: &RunDir, incarnation: &str) -> io::Result<LeftOver> {
    let mut signs = Signs::look(dir, None, &Footing::default());
    match &signs.directory {
        Directory::Missing => return Ok(LeftOver::Removed),
        Directory::Own => {}
        Directory::Other(why) | Directory::Unreadable(why) => {
            return Err(io::Error::other(format!("{}: {why}", dir.path().display())));
        }
    }
    if let Seen::There(spec) = &signs.spec
        && spec.incarnation != incarnation
    {
        return Ok(LeftOver::OtherLife);
    }
    // Its lock or the file that names it may have been removed.
    signs.search(dir);
    let is_gone = !matches!(signs.shim, Some((_, Liveness::Same | Liveness::Unknown)));
    if signs.lock == LockSign::Held || signs.search != Search::Nobody || !is_gone {
        return Ok(LeftOver::ShimLives);
    }
    remove(dir)?;
    Ok(LeftOver::Removed)
}

#[cfg(test)]
mod tests;
