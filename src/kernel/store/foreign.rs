//! Files of unknown origin: opened so that nothing in them acts, and read by tables whose columns are not known beforehand.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Statement};

use super::faults::Doing as _;
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

/// What stands in a column. SQLite takes any kind of value in any column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// An integer.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text. What is no UTF-8 in it has become U+FFFD.
    Text {
        /// The text.
        text: String,
        /// Whether nothing had to be replaced.
        is_whole: bool,
    },
}

impl Cell {
    /// The value as text; a number in its decimal form.
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::Integer(number) => Some(number.to_string()),
            Self::Real(number) => Some(number.to_string()),
            Self::Null => None,
        }
    }
}

/// A row by column names.
#[derive(Debug, Clone, Default)]
pub struct ForeignRow(HashMap<String, Cell>);

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignColumn {
    /// Its name.
    pub name: String,
    /// Its default as the schema writes it.
    pub default: Option<String>,
}

/// The rows of a table.
#[derive(Debug, Clone, Default)]
pub struct ForeignRows {
    /// In the order in which they were written.
    pub rows: Vec<ForeignRow>,
    /// Why the rest of them could not be read; none when there is no rest.
    pub broken_off: Option<String>,
}

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

    /// Names of its tables.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn tables(&self) -> Result<Vec<String>, Fault> {
        let doing = "list the tables";
        let mut statement = self
            .connection
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
            )
            .doing(doing)?;
        let rows = statement
            .query_map([], |row| Ok(text_of(row.get_ref(0)?).unwrap_or_default()))
            .doing(doing)?;
        rows.collect::<rusqlite::Result<_>>().doing(doing)
    }

    /// Columns of a table; none when there is no such table.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn columns(&self, table: &str) -> Result<Vec<ForeignColumn>, Fault> {
        let doing = "read the columns of a table";
        let mut statement = self
            .connection
            .prepare("SELECT name, dflt_value FROM pragma_table_info(?1)")
            .doing(doing)?;
        let rows = statement
            .query_map([table], |row| {
                let name = text_of(row.get_ref(0)?).unwrap_or_default();
                Ok(ForeignColumn { name, default: text_of(row.get_ref(1)?) })
            })
            .doing(doing)?;
        rows.collect::<rusqlite::Result<_>>().doing(doing)
    }

    /// Rows of a table, counted.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn count(&self, table: &str) -> Result<usize, Fault> {
        let sql = format!("SELECT count(*) FROM {}", quoted(table));
        let count: i64 = self
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .doing("count the rows of a table")?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// All rows of a table; none when there is no such table. A damaged page ends them early, which is reported.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn rows(&self, table: &str) -> Result<Option<ForeignRows>, Fault> {
        let doing = "read a table";
        let made_by: Option<String> = self
            .connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [table],
                |row| Ok(text_of(row.get_ref(0)?).unwrap_or_default()),
            )
            .optional()
            .doing(doing)?;
        let Some(made_by) = made_by else { return Ok(None) };
        if made_by.trim_start().to_ascii_uppercase().starts_with("CREATE VIRTUAL") {
            // Its rows are whatever a module of SQLite makes of other tables.
            return Err(Fault::Corrupt { what: "virtual table", value: table.to_owned() });
        }
        let sql = format!("SELECT * FROM {}", quoted(table));
        let ordered = self.connection.prepare(&format!("{sql} ORDER BY rowid"));
        let mut statement = match ordered {
            Ok(statement) => statement,
            Err(_) => self.connection.prepare(&sql).doing(doing)?,
        };
        // Not read from the statement: rusqlite panics on names that are not UTF-8.
        let names: Vec<String> =
            self.columns(table)?.into_iter().map(|column| column.name).collect();
        read_rows(&names, &mut statement).map(Some)
    }
}

/// A name inside of a statement, where it cannot be a parameter.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn read_rows(names: &[String], statement: &mut Statement<'_>) -> Result<ForeignRows, Fault> {
    let mut found = statement.query([]).doing("read a table")?;
    let mut read = ForeignRows::default();
    loop {
        let row = match found.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(read),
            Err(error) => {
                read.broken_off = Some(error.to_string());
                return Ok(read);
            }
        };
        let mut cells = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            let cell = row.get_ref(index).map_or(Cell::Null, cell);
            cells.insert(name.clone(), cell);
        }
        read.rows.push(ForeignRow(cells));
    }
}

/// A value as text; numbers too. Text of a damaged file may not be UTF-8.
fn text_of(value: ValueRef<'_>) -> Option<String> {
    cell(value).into_text()
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cell::Text {
            is_whole: std::str::from_utf8(bytes).is_ok(),
            text: String::from_utf8_lossy(bytes).into_owned(),
        },
    }
}

impl ForeignRow {
    /// What stands in a column; nothing when there is no such column.
    pub fn cell(&self, column: &str) -> &Cell {
        self.0.get(column).unwrap_or(&Cell::Null)
    }

    /// A column as text; numbers are taken too.
    pub fn text(&self, column: &str) -> Option<String> {
        self.cell(column).clone().into_text()
    }

    /// A column as an integer; numeric text and fractions are taken too.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction of a second is not kept")]
    pub fn integer(&self, column: &str) -> Option<i64> {
        match self.cell(column) {
            Cell::Integer(number) => Some(*number),
            Cell::Real(number) if number.is_finite() => Some(*number as i64),
            Cell::Text { text, .. } => text.trim().parse().ok(),
            Cell::Real(_) | Cell::Null => None,
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
        let count = |sql: &str| rows(sql).unwrap().map(|read| read.rows.len());
        assert_eq!(count("CREATE TABLE tasks (id); INSERT INTO tasks VALUES (1)"), Some(1));
        assert_eq!(count("CREATE VIEW tasks AS SELECT 1 AS id"), None);
        assert!(rows("CREATE VIRTUAL TABLE tasks USING fts5 (id)").is_err());
        let large =
            "CREATE TABLE tasks (id, text AS (zeroblob(100000000))); INSERT INTO tasks VALUES (1)";
        let read = rows(large).unwrap().unwrap();
        assert!(read.rows.is_empty() && read.broken_off.is_some(), "a row has an end");
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
