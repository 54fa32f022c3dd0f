//! `task_comments`: notes on a task, kept for ever.

use rusqlite::{Connection, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};

/// A comment as replies show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comment {
    /// Row id.
    pub id: i64,
    /// Who wrote it.
    pub author: String,
    /// What.
    pub body: String,
    /// When, epoch seconds.
    pub created_at: EpochSeconds,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment { id: row.get(0)?, author: row.get(1)?, body: row.get(2)?, created_at: row.get(3)? })
}

/// Adds a comment and returns its id.
pub fn insert(
    connection: &Connection,
    task_id: &TaskId,
    author: &str,
    body: &str,
    now: EpochSeconds,
) -> Result<i64, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_comments (task_id, author, body, created_at)
             VALUES (:task_id, :author, :body, :now) RETURNING id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! { ":task_id": task_id, ":author": author, ":body": body, ":now": now },
                |row| row.get(0),
            )
        })
        .doing("insert a comment")
}

/// All comments of a task, oldest first.
pub fn list(connection: &Connection, task_id: &TaskId) -> Result<Vec<Comment>, Fault> {
    let doing = "list comments";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, author, body, created_at FROM task_comments WHERE task_id = :task_id ORDER BY id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The newest comments of a task, oldest of them first, at most `limit`, with the number of all.
pub fn list_newest(
    connection: &Connection,
    task_id: &TaskId,
    limit: usize,
) -> Result<(Vec<Comment>, u64), Fault> {
    let doing = "list the newest comments";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(
            "SELECT id, author, body, created_at FROM task_comments
             WHERE task_id = :task_id ORDER BY id DESC LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":task_id": task_id, ":limit": limit }, read)
        .doing(doing)?;
    let mut comments = rows.collect::<rusqlite::Result<Vec<_>>>().doing(doing)?;
    comments.reverse();
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM task_comments WHERE task_id = :task_id")
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .doing(doing)?;
    Ok((comments, count.unsigned_abs()))
}
