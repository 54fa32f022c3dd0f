//! SQLite's errors as faults.

use crate::kernel::error::Fault;

/// Gives a SQLite error the words for what was being done.
pub(crate) trait Doing<T> {
    /// Turns the error into a [`Fault`] that says it happened while `what`.
    fn doing(self, what: &'static str) -> Result<T, Fault>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: &'static str) -> Result<T, Fault> {
        self.map_err(|error| fault(what, &error))
    }
}

/// The error as a [`Fault`].
pub(super) fn fault(doing: &'static str, error: &rusqlite::Error) -> Fault {
    use rusqlite::ErrorCode as Code;
    if error.sqlite_error_code() == Some(Code::DiskFull) {
        return Fault::DiskFull { doing: doing.to_owned() };
    }
    let retryable = matches!(
        error.sqlite_error_code(),
        Some(
            Code::SystemIoFailure
                | Code::OutOfMemory
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OperationInterrupted
        )
    );
    Fault::Database { doing: doing.to_owned(), detail: error.to_string(), retryable }
}

/// Whether `error` says that a unique index already has the value.
pub(crate) fn is_unique_violation(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::SqliteFailure(code, _)
            if code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                || code.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    )
}
