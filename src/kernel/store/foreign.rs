//! Files of unknown origin: opened so that nothing in them acts, and read by tables whose columns are not known beforehand.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::Doing;
use crate::kernel::error::Fault;

/// Longest text, blob or row of a file of unknown origin, bytes.
const LENGTH_MAX: i32 = 64 * 1024 * 1024;

/// Limits for a file of unknown origin: its schema may hold what a program like this one writes, and no more.
const LIMITS: [(Limit, i32); 7] = [
    (Limit::SQLITE_LIMIT_LENGTH, LENGTH_MAX),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
    (Limit::SQLITE_LIMIT_COLUMN, 500),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
];

/// Opens a file of unknown origin that nobody writes to, for reading alone: no lock is taken, no journal is looked at, no file
/// is made beside it.
///
/// # Errors
/// It cannot be opened.
pub(super) fn open_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri(path), flags)?;
    harden(&connection)?;
    Ok(connection)
}

/// A path as the URI of a file that does not change.
fn uri(path: &Path) -> OsString {
    let mut uri = b"file:".to_vec();
    for byte in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).as_os_str().as_bytes()
    {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(*byte),
            byte if byte.is_ascii_alphanumeric() => uri.push(*byte),
            byte => uri.extend(format!("%{byte:02X}").bytes()),
        }
    }
    uri.extend(b"?immutable=1");
    OsString::from_vec(uri)
}

/// Whatever the schema of a file says, nothing of it runs: no trigger, no view, no function that is not harmless, nothing that
/// reaches beyond the file; and a damaged cell is an error.
///
/// # Errors
/// SQLite refuses.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    for (setting, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(setting, is_on)?;
    }
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "query_only", true)
}

/// A database file of another program.
pub struct ForeignBoard {
    connection: Connection,
}

/// A row by column names.
pub struct ForeignRow(HashMap<String, Value>);

impl ForeignBoard {
    /// Opens the file, which is a copy that may be written to.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let doing = "open the file";
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).doing(doing)?;
        harden(&connection).doing(doing)?;
        Ok(Self { connection })
    }

    /// Whether the file is a board of this program.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn is_own_format(&self) -> Result<bool, Fault> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'install')",
                [],
                |row| row.get(0),
            )
            .doing("look at the tables")
    }

    /// All rows of a table in the order in which they were written; none when there is no such table.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn rows(&self, table: &str) -> Result<Option<Vec<ForeignRow>>, Fault> {
        let doing = "read a table";
        let made_by: Option<String> = self
            .connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [table],
                |row| row.get(0),
            )
            .optional()
            .doing(doing)?;
        let Some(made_by) = made_by else { return Ok(None) };
        if made_by.trim_start().to_ascii_uppercase().starts_with("CREATE VIRTUAL") {
            // Its rows are whatever a module of SQLite makes of other tables.
            return Err(Fault::Corrupt { what: "virtual table", value: table.to_owned() });
        }
        // The name is one of ours and stands in the schema; it cannot be a parameter.
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY rowid");
        let mut statement = match self.connection.prepare(&sql) {
            Ok(statement) => statement,
            Err(_) => {
                self.connection.prepare(&format!("SELECT * FROM \"{table}\"")).doing(doing)?
            }
        };
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let rows = statement
            .query_map([], |row| {
                let mut columns = HashMap::new();
                for (index, name) in names.iter().enumerate() {
                    columns.insert(name.clone(), row.get::<_, Value>(index)?);
                }
                Ok(ForeignRow(columns))
            })
            .doing(doing)?;
        Ok(Some(rows.collect::<rusqlite::Result<_>>().doing(doing)?))
    }
}

impl ForeignRow {
    /// A column as text; numbers are taken too.
    pub fn text(&self, column: &str) -> Option<String> {
        match self.0.get(column)? {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) => Some(number.to_string()),
            Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Value::Null => None,
        }
    }

    /// A column as an integer; numeric text and fractions are taken too.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction of a second is not kept")]
    pub fn integer(&self, column: &str) -> Option<i64> {
        match self.0.get(column)? {
            Value::Integer(number) => Some(*number),
            Value::Real(number) => Some(*number as i64),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Blob(_) | Value::Null => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that these statements have made.
    fn made_by(dir: &Path, sql: &str) -> std::path::PathBuf {
        let path = dir.join("100% made #1.db");
        drop(std::fs::remove_file(&path));
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    }

    #[test]
    fn only_a_table_is_read_as_one() {
        let dir = tempfile::tempdir().unwrap();
        let rows = |sql: &str| ForeignBoard::open(&made_by(dir.path(), sql)).unwrap().rows("tasks");
        let count = |sql: &str| rows(sql).unwrap().map(|rows| rows.len());
        assert_eq!(count("CREATE TABLE tasks (id); INSERT INTO tasks VALUES (1)"), Some(1));
        assert_eq!(count("CREATE VIEW tasks AS SELECT 1 AS id"), None);
        assert!(rows("CREATE VIRTUAL TABLE tasks USING fts5 (id)").is_err());
        let large =
            "CREATE TABLE tasks (id, text AS (zeroblob(100000000))); INSERT INTO tasks VALUES (1)";
        assert!(rows(large).is_err(), "a row has an end");
    }

    #[test]
    fn nothing_in_an_unchanging_file_acts_and_nothing_is_made_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let sql = "PRAGMA journal_mode = wal; CREATE TABLE t (x); CREATE VIEW v AS SELECT * FROM t;
                   CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; END;";
        let path = made_by(dir.path(), sql);
        let connection = open_unchanging(&path).unwrap();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count("SELECT count(*) FROM t").unwrap(), 0);
        assert!(count("SELECT count(*) FROM v").is_err());
        assert!(connection.execute("INSERT INTO t VALUES (1)", []).is_err());
        assert!(connection.execute("ATTACH ':memory:' AS other", []).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
