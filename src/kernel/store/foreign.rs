//! Reading tables whose columns are not known beforehand.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Statement};

use super::Doing;
use crate::kernel::error::Fault;

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
        connection.pragma_update(None, "query_only", true).doing(doing)?;
        connection.pragma_update(None, "trusted_schema", false).doing(doing)?;
        Ok(Self { connection })
    }

    /// Names of its tables.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn tables(&self) -> Result<Vec<String>, Fault> {
        let doing = "look at the tables";
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
        let doing = "look at a table";
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

    /// All rows of a table; none when there is no such table. A damaged page ends them early, which is said.
    ///
    /// # Errors
    /// [`Fault::Database`].
    pub fn rows(&self, table: &str) -> Result<Option<ForeignRows>, Fault> {
        if !self.tables()?.iter().any(|name| name == table) {
            return Ok(None);
        }
        let doing = "read a table";
        let sql = format!("SELECT * FROM {}", quoted(table));
        let ordered = self.connection.prepare(&format!("{sql} ORDER BY rowid"));
        let mut statement = match ordered {
            Ok(statement) => statement,
            Err(_) => self.connection.prepare(&sql).doing(doing)?,
        };
        // Not read from the statement: rusqlite panics on names that are not UTF-8.
        let names = self.columns(table)?.into_iter().map(|column| column.name).collect();
        read_rows(names, &mut statement).map(Some)
    }
}

/// A name inside of a statement, where it cannot be a parameter.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn read_rows(names: Vec<String>, statement: &mut Statement<'_>) -> Result<ForeignRows, Fault> {
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
