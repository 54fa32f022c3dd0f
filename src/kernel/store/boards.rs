//! `boards`: the boards of the database.

use rusqlite::{OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds};
use crate::kernel::store::Connection;

/// A board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BoardRow {
    /// Its name.
    #[schemars(with = "String")]
    pub name: BoardName,
    /// Purpose.
    pub description: Option<String>,
    /// Creation time, epoch seconds.
    pub created_at: EpochSeconds,
}

fn read(row: &Row<'_>) -> rusqlite::Result<BoardRow> {
    Ok(BoardRow { name: row.get(0)?, description: row.get(1)?, created_at: row.get(2)? })
}

/// A board by its name, which requests and replies have, and its number, which rows have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardKey {
    /// Its name.
    pub name: BoardName,
    pub(super) number: i64,
}

/// The board `default`; its number is that of the default of `tasks.board`.
impl Default for BoardKey {
    fn default() -> Self {
        Self { name: BoardName::default(), number: 1 }
    }
}

/// Looks a board up by its name; none when there is no such board.
pub fn find(connection: &Connection, name: &BoardName) -> Result<Option<BoardKey>, Fault> {
    let number = connection
        .prepare_cached("SELECT id FROM boards WHERE name = :name")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, |row| row.get(0)).optional())
        .doing("look up a board")?;
    Ok(number.map(|number| BoardKey { name: name.clone(), number }))
}

/// A board by its name.
pub fn get(connection: &Connection, name: &BoardName) -> Result<Option<BoardRow>, Fault> {
    connection
        .prepare_cached("SELECT name, description, created_at FROM boards WHERE name = :name")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, read).optional())
        .doing("read a board")
}

/// All boards, by name.
pub fn list(connection: &Connection) -> Result<Vec<BoardRow>, Fault> {
    let doing = "list boards";
    let mut statement = connection
        .prepare_cached("SELECT name, description, created_at FROM boards ORDER BY name")
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Adds a board; false when it is there already.
pub fn insert(
    connection: &Connection,
    name: &BoardName,
    description: Option<&str>,
    now: EpochSeconds,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO boards (name, description, created_at) VALUES (:name, :description, :now)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":name": name, ":description": description, ":now": now })
        })
        .map(|changed| changed == 1)
        .doing("create a board")
}
