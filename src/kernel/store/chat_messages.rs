//! `chat_messages`: messages that are known after they were sent: the live one of a task and route, and what asks.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EventId, TaskId};
use crate::kernel::store::Connection;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its number.
    pub id: i64,
    /// Its route.
    pub route_id: i64,
    /// Its task.
    pub task_id: TaskId,
    /// Whether it is the live one of its task.
    pub is_live: bool,
    /// The provider's id; none before it was sent.
    pub provider_id: Option<String>,
    /// Its event.
    pub event_id: Option<EventId>,
    /// What ended what it asks.
    pub ending: Option<String>,
    /// What it shows.
    pub shown: Option<String>,
    /// The lease that it is under.
    pub lease: Option<String>,
    /// What it shows when that attempt succeeds.
    pub leased_text: Option<String>,
    /// Attempts at the present change.
    pub attempts: u32,
    /// Reminders that were sent.
    pub reminders: u32,
    /// The question that it asks.
    pub question_id: Option<String>,
}

macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.route_id, c.task_id, c.role, c.provider_id, c.event_id, c.ending, c.shown, c.lease, c.leased_text,
                    c.attempts, c.reminders, c.question_id FROM chat_messages c ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<ChatMessage> {
    let role: String = row.get(3)?;
    Ok(ChatMessage {
        id: row.get(0)?,
        route_id: row.get(1)?,
        task_id: row.get(2)?,
        is_live: role == "live",
        provider_id: row.get(4)?,
        event_id: row.get(5)?,
        ending: row.get(6)?,
        shown: row.get(7)?,
        lease: row.get(8)?,
        leased_text: row.get(9)?,
        attempts: row.get(10)?,
        reminders: row.get(11)?,
        question_id: row.get(12)?,
    })
}

/// A message by its number.
pub fn get(connection: &Connection, id: i64) -> Result<Option<ChatMessage>, Fault> {
    connection
        .prepare_cached(select_messages!("WHERE c.id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a chat message")
}

/// The message that a provider knows by this id, at an address of a channel.
pub fn find(
    connection: &Connection,
    (channel, address): (&str, &str),
    provider_id: &str,
) -> Result<Option<ChatMessage>, Fault> {
    connection
        .prepare_cached(select_messages!(
            "JOIN routes r ON r.id = c.route_id
             WHERE r.channel = :channel AND r.address = :address AND c.provider_id = :provider LIMIT 1"
        ))
        .and_then(|mut s| {
            let named = named_params! {
                ":channel": channel, ":address": address, ":provider": provider_id,
            };
            s.query_row(named, read).optional()
        })
        .doing("find a chat message")
}

/// Marks that the live message of a task and route is to be changed, or made.
pub fn want_live(connection: &Connection, route_id: i64, task_id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO chat_messages (route_id, task_id, role, is_wanted) VALUES (:route, :task, 'live', 1)
             ON CONFLICT (route_id, task_id) WHERE role = 'live' DO UPDATE SET is_wanted = 1",
        )
        .and_then(|mut s| s.execute(named_params! { ":route": route_id, ":task": task_id }))
        .map(drop)
        .doing("mark a live message")
}

/// Keeps a message that was sent and asks for something; without an id it cannot be changed.
pub fn insert_ask(
    connection: &Connection,
    (route_id, task_id): (i64, &TaskId),
    (provider_id, event_id, question_id): (Option<&str>, Option<EventId>, Option<&str>),
    remind_at_ms: Option<i64>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO chat_messages (route_id, task_id, role, provider_id, event_id, question_id, is_open, remind_at_ms)
             VALUES (:route, :task, 'ask', :provider, :event, :question, 1, :remind) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":route": route_id, ":task": task_id, ":provider": provider_id, ":event": event_id,
                ":question": question_id, ":remind": remind_at_ms,
            })
        })
        .map(drop)
        .doing("keep a message that asks")
}

/// Ends what was asked about a task: every message that asked is to be changed.
pub fn end_asks(connection: &Connection, task_id: &TaskId, ending: &str) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_messages SET is_open = 0, is_wanted = provider_id IS NOT NULL, ending = :ending, remind_at_ms = NULL
             WHERE task_id = :task AND role = 'ask' AND is_open = 1",
        )
        .and_then(|mut s| s.execute(named_params! { ":task": task_id, ":ending": ending }))
        .doing("end what was asked")
}

/// The newest message of a task on a route that can be replied to.
pub fn anchor(
    connection: &Connection,
    route_id: i64,
    task_id: &TaskId,
) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached(
            "SELECT provider_id FROM chat_messages
             WHERE task_id = :task AND route_id = :route AND provider_id IS NOT NULL AND role = 'live' LIMIT 1",
        )
        .and_then(|mut s| {
            let row = named_params! { ":route": route_id, ":task": task_id };
            s.query_row(row, |row| row.get(0)).optional()
        })
        .doing("find the message of a task")
}

