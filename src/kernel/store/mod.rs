//! The only place with SQL: one SQLite file, opened, migrated, read and written here.
//!
//! # Locking
//! One process writes (the daemon, under its lifetime lock) through one connection; each reader has a read-only
//! connection of its own. No exclusive mode: operators may look in with `sqlite3`.
//!
//! # Durability
//! WAL with `synchronous=FULL`: a commit that was answered survives a power cut. The bundled SQLite is asserted to be
//! at least 3.51.3 (older ones can reset the WAL under a reader and lose pages).
//!
//! # Compatibility
//! `user_version` is the number of the last migration; files of a newer one are refused, unchanged. The schema uses
//! nothing that SQLite 3.40 does not know. See [`migrate`].
//!
//! One file per table; each function is one statement, shown where its parameters and its row mapper are.

pub mod attachments;
pub mod backup;
pub mod boards;
pub mod breakers;
pub mod check;
pub mod comments;
pub mod counts;
pub mod events;
pub mod footing;
pub mod foreign;
pub mod install;
pub mod labels;
pub mod leases;
pub mod links;
pub mod listing;
pub mod migrate;
pub mod page;
pub mod purge;
pub mod queue;
pub mod requests;
pub mod rows;
pub mod runs;
pub mod schema;
pub mod search;
pub mod subscriptions;
pub mod tasks;
pub mod transaction;
pub mod transfer;
pub mod workspaces;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use thiserror::Error;

pub use rusqlite::Connection;

use self::install::Install;
use self::migrate::KeepCopy;
use self::schema::Difference;
use crate::kernel::error::Fault;
use crate::kernel::limits::READ_STEPS_PER_LOOK;

/// Oldest SQLite that may be linked: 3.51.3.
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Memory that each connection may use for pages, in KiB.
const CACHE_KIB: i32 = 4096;

/// Differences of a file that are told one by one.
const TOLD_MAX: usize = 5;

/// How long a connection waits for a lock that a `sqlite3` of the operator holds, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5000;

/// Why a database file was not opened. Nothing was changed in it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The linked SQLite is too old.
    #[error("{}", self.problem())]
    OldLibrary {
        /// Its version number.
        found: i32,
    },
    /// The file was written by a newer program.
    #[error("{path} {}", self.problem())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
        /// The copy that was kept before the newest migration away from a version known here, if it is still there.
        kept: Option<PathBuf>,
    },
    /// The file is not a board.
    #[error("{path} {}", self.problem())]
    NotABoard {
        /// The file.
        path: PathBuf,
        /// What is missing.
        detail: String,
    },
    /// The file is damaged.
    #[error("{path} {}", self.problem())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said.
        detail: String,
    },
    /// The file has a structure of its own.
    #[error("{path} {}", self.problem())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// In what it differs from a board.
        differences: Vec<Difference>,
    },
    /// The file could not be opened or read.
    #[error("{path} {}", self.problem())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
}

impl OpenError {
    /// What is wrong with the file, for somebody who knows it under another name.
    pub fn problem(&self) -> String {
        match self {
            Self::OldLibrary { found } => {
                format!("SQLite {found} is linked, at least {SQLITE_VERSION_MIN} is needed")
            }
            Self::Newer { found, known, kept, .. } => {
                let told = format!(
                    "has schema version {found}, this program knows versions up to {known}: start the kanband that wrote it"
                );
                match kept {
                    Some(kept) => format!(
                        "{told}, or go back to the board as it was before the upgrade (what was done since is lost): kanban restore {}",
                        kept.display()
                    ),
                    None => told,
                }
            }
            Self::NotABoard { detail, .. } => format!("is not a kanban board: {detail}"),
            Self::Damaged { detail, .. } => format!("is damaged: {}", detail.replace('\n', " ")),
            Self::Foreign { differences, .. } => {
                let told: Vec<&str> =
                    differences.iter().take(TOLD_MAX).map(|found| found.told.as_str()).collect();
                let more = match differences.len().saturating_sub(TOLD_MAX) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                format!("does not have the structure of a board: {}{more}", told.join("; "))
            }
            Self::Unusable { detail, .. } => format!("could not be opened: {detail}"),
        }
    }

    /// The statements that would make the file a board again, where statements do.
    pub fn remedy(&self) -> Option<String> {
        let Self::Foreign { differences, .. } = self else { return None };
        let statements: Option<Vec<&str>> =
            differences.iter().map(|found| found.remedy.as_deref()).collect();
        Some(statements?.join(" "))
    }

    fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { path, detail }
            }
            _ => Self::Unusable { path, detail },
        }
    }
}

/// Whether a missing file is made, and an empty one filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it.
    Create,
    /// Refuse.
    Refuse,
}

/// What a new board file is given at its birth, made by the caller because it is random.
#[derive(Debug, Clone)]
pub struct Birth {
    /// Names this installation for ever.
    pub install_id: String,
    /// Names this life of the database; a restore begins a new one.
    pub incarnation: String,
    /// Epoch seconds.
    pub now: i64,
}

/// Opens the board at `path` for writing, brings its schema up to date and checks it.
///
/// # Errors
/// [`OpenError`]; the file is unchanged then.
pub fn open_writer(path: &Path, missing: Missing, birth: &Birth) -> Result<Connection, OpenError> {
    open_for_writing(path, missing, birth, KeepCopy::Yes)
}

/// Opens a given copy of a board, after [`inspect`] has passed it.
///
/// # Errors
/// [`OpenError`].
pub(in crate::kernel) fn open_staged(path: &Path, birth: &Birth) -> Result<Connection, OpenError> {
    open_for_writing(path, Missing::Refuse, birth, KeepCopy::No)
}

