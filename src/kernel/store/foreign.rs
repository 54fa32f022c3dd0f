//! Reading tables whose columns are not known beforehand.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::Doing;
use crate::kernel::error::Fault;

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
        connection.pragma_update(None, "query_only", true).doing(doing)?;
        connection.pragma_update(None, "trusted_schema", false).doing(doing)?;
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
        let is_there: bool = self
            .connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
                [table],
                |row| row.get(0),
            )
            .doing(doing)?;
        if !is_there {
            return Ok(None);
        }
        // The name is one of ours and stands in the schema; it cannot be a parameter.
        let sql = format!("SELECT * FROM \"{table}\" ORDER BY rowid");
        let mut statement = match self.connection.prepare(&sql) {
            Ok(statement) => statement,
            Err(_) => {
                self.connection.prepare(&format!("SELECT * FROM \"{table}\"")).doing(doing)?
            }
        };
        let names = self.column_names(table)?;
        let rows = statement
            .query_map([], |row| {
                let mut columns = HashMap::new();
                for (index, name) in names.iter().enumerate() {
                    columns.insert(name.clone(), owned(row.get_ref(index)?));
                }
                Ok(ForeignRow(columns))
            })
            .doing(doing)?;
        Ok(Some(rows.collect::<rusqlite::Result<_>>().doing(doing)?))
    }
}

impl ForeignBoard {
    /// The columns of a table in order. Not read from the statement: rusqlite panics on names that are not UTF-8.
    fn column_names(&self, table: &str) -> Result<Vec<String>, Fault> {
        let doing = "look at the columns";
        let mut statement = self
            .connection
            .prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")
            .doing(doing)?;
        let names = statement
            .query_map([table], |row| Ok(ForeignRow::text_of(&owned(row.get_ref(0)?))))
            .doing(doing)?;
        Ok(names
            .collect::<rusqlite::Result<Vec<_>>>()
            .doing(doing)?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect())
    }
}

/// An owned value. Text of a damaged file may not be UTF-8.
fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl ForeignRow {
    /// A column as text; numbers are taken too.
    pub fn text(&self, column: &str) -> Option<String> {
        Self::text_of(self.0.get(column)?)
    }

    fn text_of(value: &Value) -> Option<String> {
        match value {
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
