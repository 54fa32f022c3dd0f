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
    /// Since when nothing of it is started, epoch seconds; left out when it is not paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<EpochSeconds>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<BoardRow> {
    Ok(BoardRow {
        name: row.get(0)?,
        description: row.get(1)?,
        created_at: row.get(2)?,
        paused_at: row.get(3)?,
    })
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
        .prepare_cached(
            "SELECT name, description, created_at, paused_at FROM boards WHERE name = :name",
        )
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, read).optional())
        .doing("read a board")
}

/// All boards, by name.
pub fn list(connection: &Connection) -> Result<Vec<BoardRow>, Fault> {
    let doing = "list boards";
    let mut statement = connection
        .prepare_cached("SELECT name, description, created_at, paused_at FROM boards ORDER BY name")
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

/// Gives a board another name. Rows have its number, so nothing else changes.
pub fn rename(connection: &Connection, board: &BoardKey, name: &BoardName) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE boards SET name = :name WHERE id = :board")
        .and_then(|mut s| s.execute(named_params! { ":board": board.number, ":name": name }))
        .map(drop)
        .doing("rename a board")
}

/// What keeps a board from being removed, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Tasks, archived ones included.
    pub tasks: i64,
    /// Schedules.
    pub schedules: i64,
    /// Subscriptions to its tasks.
    pub subscriptions: i64,
}

/// What is on a board.
pub fn contents(connection: &Connection, board: &BoardKey) -> Result<Contents, Fault> {
    connection
        .prepare_cached(
            "SELECT (SELECT count(*) FROM tasks WHERE board = :board),
                    (SELECT count(*) FROM schedules WHERE board = :board AND removed_at IS NULL),
                    (SELECT count(*) FROM subscriptions WHERE board = :board)",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":board": board.number }, |row| {
                Ok(Contents {
                    tasks: row.get(0)?,
                    schedules: row.get(1)?,
                    subscriptions: row.get(2)?,
                })
            })
        })
        .doing("look what is on a board")
}

/// Removes a board that has no [`Contents`], with what is left of its past: figures by the hour and schedules that were removed.
pub fn remove(connection: &Connection, board: &BoardKey) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM history WHERE board = :board",
        "DELETE FROM schedules WHERE board = :board AND removed_at IS NOT NULL",
        "DELETE FROM boards WHERE id = :board",
    ] {
        connection
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(named_params! { ":board": board.number }))
            .doing("remove a board")?;
    }
    Ok(())
}
