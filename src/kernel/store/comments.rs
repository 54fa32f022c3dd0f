//! `task_comments`: notes on a task, never changed.

use rusqlite::{OptionalExtension as _, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use super::page::{self, Page, PageSql};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comment {
    /// Row id.
    pub id: i64,
    /// Author.
    pub author: String,
    /// Text.
    pub body: String,
    /// Time, epoch seconds.
    pub created_at: EpochSeconds,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Comment> {
    Ok(Comment { id: row.get(0)?, author: row.get(1)?, body: row.get(2)?, created_at: row.get(3)? })
}

/// What the comments of a task come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommentTotals {
    /// How many there are.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl CommentTotals {
    /// The totals with one more comment of so many bytes.
    #[must_use]
    pub fn with(self, bytes: usize) -> Self {
        Self { count: self.count + 1, bytes: self.bytes + bytes as u64 }
    }
}

/// The totals of a task, as its newest comment says, or counted where that says nothing.
pub fn totals(connection: &Connection, task_id: &TaskId) -> Result<CommentTotals, Fault> {
    let doing = "count comments";
    let read = |row: &Row<'_>| -> rusqlite::Result<Option<CommentTotals>> {
        let (count, bytes): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
        let totals = |count: i64, bytes: i64| CommentTotals {
            count: count.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        };
        Ok(count.zip(bytes).map(|(count, bytes)| totals(count, bytes)))
    };
    let newest = connection
        .prepare_cached(
            "SELECT total_count, total_bytes FROM task_comments WHERE task_id = :task_id ORDER BY id DESC LIMIT 1",
        )
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing(doing)?;
    match newest {
        None => return Ok(CommentTotals::default()),
        Some(Some(totals)) => return Ok(totals),
        Some(None) => {}
    }
    let counted = connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(octet_length(body)), 0) FROM task_comments WHERE task_id = :task_id",
        )
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read))
        .doing(doing)?;
    Ok(counted.unwrap_or_default())
}

/// Adds a comment and returns its id. `totals` are those with it.
pub fn insert(
    connection: &Connection,
    task_id: &TaskId,
    author: &str,
    body: &str,
    totals: CommentTotals,
    now: EpochSeconds,
) -> Result<i64, Fault> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .insert(
            "INSERT INTO task_comments (task_id, author, body, created_at, total_count, total_bytes)
             VALUES (:task_id, :author, :body, :now, :count, :bytes)",
            named_params! {
                ":task_id": task_id, ":author": author, ":body": body, ":now": now,
                ":count": number(totals.count), ":bytes": number(totals.bytes),
            },
        )
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

/// Comments as one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommentTexts {
    /// The comments, each on lines of its own.
    pub text: String,
    /// The last of them; none when there is none.
    pub upto: Option<i64>,
}

/// The texts of a task's comments after a comment, oldest first: one, and as many more as make no more than `bytes_max`.
pub fn texts_after(
    connection: &Connection,
    task_id: &TaskId,
    after: i64,
    bytes_max: usize,
) -> Result<CommentTexts, Fault> {
    let doing = "read comments";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, body FROM task_comments WHERE task_id = :task_id AND id > :after ORDER BY id",
        )
        .doing(doing)?;
    let mut rows =
        statement.query(named_params! { ":task_id": task_id, ":after": after }).doing(doing)?;
    let mut found = CommentTexts::default();
    while let Some(row) = rows.next().doing(doing)? {
        let body = row.get_ref(1).doing(doing)?.as_bytes().unwrap_or_default();
        if found.upto.is_some() && found.text.len() + body.len() + 1 > bytes_max {
            break;
        }
        if found.upto.is_some() {
            found.text.push('\n');
        }
        found.text.push_str(&String::from_utf8_lossy(body));
        found.upto = Some(row.get(0).doing(doing)?);
    }
    Ok(found)
}

/// The newest comments of a task before one of them, as many as fit into an answer.
pub fn newest_page(
    connection: &Connection,
    task_id: &TaskId,
    before: Option<i64>,
) -> Result<Page<Comment>, Fault> {
    let sql = PageSql {
        newest_first: "SELECT id, author, body, created_at FROM task_comments
                       WHERE task_id = :task_id AND id < :before ORDER BY id DESC",
        count: "SELECT count(*) FROM task_comments WHERE task_id = :task_id AND id < :before",
        doing: "list comments",
    };
    page::newest(connection, &sql, task_id, before, read)
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
