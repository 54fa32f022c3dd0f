//! Moving the deadline of a run that a shim watches.

use std::io;
use std::time::Duration;

use super::directory::{RUN_FILE_VERSION, RunDeadline, RunDir, read_identity, write_deadline};

/// What came of moving a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The shim reads it when the time of its spec is up.
    Yes,
    /// The shim is of a release that reads no deadline: it ends the run when its spec says so.
    NotRead,
}

/// Says that a run has to end `by` later than its spec says. Called by the worker actor.
///
/// # Errors
/// The shim has not said who it is yet (`NotFound`), its file cannot be read, or the deadline cannot be written.
pub fn move_deadline(dir: &RunDir, by: Duration) -> io::Result<Moved> {
    let identity = read_identity(dir)?.ok_or(io::ErrorKind::NotFound)?;
    let Some(first_ms) = identity.deadline_ms else { return Ok(Moved::NotRead) };
    let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    let deadline = RunDeadline {
        version: RUN_FILE_VERSION,
        nonce: identity.nonce,
        deadline_ms: first_ms.saturating_add(by_ms),
    };
    write_deadline(dir, &deadline)?;
    Ok(Moved::Yes)
}
