//! Faults: failures below the board.

use thiserror::Error;

use super::{ErrorCode, Hint};

/// A failure underneath the board.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Fault {
    /// SQLite could not do it.
    #[error("cannot {doing}: {detail}")]
    Database {
        /// What was being done, as a verb phrase.
        doing: String,
        /// SQLite's own words.
        detail: String,
        /// Whether the same request may succeed later (disk full, I/O error, batch rolled back).
        retryable: bool,
    },
    /// A file or folder cannot be worked with.
    #[error("cannot {doing}: {detail}")]
    File {
        /// What was being done, as a verb phrase with the path: "create the workspace /x".
        doing: String,
        /// The system's own words.
        detail: String,
        /// Whether the same request may succeed later: nothing is known of the file yet.
        retryable: bool,
    },
    /// There is no room on the disk for it.
    #[error("cannot {doing}: the disk is full; free some space")]
    DiskFull {
        /// What was being done, as a verb phrase.
        doing: String,
    },
    /// A row says something that this program never writes.
    #[error("the database holds an unexpected {what}: {value:?}")]
    Corrupt {
        /// Column or kind of value.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// The board's files are no longer those that are open, so what would be written now could not be found again.
    #[error("writes are disabled: {loss}")]
    BoardLost {
        /// Which file, and what happened to it.
        loss: String,
        /// What an operator does about it.
        remedy: &'static str,
    },
    /// The daemon is going down and takes no more requests.
    #[error("the daemon is shutting down")]
    ShuttingDown,
    /// There is no room for the request now.
    #[error("the daemon is busy: {what}; retry later")]
    Busy {
        /// What there are too many of.
        what: &'static str,
    },
    /// A part of the daemon did not answer.
    #[error("{part} did not answer")]
    NoAnswer {
        /// The part.
        part: &'static str,
    },
    /// The transaction of several requests failed, this one among them. The database has logged why, once for all of them.
    #[error(transparent)]
    Uncommitted {
        /// What failed.
        cause: Box<Fault>,
    },
}

impl Fault {
    /// Whether the same request may succeed when it is repeated.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Database { retryable, .. } | Self::File { retryable, .. } => *retryable,
            Self::Uncommitted { cause } => cause.is_retryable(),
            Self::DiskFull { .. }
            | Self::ShuttingDown
            | Self::Busy { .. }
            | Self::NoAnswer { .. } => true,
            Self::Corrupt { .. } | Self::BoardLost { .. } => false,
        }
    }

    /// The stable code of this fault.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::BoardLost { .. } => ErrorCode::BoardLost,
            Self::Uncommitted { cause } => cause.code(),
            Self::Database { .. }
            | Self::File { .. }
            | Self::DiskFull { .. }
            | Self::Corrupt { .. }
            | Self::ShuttingDown
            | Self::Busy { .. }
            | Self::NoAnswer { .. } => {
                if self.is_retryable() {
                    ErrorCode::Unavailable
                } else {
                    ErrorCode::Internal
                }
            }
        }
    }

    /// What an operator could do about it, when there is something to say.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::BoardLost { remedy, .. } => Some(Hint::words(*remedy)),
            Self::Uncommitted { cause } => cause.hint(),
            Self::Database { .. }
            | Self::File { .. }
            | Self::DiskFull { .. }
            | Self::Corrupt { .. }
            | Self::ShuttingDown
            | Self::Busy { .. }
            | Self::NoAnswer { .. } => None,
        }
    }
}