/// Messages that are to be changed and are not under way, those that have waited longest first.
pub fn list_wanted(
    connection: &Connection,
    now_ms: i64,
    limit: u32,
) -> Result<Vec<ChatMessage>, Fault> {
    let doing = "list the messages to change";
    let mut statement = connection
        .prepare_cached(select_messages!(
            "WHERE c.is_wanted = 1 AND c.edit_after_ms <= :now AND (c.lease IS NULL OR c.lease_until_ms <= :now)
             ORDER BY c.edit_after_ms, c.id LIMIT :limit"
        ))
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":now": now_ms, ":limit": limit }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Messages whose question is to be asked again.
pub fn list_to_remind(connection: &Connection, now_ms: i64) -> Result<Vec<ChatMessage>, Fault> {
    let doing = "list the questions to ask again";
    let mut statement = connection
        .prepare_cached(select_messages!(
            "WHERE c.remind_at_ms IS NOT NULL AND c.remind_at_ms <= :now ORDER BY c.remind_at_ms LIMIT 100"
        ))
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":now": now_ms }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Messages of a route that ask, are open, and have been repeated at least `reminders` times; oldest first.
pub fn list_open_asks(
    connection: &Connection,
    route_id: i64,
    reminders: u32,
) -> Result<Vec<ChatMessage>, Fault> {
    let doing = "list the open questions of a route";
    let mut statement = connection
        .prepare_cached(select_messages!(
            "WHERE c.remind_at_ms IS NOT NULL AND c.route_id = :route AND c.role = 'ask' AND c.is_open = 1
               AND c.reminders >= :reminders ORDER BY c.id"
        ))
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":route": route_id, ":reminders": reminders }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Counts a reminder and sets the next one.
pub fn set_reminded(
    connection: &Connection,
    id: i64,
    next_at_ms: Option<i64>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_messages SET reminders = reminders + 1, remind_at_ms = :next WHERE id = :id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":next": next_at_ms }))
        .map(drop)
        .doing("count a reminder")
}

/// Leases a change. What is wanted after this is another one.
pub fn lease(
    connection: &Connection,
    id: i64,
    (lease, until_ms): (&str, i64),
    text: &str,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_messages SET lease = :lease, lease_until_ms = :until, leased_text = :text, is_wanted = 0,
                    edit_after_ms = :until, attempts = attempts + 1
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":lease": lease, ":until": until_ms, ":text": text })
        })
        .map(drop)
        .doing("lease a change of a message")
}

/// How a message stands after an attempt to change it.
#[derive(Debug, Clone, Copy)]
pub struct Changed<'a> {
    /// The provider's id from now on.
    pub provider_id: Option<&'a str>,
    /// What it shows.
    pub shown: Option<&'a str>,
    /// Whether the change is still to be made.
    pub is_wanted: bool,
    /// No change before this time, epoch milliseconds.
    pub edit_after_ms: i64,
    /// Attempts at the present change.
    pub attempts: u32,
}

/// Writes how a message stands. One that was marked meanwhile stays so.
pub fn set_changed(connection: &Connection, id: i64, changed: &Changed<'_>) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_messages SET lease = NULL, lease_until_ms = NULL, leased_text = NULL, provider_id = :provider,
                    shown = :shown, is_wanted = max(is_wanted, :wanted), edit_after_ms = :after, attempts = :attempts
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":provider": changed.provider_id, ":shown": changed.shown, ":wanted": changed.is_wanted,
                ":after": changed.edit_after_ms, ":attempts": changed.attempts,
            })
        })
        .map(drop)
        .doing("keep how a message stands")
}

/// A message that shows what it should is not to be changed.
pub fn clear_wanted(connection: &Connection, id: i64) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE chat_messages SET is_wanted = 0 WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(drop)
        .doing("leave a message as it is")
}

/// Has changes whose lease is over made again.
pub fn end_leases(connection: &Connection, now_ms: i64) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_messages SET lease = NULL, lease_until_ms = NULL, leased_text = NULL, is_wanted = 1
             WHERE lease IS NOT NULL AND lease_until_ms <= :now",
        )
        .and_then(|mut s| s.execute(named_params! { ":now": now_ms }))
        .doing("end the leases of changes")
}

/// Forgets every message: they belong to another life of the board.
pub fn delete_all(connection: &Connection) -> Result<usize, Fault> {
    connection
        .prepare_cached("DELETE FROM chat_messages")
        .and_then(|mut s| s.execute([]))
        .doing("forget the messages")
}
