//! `people`: names that are people and in no configuration. A user is entered when they first assign a task to themselves.

use rusqlite::named_params;

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// Whether `name` is entered.
pub fn contains(connection: &Connection, name: &str) -> Result<bool, Fault> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM people WHERE name = :name)")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, |row| row.get(0)))
        .doing("look up a person")
}

/// Everybody, by name.
pub fn list(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "list people";
    let mut statement =
        connection.prepare_cached("SELECT name FROM people ORDER BY name").doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Enters a person; no change when they are there already.
pub fn insert(connection: &Connection, name: &str, now: EpochSeconds) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO people (name, created_at) VALUES (:name, :now) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| s.execute(named_params! { ":name": name, ":now": now }))
        .map(drop)
        .doing("enter a person")
}
