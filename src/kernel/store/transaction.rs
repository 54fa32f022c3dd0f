//! Beginning and ending transactions, and the savepoints in them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::StatementStatus;
use rusqlite::config::DbConfig;
use rusqlite::trace::{StmtRef, TraceEvent, TraceEventCodes};

use super::Doing;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::store::Connection;

fn execute(connection: &Connection, sql: &'static str, doing: &'static str) -> Result<(), Fault> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .doing(doing)
}

/// Begins a transaction that may write, and takes the write lock at once.
pub(in crate::kernel) fn begin(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "BEGIN IMMEDIATE", "begin a transaction")
}

/// Begins one request inside the transaction.
pub(in crate::kernel) fn begin_request(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "SAVEPOINT request", "begin a request")
}

/// Keeps what the request did.
pub(in crate::kernel) fn keep_request(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "RELEASE request", "end a request")
}

/// Takes back what the request did.
pub(in crate::kernel) fn take_back_request(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "ROLLBACK TO request", "roll back a request")?;
    execute(connection, "RELEASE request", "roll back a request")
}

/// Does one of several things that a request asks for, each of which stands alone: when it is refused, or the schema refuses it,
/// what it did is taken back and the rest goes on.
///
/// # Errors
/// A fault that has nothing to do with what was asked.
pub(in crate::kernel) fn alone<T>(
    connection: &Connection,
    act: impl FnOnce() -> Result<T, VerbError>,
) -> Result<Result<T, VerbError>, Fault> {
    let doing = "begin a part of a request";
    execute(connection, "SAVEPOINT part", doing)?;
    let done = act();
    let is_its_own_fault = match &done {
        Ok(_) => {
            execute(connection, "RELEASE part", doing)?;
            return Ok(done);
        }
        Err(VerbError::Refused(_)) => true,
        Err(VerbError::Failed(Fault::Database { detail, .. })) => {
            detail.contains("constraint failed")
        }
        Err(VerbError::Failed(_)) => false,
    };
    match done {
        Err(VerbError::Failed(fault)) if !is_its_own_fault => Err(fault),
        refused => {
            execute(connection, "ROLLBACK TO part", doing)?;
            execute(connection, "RELEASE part", doing)?;
            Ok(refused)
        }
    }
}

/// Does something and takes it back, whatever came of it.
///
/// # Errors
/// A fault of the database.
pub(in crate::kernel) fn taken_back<T>(
    connection: &Connection,
    act: impl FnOnce() -> T,
) -> Result<T, Fault> {
    let doing = "try a part of a request";
    execute(connection, "SAVEPOINT part", doing)?;
    let done = act();
    execute(connection, "ROLLBACK TO part", doing)?;
    execute(connection, "RELEASE part", doing)?;
    Ok(done)
}

/// Makes the transaction durable.
pub(in crate::kernel) fn commit(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "COMMIT", "commit")
}

/// Takes back the whole transaction.
pub(in crate::kernel) fn roll_back(connection: &Connection) -> Result<(), Fault> {
    execute(connection, "ROLLBACK", "roll back")
}

/// Moves what the WAL holds into the file and empties it, as far as no reader needs it.
pub(in crate::kernel) fn checkpoint(connection: &Connection) -> Result<(), Fault> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(())).doing("checkpoint")
}

/// Keeps the connection from moving its WAL into the file, when it commits and when it is closed.
pub(in crate::kernel) fn leave_file_alone(connection: &Connection) -> Result<(), Fault> {
    let doing = "detach from the file";
    let connection = connection.raw();
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(|_| ())
        .doing(doing)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0).doing(doing)
}

/// A statement that begins to run.
pub struct Traced<'s>(StmtRef<'s>);

impl Traced<'_> {
    /// Its text.
    pub fn text(&self) -> String {
        self.0.sql().into_owned()
    }

    /// Its text with the bound values in it; behind `--` when another statement runs it inside itself.
    pub fn text_with_values(&self) -> Option<String> {
        self.0.expanded_sql()
    }

    /// Steps of SQLite's machine that it has taken in all its runs before this one.
    pub fn steps_before(&self) -> i64 {
        i64::from(self.0.get_status(StatementStatus::VmStep))
    }

    /// How many times it had to be prepared again since it was first prepared.
    pub fn prepared_anew(&self) -> i32 {
        self.0.get_status(StatementStatus::RePrepare)
    }
}

/// Hears of every statement; see [`crate::kernel::board::Board::trace`].
pub(in crate::kernel) fn trace(
    connection: &mut Connection,
    mut seen: impl FnMut(&Traced<'_>) + Send + 'static,
) -> Result<(), Fault> {
    let hear = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            seen(&Traced(statement));
        }
    };
    connection
        .raw_mut()
        .trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(hear))
        .doing("trace statements")
}

/// Counts the steps of SQLite's machine; see [`crate::kernel::board::Board::count_steps`].
pub(in crate::kernel) fn count_steps(connection: &mut Connection) -> Result<Arc<AtomicI64>, Fault> {
    let count = Arc::new(AtomicI64::new(0));
    let sum = Arc::clone(&count);
    // By statement, what it had taken in all its runs when it ended last.
    let mut before: HashMap<String, i64> = HashMap::new();
    let hear = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            let all = i64::from(statement.get_status(StatementStatus::VmStep));
            let seen = before.insert(statement.sql().into_owned(), all).unwrap_or_default();
            // A statement that was prepared again counts from zero.
            sum.fetch_add(if all < seen { all } else { all - seen }, Ordering::Relaxed);
        }
    };
    connection
        .raw_mut()
        .trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(hear))
        .doing("count the steps of statements")?;
    Ok(count)
}

/// Makes a fail point of each statement, so that a crash test can end the process between any two.
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub(in crate::kernel) fn with_point_at_each_statement(mut connection: Connection) -> Connection {
    if crate::failpoint::is_armed("statement") {
        let armed = trace(&mut connection, |_statement| crate::failpoint::hit("statement"));
        debug_assert!(armed.is_ok());
    }
    connection
}

/// Reads `f` in one snapshot, so that several statements see the same board.
///
/// # Errors
/// What `f` returns, or [`Fault::Database`].
pub fn snapshot<T, E: From<Fault>>(
    connection: &Connection,
    f: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    execute(connection, "BEGIN DEFERRED", "begin a snapshot")?;
    let answer = f(connection);
    execute(connection, "COMMIT", "end a snapshot")?;
    answer
}
