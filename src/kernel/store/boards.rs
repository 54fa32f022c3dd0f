//! `boards`: the names that tasks may stand under.

use rusqlite::{Connection, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::BoardName;

/// Whether a board exists.
pub fn exists(connection: &Connection, name: &BoardName) -> Result<bool, Fault> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM boards WHERE name = :name)")
        .and_then(|mut s| s.query_row(named_params! { ":name": name }, |row| row.get(0)))
        .doing("look up a board")
}
