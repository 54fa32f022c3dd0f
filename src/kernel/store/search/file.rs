//! The file of the index: opened, created, reset.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, named_params};

use super::super::Doing;
use crate::kernel::error::Fault;

/// Layout of the index; an index with another layout is rebuilt.
const LAYOUT: i64 = 3;

/// A task has one document, and more where it has more comments than fit into that. `comments_upto` is the newest comment in a
/// document, `comment_bytes` are those of its comments, `bytes` those of all its texts. `skipped` names tasks of which something is
/// not in the index.
const SCHEMA: &str = "
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1), incarnation TEXT NOT NULL, cursor INTEGER NOT NULL, floor INTEGER NOT NULL,
  imported INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (
  id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, part INTEGER NOT NULL, comments_upto INTEGER NOT NULL,
  comment_bytes INTEGER NOT NULL, bytes INTEGER NOT NULL, UNIQUE (task_id, part)
) STRICT;
CREATE TABLE skipped (task_id TEXT PRIMARY KEY, why TEXT NOT NULL) STRICT;
CREATE VIRTUAL TABLE texts USING fts5 (title, body, comments, summaries, tokenize = 'unicode61 remove_diacritics 2');
";

/// The index at `path`, rebuilt when it does not fit that incarnation of the database.
///
/// # Errors
/// A fault of the index.
pub(super) fn open(path: &Path, incarnation: &str) -> Result<Connection, Fault> {
    match open_readable(path) {
        Ok((index, true)) => empty_unless_of(index, incarnation),
        Ok((_, false)) | Err(_) => make(path, incarnation),
    }
}

/// The index and whether its layout is the one known here; an error when it cannot be read.
fn open_readable(path: &Path) -> rusqlite::Result<(Connection, bool)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let index = Connection::open_with_flags(path, flags)?;
    configure(&index)?;
    let layout: i64 = index.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((index, layout == LAYOUT))
}

/// Begins again from nothing when the index is of another life of the board. It stays the same file: readers that have it
/// attached must see what is put there from now on.
fn empty_unless_of(mut index: Connection, incarnation: &str) -> Result<Connection, Fault> {
    let doing = "reset the search index";
    let stored: Option<String> = index
        .query_row("SELECT incarnation FROM state", [], |row| row.get(0))
        .optional()
        .doing(doing)?;
    if stored.as_deref() == Some(incarnation) {
        return Ok(index);
    }
    let transaction = index.transaction().doing(doing)?;
    transaction
        .execute_batch(
            "DROP TABLE texts; DROP TABLE documents; DROP TABLE skipped; DROP TABLE state;",
        )
        .doing(doing)?;
    lay_out(&transaction, incarnation)?;
    transaction.commit().doing(doing)?;
    Ok(index)
}

fn make(path: &Path, incarnation: &str) -> Result<Connection, Fault> {
    let doing = "create the search index";
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Fault::Database {
                    doing: doing.to_owned(),
                    detail: error.to_string(),
                    retryable: false,
                });
            }
            Ok(()) | Err(_) => {}
        }
    }
    super::super::private_file::create_private(path).map_err(|error| Fault::Database {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    let index = Connection::open(path).doing(doing)?;
    configure(&index).doing(doing)?;
    lay_out(&index, incarnation)?;
    index.pragma_update(None, "user_version", LAYOUT).doing(doing)?;
    Ok(index)
}

/// Makes the empty tables.
fn lay_out(index: &Connection, incarnation: &str) -> Result<(), Fault> {
    let doing = "create the tables of the search index";
    index.execute_batch(SCHEMA).doing(doing)?;
    index
        .execute(
            "INSERT INTO state (id, incarnation, cursor, floor, imported) VALUES (1, :incarnation, 0, 0, 0)",
            named_params! { ":incarnation": incarnation },
        )
        .map(|_| ())
        .doing(doing)
}

/// What is lost with a power cut is indexed again, so nothing here waits for the disk.
fn configure(index: &Connection) -> rusqlite::Result<()> {
    index.busy_timeout(std::time::Duration::from_secs(5))?;
    index.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // As for the board: no statement is prepared again because of its values.
    index.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    index.pragma_update(None, "trusted_schema", false)?;
    index.pragma_update(None, "journal_mode", "WAL")?;
    index.pragma_update(None, "synchronous", "OFF")?;
    index.pragma_update(None, "cache_size", -2048)
}
