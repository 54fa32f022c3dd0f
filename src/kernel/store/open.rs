//! Opening a database: for writing, for reading, and to look at what it is.

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection as Raw, OpenFlags};

use super::backup_files::KeptFiles;
use super::connection::Connection;
use super::faults::Doing as _;
use super::install::{self, Install};
use super::migrate::{self, KeepCopy, MigrationWatch, Unwatched};
use super::open_error::{Birth, Difference, Missing, OpenError, SQLITE_VERSION_MIN};
use super::private_file::create_private;
use super::{backup_files, foreign, schema};
use crate::kernel::error::Fault;
use crate::kernel::limits::READ_STEPS_PER_LOOK;

/// Memory that each connection may use for pages, in KiB.
const CACHE_KIB: i32 = 4096;

/// How long a connection waits for a lock that a `sqlite3` of the operator holds, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5000;

/// Pages of a file that is checked before it is served: 128 MiB, a board of about a hundred thousand tasks, which takes a fraction of a
/// second. A larger one is checked beside the service.
const CHECK_PAGES_MAX: i64 = 32_768;

/// Pages in the WAL after which a commit moves them into the file. The pages that every commit writes are then moved once for some
/// hundred commits.
const WAL_PAGES_PER_CHECKPOINT: i32 = 4_000;

/// Whether a file that was opened was checked to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// It is sound.
    Whole,
    /// It is too large to be checked while everybody waits: [`find_damage`] is to check it beside the service.
    Later,
}

/// Opens the board at `path` for writing, brings its schema up to date and checks it.
///
/// # Errors
/// [`OpenError`]; the file is unchanged then.
pub fn open_writer(path: &Path, missing: Missing, birth: &Birth) -> Result<Connection, OpenError> {
    open_watched(path, missing, birth, &unwatched()).map(|(connection, _)| connection)
}

fn unwatched() -> Arc<dyn MigrationWatch> {
    Arc::new(Unwatched)
}

/// The same; `watch` is asked and told about an upgrade.
///
/// # Errors
/// [`OpenError`]; the file is unchanged then.
pub fn open_watched(
    path: &Path,
    missing: Missing,
    birth: &Birth,
    watch: &Arc<dyn MigrationWatch>,
) -> Result<(Connection, Checked), OpenError> {
    open_for_writing(path, missing, birth, (KeepCopy::Yes, watch))
}

/// Opens a given copy of a board, after [`inspect`] has passed it.
///
/// # Errors
/// [`OpenError`].
pub(in crate::kernel) fn open_staged(path: &Path, birth: &Birth) -> Result<Connection, OpenError> {
    open_for_writing(path, Missing::Refuse, birth, (KeepCopy::No, &unwatched()))
        .map(|(connection, _)| connection)
}

fn open_for_writing(
    path: &Path,
    missing: Missing,
    birth: &Birth,
    (copy, watch): (KeepCopy, &Arc<dyn MigrationWatch>),
) -> Result<(Connection, Checked), OpenError> {
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
    let mut connection = Raw::open_with_flags(path, flags).map_err(at)?;
    configure(&connection).map_err(at)?;
    // A file that is refused is left as it is, its WAL included.
    let no_checkpoint = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection.set_db_config(no_checkpoint, true).map_err(at)?;
    migrate::refuse_unknown(&connection, path, missing)?;
    let checked = begin_check(&connection, path, CHECK_PAGES_MAX)?;
    connection.set_db_config(no_checkpoint, false).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(at)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(at)?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES_PER_CHECKPOINT).map_err(at)?;
    migrate::bring_up_to_date(&mut connection, path, birth, (copy, watch))?;
    migrate::show_version(&connection).map_err(at)?;
    Ok((Connection::of(connection), checked))
}

/// Opens the board at `path` for reading only.
///
/// # Errors
/// [`Fault::Database`].
pub fn open_reader(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Raw::open_with_flags(path, flags).doing("open a reading connection")?;
    configure(&connection).doing("configure a reading connection")?;
    connection.pragma_update(None, "query_only", true).doing("configure a reading connection")?;
    Ok(Connection::of(connection))
}

/// Has SQLite ask `must_stop` while it works on `connection`, on the thread that it works on. A statement that is to stop fails as
/// interrupted.
///
/// # Errors
/// [`Fault::Database`].
pub fn make_stoppable(connection: &mut Connection, must_stop: fn() -> bool) -> Result<(), Fault> {
    connection
        .raw_mut()
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
    /// Version of its schema.
    pub schema_version: i64,
    /// What it holds of attached files, each of which has its SHA-256.
    pub files: KeptFiles,
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
    let differences = schema::find_in_backup(&connection).map_err(at)?;
    check(&connection, path, "integrity_check")?;
    // What a changed table holds is not known.
    let files = match differences.is_empty() {
        true => backup_files::verify(&connection, path)?,
        false => KeptFiles::default(),
    };
    let schema_version = migrate::version(&connection).map_err(at)?;
    let install = install::get(&Connection::of(connection)).map_err(|fault| {
        OpenError::Unusable { path: path.to_owned(), detail: fault.to_string() }
    })?;
    Ok(Verified { install, differences, schema_version, files })
}

