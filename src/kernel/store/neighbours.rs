//! What stands around a task by its dependencies, by name: for its card, its page and its graph.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use crate::kernel::card::{CardWaits, NamedTask};
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::store::Connection;

/// The unfinished parents of a task.
///
/// # Errors
/// A fault of the database.
pub fn waits(connection: &Connection, id: &TaskId) -> Result<Option<CardWaits>, Fault> {
    connection
        .prepare_cached(
            "SELECT p.id, p.title, p.status, count(*) OVER () FROM task_links k JOIN tasks p ON p.id = k.parent_id
             WHERE k.child_id = :id AND p.status NOT IN ('done', 'archived') ORDER BY p.seq LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                Ok(CardWaits { first: named(row)?, count: row.get(3)? })
            })
            .optional()
        })
        .doing("read what a card waits for")
}

fn named(row: &Row<'_>) -> rusqlite::Result<NamedTask> {
    Ok(NamedTask { id: row.get(0)?, title: row.get(1)?, status: row.get(2)? })
}

/// Parents of a task, by arrival, at most `limit`.
///
/// # Errors
/// A fault of the database.
pub fn parents(connection: &Connection, id: &TaskId, limit: u32) -> Result<Vec<NamedTask>, Fault> {
    let sql = "SELECT p.id, p.title, p.status FROM task_links k JOIN tasks p ON p.id = k.parent_id
               WHERE k.child_id = :id ORDER BY p.seq LIMIT :limit";
    named_tasks(connection, sql, id, limit)
}

/// Children of a task, by arrival, at most `limit`.
///
/// # Errors
/// A fault of the database.
pub fn children(connection: &Connection, id: &TaskId, limit: u32) -> Result<Vec<NamedTask>, Fault> {
    let sql = "SELECT c.id, c.title, c.status FROM task_links k JOIN tasks c ON c.id = k.child_id
               WHERE k.parent_id = :id ORDER BY c.seq LIMIT :limit";
    named_tasks(connection, sql, id, limit)
}

fn named_tasks(
    connection: &Connection,
    sql: &'static str,
    id: &TaskId,
    limit: u32,
) -> Result<Vec<NamedTask>, Fault> {
    let doing = "list the neighbours of a task";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows =
        statement.query_map(named_params! { ":id": id, ":limit": limit }, named).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Ids of the unfinished children of a task, at most `limit`: what they wait for changes with it.
///
/// # Errors
/// A fault of the database.
pub fn waiting_children(
    connection: &Connection,
    id: &TaskId,
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list the children of a card";
    let mut statement = connection
        .prepare_cached(
            "SELECT c.id FROM task_links k JOIN tasks c ON c.id = k.child_id
             WHERE k.parent_id = :id AND c.status = 'todo' LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":id": id, ":limit": limit }, |row| row.get(0))
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
