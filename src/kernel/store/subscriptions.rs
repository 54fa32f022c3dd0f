//! `kanban_notify_subs`: subscriptions and their cursors.

use rusqlite::{Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use super::rows;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, TaskId};
use crate::kernel::store::Connection;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Subscription {
    /// The task.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Chat platform, in lower case.
    pub platform: String,
    /// Chat on the platform.
    pub chat_id: String,
    /// Thread in the chat; empty: none.
    pub thread_id: String,
    /// User who subscribed.
    pub user_id: Option<String>,
    /// Time, epoch seconds.
    pub created_at: EpochSeconds,
    /// The newest event delivered, or already there when the subscription began.
    pub last_event_id: EventId,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        task_id: row.get(0)?,
        platform: row.get(1)?,
        chat_id: row.get(2)?,
        thread_id: row.get(3)?,
        user_id: row.get(4)?,
        created_at: row.get(5)?,
        last_event_id: row.get(6)?,
        board: row.get(7)?,
    })
}

/// Adds a subscription; false when it is there already.
pub fn insert(connection: &Connection, subscription: &Subscription) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO kanban_notify_subs (task_id, platform, chat_id, thread_id, user_id, created_at, last_event_id)
             VALUES (:task_id, :platform, :chat_id, :thread_id, :user_id, :created_at, :last_event_id)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": subscription.task_id, ":platform": subscription.platform,
                ":chat_id": subscription.chat_id, ":thread_id": subscription.thread_id,
                ":user_id": subscription.user_id, ":created_at": subscription.created_at,
                ":last_event_id": subscription.last_event_id,
            })
        })
        .map(|changed| changed == 1)
        .doing("subscribe")
}

/// The stored row of a subscription.
pub fn get(connection: &Connection, like: &Subscription) -> Result<Subscription, Fault> {
    connection
        .prepare_cached(
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name
             FROM kanban_notify_subs s JOIN tasks t ON t.id = s.task_id JOIN boards b ON b.id = t.board
             WHERE s.task_id = :task_id AND platform = :platform AND chat_id = :chat_id AND thread_id = :thread_id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":task_id": like.task_id, ":platform": like.platform, ":chat_id": like.chat_id,
                    ":thread_id": like.thread_id,
                },
                read,
            )
        })
        .doing("read a subscription")
}

/// Subscriptions to one task.
pub fn list_of_task(connection: &Connection, task_id: &TaskId) -> Result<Vec<Subscription>, Fault> {
    let doing = "list the subscriptions to a task";
    let mut statement = connection
        .prepare_cached(
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name
             FROM kanban_notify_subs s JOIN tasks t ON t.id = s.task_id JOIN boards b ON b.id = t.board WHERE s.task_id = :task_id
             ORDER BY platform, chat_id, thread_id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Subscriptions to the tasks of a board.
pub fn list_of_board(
    connection: &Connection,
    board: &BoardName,
) -> Result<Vec<Subscription>, Fault> {
    let doing = "list subscriptions";
    let mut statement = connection
        .prepare_cached(
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name
             FROM kanban_notify_subs s JOIN tasks t ON t.id = s.task_id JOIN boards b ON b.id = t.board
             WHERE b.name = :board ORDER BY s.task_id, s.platform, s.chat_id, s.thread_id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":board": board }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Removes a subscription; false when there is none.
pub fn delete(
    connection: &Connection,
    task_id: &TaskId,
    platform: &str,
    chat_id: &str,
    thread_id: &str,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM kanban_notify_subs
             WHERE task_id = :task_id AND platform = :platform AND chat_id = :chat_id AND thread_id = :thread_id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": task_id, ":platform": platform, ":chat_id": chat_id, ":thread_id": thread_id,
            })
        })
        .map(|changed| changed == 1)
        .doing("unsubscribe")
}

/// Whether a task has more than `count` subscriptions.
pub fn has_more_than(connection: &Connection, task_id: &TaskId, count: u64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM kanban_notify_subs WHERE task_id = :id LIMIT 1 OFFSET :count";
    rows::has_more_than(connection, sql, task_id, count, "count subscriptions")
}
