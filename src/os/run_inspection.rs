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

use crate::os::run_files::{ExitRecord, RunDir, RunIdentity, read_exit, read_identity};
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
