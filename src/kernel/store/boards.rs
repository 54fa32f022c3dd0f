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

/// Whether a board exists.
pub fn exists(connection: &Connection, name: &BoardName) -> Result<bool, Fault> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM boards WHERE name = :name)")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, |row| row.get(0)))
        .doing("look up a board")
}

/// The number of a board, by which rows name it; one that no row has when there is no such board.
pub(super) fn number_of(connection: &Connection, name: &BoardName) -> Result<i64, Fault> {
    let number: Option<i64> = connection
        .prepare_cached("SELECT id FROM boards WHERE name = :name")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, |row| row.get(0)).optional())
        .doing("look up a board")?;
    Ok(number.unwrap_or_default())
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