/// The same for a file that is to become the board: its structure may not differ.
///
/// # Errors
/// [`OpenError`].
pub fn inspect(path: &Path) -> Result<Verified, OpenError> {
    let connection =
        foreign::open_unchanging(path).map_err(|error| OpenError::from_sqlite(path, &error))?;
    migrate::refuse_unknown(&connection, path, Missing::Refuse)?;
    let differences = schema::find_in_backup(&connection)
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
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
    let connection = Raw::open_with_flags(path, flags).map_err(at)?;
    foreign::harden(&connection).map_err(at)?;
    connection.pragma_update(None, "query_only", false).map_err(at)?;
    connection.pragma_update(None, "journal_mode", "DELETE").map_err(at)?;
    connection.close().map_err(|(_, error)| at(error))
}

/// The installation that the file at `path` is of; none when it is no such file. It is only read.
pub fn installation_of(path: &Path) -> Option<String> {
    let connection = foreign::open_unchanging(path).ok()?;
    install::get(&Connection::of(connection)).ok().map(|install| install.install_id)
}

/// A connection to nothing, for the moment in which a file changes hands.
///
/// # Errors
/// [`Fault::Database`].
pub(in crate::kernel) fn open_nothing() -> Result<Connection, Fault> {
    Raw::open_in_memory().map(Connection::of).doing("close the file")
}

fn configure(connection: &Raw) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // The plan of a statement never depends on its values. Otherwise SQLite prepares every cached statement with a
    // parameter that might matter to the plan again, each time it is used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Reads every page once; a board that does not survive this is not served.
fn check(connection: &Raw, path: &Path, how: &str) -> Result<(), OpenError> {
    let found = first_damage(connection, how);
    match found.map_err(|error| OpenError::from_sqlite(path, &error))? {
        None => Ok(()),
        Some(detail) => Err(OpenError::Damaged { path: path.to_owned(), detail }),
    }
}

/// What is wrong with a file, if something is.
fn first_damage(connection: &Raw, how: &str) -> rusqlite::Result<Option<String>> {
    let answer: String = connection.query_row(&format!("PRAGMA {how}(1)"), [], |row| row.get(0))?;
    Ok((answer != "ok").then_some(answer))
}

/// Checks a file of at most `pages_max` pages; a larger one is left to [`find_damage`].
fn begin_check(connection: &Raw, path: &Path, pages_max: i64) -> Result<Checked, OpenError> {
    // For tests: every file is a large one.
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    if crate::failpoint::is_armed("file-check") {
        return Ok(Checked::Later);
    }
    let pages: i64 = connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    if pages > pages_max {
        return Ok(Checked::Later);
    }
    check(connection, path, "quick_check")?;
    Ok(Checked::Whole)
}

/// What is wrong with the board's file, if something is: all of it is read.
///
/// # Errors
/// [`Fault::Database`]: it is not known.
pub fn find_damage(connection: &Connection) -> Result<Option<String>, Fault> {
    first_damage(connection.raw(), "quick_check").doing("check the database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sqlite_is_new_enough() {
        assert!(rusqlite::version_number() >= SQLITE_VERSION_MIN, "{}", rusqlite::version());
    }

    #[test]
    fn the_bundled_sqlite_is_built_with_the_flags_of_the_project() {
        let connection = Raw::open_in_memory().unwrap();
        let mut options = connection.prepare("PRAGMA compile_options").unwrap();
        let options: Vec<String> =
            options.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        // The flags of .cargo/config.toml come together: that it syncs by fdatasync(2) is no option that it lists.
        for flag in ["DEFAULT_MEMSTATUS=0", "ENABLE_NULL_TRIM"] {
            assert!(options.iter().any(|option| option == flag), "{options:?}");
        }
    }

    #[test]
    fn a_large_file_is_checked_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let path = dir.path().join("kanban.db");
        let (writer, checked) = open_watched(&path, Missing::Create, &birth, &unwatched()).unwrap();
        assert_eq!(checked, Checked::Whole);
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                    INSERT INTO task_comments (task_id, author, body, created_at) SELECT 't_1', 'a', 'b', i FROM n";
        writer.raw().pragma_update(None, "foreign_keys", false).unwrap();
        writer.raw().execute(many, []).unwrap();
        assert_eq!(begin_check(writer.raw(), &path, 10).unwrap(), Checked::Later);
        assert_eq!(begin_check(writer.raw(), &path, CHECK_PAGES_MAX).unwrap(), Checked::Whole);
        assert_eq!(find_damage(&writer).unwrap(), None);
    }

    #[test]
    fn a_commit_is_synced_and_foreign_keys_hold() {
        let dir = tempfile::tempdir().unwrap();
        let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
        let path = dir.path().join("kanban.db");
        let writer = open_writer(&path, Missing::Create, &birth).unwrap();
        let reader = open_reader(&path).unwrap();
        let number = |connection: &Connection, name: &str| -> i64 {
            connection.raw().pragma_query_value(None, name, |row| row.get(0)).unwrap()
        };
        let mode: String =
            writer.raw().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), number(&writer, "synchronous")), ("wal", 2));
        assert_eq!(number(&writer, "foreign_keys"), 1);
        assert_eq!(number(&reader, "query_only"), 1);
        assert!(reader.execute("DELETE FROM boards", []).is_err());
    }
}