fn open_for_writing(
    path: &Path,
    missing: Missing,
    birth: &Birth,
    copy: KeepCopy,
) -> Result<Connection, OpenError> {
    let found = rusqlite::version_number();
    if found < SQLITE_VERSION_MIN {
        return Err(OpenError::OldLibrary { found });
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if missing == Missing::Create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    if missing == Missing::Create {
        create_private(path).map_err(|error| OpenError::Unusable {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
    }
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(at)?;
    configure(&connection).map_err(at)?;
    // A file that is refused is left as it is, its WAL included.
    let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(no_checkpoint, true).map_err(at)?;
    migrate::refuse_unknown(&connection, path, missing)?;
    check(&connection, path, "quick_check")?;
    connection.set_db_config(no_checkpoint, false).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(at)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(at)?;
    migrate::bring_up_to_date(&mut connection, path, birth, copy)?;
    migrate::show_version(&connection).map_err(at)?;
    Ok(connection)
}

/// Opens the board at `path` for reading only.
///
/// # Errors
/// [`Fault::Database`].
pub fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).doing("open a reading connection")?;
    configure(&connection).doing("configure a reading connection")?;
    connection.pragma_update(None, "query_only", true).doing("configure a reading connection")?;
    Ok(connection)
}

/// Has SQLite ask `must_stop` while it works on `connection`, on the thread that it works on. A statement that is to stop fails as
/// interrupted.
///
/// # Errors
/// [`Fault::Database`].
pub fn make_stoppable(connection: &mut Connection, must_stop: fn() -> bool) -> Result<(), Fault> {
    connection
        .progress_handler(READ_STEPS_PER_LOOK, Some(must_stop))
        .doing("configure a reading connection")
}

/// What a file is that is a whole board.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Which installation it is of, and which life of it.
    pub install: Install,
    /// In what its structure differs from a board's.
    pub differences: Vec<Difference>,
}

/// Whether the file at `path`, which nobody writes to, is a whole board that this program knows. Nothing in it acts, and it is
/// only read.
///
/// # Errors
/// [`OpenError`].
pub fn verify(path: &Path) -> Result<Verified, OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let connection = foreign::open_unchanging(path).map_err(at)?;
    migrate::refuse_unknown(&connection, path, Missing::Refuse)?;
    let differences = schema::find(&connection).map_err(at)?;
    check(&connection, path, "integrity_check")?;
    let install = install::get(&connection).map_err(|fault| OpenError::Unusable {
        path: path.to_owned(),
        detail: fault.to_string(),
    })?;
    Ok(Verified { install, differences })
}

/// The same for a file that is to become the board: its structure may not differ.
///
/// # Errors
/// [`OpenError`].
pub fn inspect(path: &Path) -> Result<Verified, OpenError> {
    let connection =
        foreign::open_unchanging(path).map_err(|error| OpenError::from_sqlite(path, &error))?;
    migrate::refuse_unknown(&connection, path, Missing::Refuse)?;
    let differences =
        schema::find(&connection).map_err(|error| OpenError::from_sqlite(path, &error))?;
    // Before its rows are looked at.
    if !differences.is_empty() {
        return Err(OpenError::Foreign { path: path.to_owned(), differences });
    }
    drop(connection);
    verify(path)
}

/// Moves what lies in the journals of the copy at `path` into it; the copy is then a file without a journal.
///
/// # Errors
/// [`OpenError`].
pub fn complete(path: &Path) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(at)?;
    foreign::harden(&connection).map_err(at)?;
    connection.pragma_update(None, "query_only", false).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "DELETE").map_err(at)?;
    connection.close().map_err(|(_, error)| at(error))
}

/// The installation that the file at `path` is of; none when it is no such file. It is only read.
pub fn installation_of(path: &Path) -> Option<String> {
    let connection = foreign::open_unchanging(path).ok()?;
    install::get(&connection).ok().map(|install| install.install_id)
}

/// Makes an empty file for its owner alone, unless there is one: SQLite would make it by the file mode mask. Its journals get the
/// mode of the file.
fn create_private(path: &Path) -> std::io::Result<()> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A connection to nothing, for the moment in which a file changes hands.
///
/// # Errors
/// [`Fault::Database`].
pub(in crate::kernel) fn open_nothing() -> Result<Connection, Fault> {
    Connection::open_in_memory().doing("let go of the file")
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The plan of a statement never depends on its values. Otherwise SQLite prepares every cached statement with a
    // parameter that might matter to the plan anew, each time it is used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Reads every page once; a board that does not survive this is not served.
fn check(connection: &Connection, path: &Path, how: &str) -> Result<(), OpenError> {
    let answer: String = connection
        .query_row(&format!("PRAGMA {how}(1)"), [], |row| row.get(0))
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    if answer == "ok" {
        Ok(())
    } else {
        Err(OpenError::Damaged { path: path.to_owned(), detail: answer })
    }
}

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

fn fault(doing: &'static str, error: &rusqlite::Error) -> Fault {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sqlite_is_new_enough() {
        assert!(rusqlite::version_number() >= SQLITE_VERSION_MIN, "{}", rusqlite::version());
    }
    #[test]
    fn a_commit_is_synced_and_foreign_keys_hold() {
        let dir = tempfile::tempdir().unwrap();
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let path = dir.path().join("kanban.db");
        let writer = open_writer(&path, Missing::Create, &birth).unwrap();
        let reader = open_reader(&path).unwrap();
        let number = |connection: &Connection, name: &str| -> i64 {
            connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
        };
        let mode: String =
            writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), number(&writer, "synchronous")), ("wal", 2));
        assert_eq!(number(&writer, "foreign_keys"), 1);
        assert_eq!(number(&reader, "query_only"), 1);
        assert!(reader.execute("DELETE FROM boards", []).is_err());
    }
}
