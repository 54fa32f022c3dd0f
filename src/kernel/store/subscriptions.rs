//! `kanban_notify_subs`: subscriptions and their cursors.

use rusqlite::{Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use super::rows::{self, lenient_names};
use super::tasks::list_or_null;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, TaskId};
use crate::kernel::rules::notify::Level;
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
    /// How much it hears.
    #[serde(default)]
    pub level: Level,
    /// Only these kinds of events; empty: as the level says.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Who is named when something asks.
    #[serde(default)]
    pub person: Option<String>,
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
        level: Level::parse(&row.get::<_, String>(8)?).unwrap_or_default(),
        kinds: lenient_names(row.get(9)?).unwrap_or_default(),
        person: row.get(10)?,
    })
}

/// Adds a subscription; false when it is there already.
pub fn insert(
    connection: &Connection,
    subscription: &Subscription,
    by: &str,
) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO kanban_notify_subs (task_id, platform, chat_id, thread_id, user_id, created_at, last_event_id, level,
                                             kinds, person, created_by)
             VALUES (:task_id, :platform, :chat_id, :thread_id, :user_id, :created_at, :last_event_id, :level, :kinds, :person,
                     :by)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": subscription.task_id, ":platform": subscription.platform,
                ":chat_id": subscription.chat_id, ":thread_id": subscription.thread_id,
                ":user_id": subscription.user_id, ":created_at": subscription.created_at,
                ":last_event_id": subscription.last_event_id, ":level": subscription.level.as_str(),
                ":kinds": list_or_null(&subscription.kinds), ":person": subscription.person, ":by": by,
            })
        })
        .map(|changed| changed == 1)
        .doing("subscribe")
}

/// The stored row of a subscription.
pub fn get(connection: &Connection, like: &Subscription) -> Result<Subscription, Fault> {
    connection
        .prepare_cached(
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name,
                    s.level, s.kinds, s.person
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
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name,
                    s.level, s.kinds, s.person
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
            "SELECT s.task_id, s.platform, s.chat_id, s.thread_id, s.user_id, s.created_at, s.last_event_id, b.name,
                    s.level, s.kinds, s.person
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

/// Gives a subscription that is there another level, other kinds and another person.
pub fn set_wishes(connection: &Connection, subscription: &Subscription) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE kanban_notify_subs SET level = :level, kinds = :kinds, person = :person
             WHERE task_id = :task_id AND platform = :platform AND chat_id = :chat_id AND thread_id = :thread_id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": subscription.task_id, ":platform": subscription.platform,
                ":chat_id": subscription.chat_id, ":thread_id": subscription.thread_id,
                ":level": subscription.level.as_str(), ":kinds": list_or_null(&subscription.kinds),
                ":person": subscription.person,
            })
        })
        .map(drop)
        .doing("change a subscription")
}

/// A subscription to one task, as the outbox needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSubscription {
    /// Its channel.
    pub platform: String,
    /// Its address.
    pub chat_id: String,
    /// Its thread.
    pub thread_id: String,
    /// Its route; none when there is none yet.
    pub route_id: Option<i64>,
    /// How much it hears.
    pub level: Level,
    /// Only these kinds of events; empty: as the level says.
    pub kinds: Vec<String>,
    /// Who is named when something asks.
    pub person: Option<String>,
    /// Only newer events.
    pub last_event_id: EventId,
}

/// Who subscribes to a task, with the routes.
pub fn list_for_events(
    connection: &Connection,
    task_id: &TaskId,
) -> Result<Vec<TaskSubscription>, Fault> {
    let doing = "find who subscribes to a task";
    let mut statement = connection
        .prepare_cached(
            "SELECT s.platform, s.chat_id, s.thread_id, r.id, s.level, s.kinds, s.person, s.last_event_id
             FROM kanban_notify_subs s
             LEFT JOIN routes r ON r.channel = s.platform AND r.address = s.chat_id AND r.thread = s.thread_id
             WHERE s.task_id = :task_id",
        )
        .doing(doing)?;
    let read = |row: &Row<'_>| {
        Ok(TaskSubscription {
            platform: row.get(0)?,
            chat_id: row.get(1)?,
            thread_id: row.get(2)?,
            route_id: row.get(3)?,
            level: Level::parse(&row.get::<_, String>(4)?).unwrap_or_default(),
            kinds: lenient_names(row.get(5)?).unwrap_or_default(),
            person: row.get(6)?,
            last_event_id: row.get(7)?,
        })
    };
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Whether anybody subscribes to any task.
pub fn has_any(connection: &Connection) -> Result<bool, Fault> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM kanban_notify_subs)")
        .and_then(|mut s| s.query_row([], |row| row.get(0)))
        .doing("look for subscriptions")
}

/// Moves the cursor of a subscription to an event that was sent.
pub fn advance(
    connection: &Connection,
    task_id: &TaskId,
    (channel, address, thread): (&str, &str, &str),
    event_id: EventId,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE kanban_notify_subs SET last_event_id = :event
             WHERE task_id = :task_id AND platform = :channel AND chat_id = :address AND thread_id = :thread
               AND last_event_id < :event",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": task_id, ":channel": channel, ":address": address, ":thread": thread, ":event": event_id,
            })
        })
        .map(drop)
        .doing("move the cursor of a subscription")
}

/// Whether a task has more than `count` subscriptions.
pub fn has_more_than(connection: &Connection, task_id: &TaskId, count: u64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM kanban_notify_subs WHERE task_id = :id LIMIT 1 OFFSET :count";
    rows::has_more_than(connection, sql, task_id, count, "count subscriptions")
}
