//! What has become of a run, told by its run lock.
//!
//! The shim holds the lock for its whole life and takes it before it does anything else. Whoever gets the lock therefore
//! knows that no shim lives and, because the shim that was started last would find it taken, that none can come to act:
//!
//! | lock | exit record | identity | answer |
//! |---|---|---|---|
//! | refused | | | a shim lives |
//! | taken | there | | it ended as the record says |
//! | taken | none | there | the shim died; its tree may live |
//! | taken | none | none | nothing was started |

use std::io;
use std::path::Path;

use crate::os::run_files::{
    ExitRecord, RunDir, RunIdentity, read_exit, read_identity, read_spec, remove,
};
use crate::os::run_lock::RunLock;

/// What has become of a run.
#[derive(Debug)]
pub enum Inspection {
    /// A shim lives; its identity once it has written it down.
    Alive(Option<RunIdentity>),
    /// The tree is proven empty.
    Ended(ExitRecord),
    /// The shim is gone without a word. What is left of its tree has to be ended before anything else.
    ShimDied(RunIdentity),
    /// No shim lives, none can come, none had begun.
    NeverStarted,
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
    /// Its shim has not ended yet.
    ShimLives,
    /// It belongs to another life of the board and stays.
    OtherLife,
}

/// Removes the directory of a run that the board has closed: a daemon died between closing it and tidying up.
///
/// # Errors
/// It cannot be read or removed.
pub fn remove_left_over(dir: &RunDir, incarnation: &str) -> io::Result<LeftOver> {
    let lock = match RunLock::try_acquire(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LeftOver::Removed),
        lock => lock?,
    };
    if lock.is_none() {
        return Ok(LeftOver::ShimLives);
    }
    if read_spec(dir)?.is_some_and(|spec| spec.incarnation != incarnation) {
        return Ok(LeftOver::OtherLife);
    }
    remove(dir)?;
    Ok(LeftOver::Removed)
}

/// Whether a shim of this run lives: it holds the lock.
///
/// # Errors
/// The lock cannot be tried; then nothing is known.
pub fn is_shim_alive(dir: &RunDir) -> io::Result<bool> {
    match RunLock::try_acquire(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        lock => Ok(lock?.is_none()),
    }
}

/// Inspects a run. When nothing had begun the spec is removed while the lock is held, so that a shim that was forked but has
/// not reached its lock yet finds nothing to start.
///
/// # Errors
/// A file that cannot be read or is damaged; then nothing is known.
pub fn inspect(dir: &RunDir) -> io::Result<Inspection> {
    if !dir.path().is_dir() {
        return Ok(Inspection::NeverStarted);
    }
    let Some(lock) = RunLock::try_acquire(dir)? else {
        return Ok(Inspection::Alive(read_identity(dir)?));
    };
    let answer = match (read_exit(dir)?, read_identity(dir)?) {
        (Some(record), _) => Inspection::Ended(record),
        (None, Some(identity)) => Inspection::ShimDied(identity),
        (None, None) => Inspection::NeverStarted,
    };
    if let Inspection::NeverStarted = answer {
        match std::fs::remove_file(dir.spec()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    drop(lock);
    Ok(answer)
}
