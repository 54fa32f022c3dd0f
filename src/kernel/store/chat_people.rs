//! `chat_people` and `chat_cursors`: who the users of channels are, and how far channels have been read.

use rusqlite::{OptionalExtension as _, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// A person of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChatPerson {
    /// The channel.
    pub channel: String,
    /// The provider's id of the user.
    pub user_id: String,
    /// Who that is.
    pub person: String,
    /// Their role: what it may is configured under `chat.roles`.
    pub role: String,
    /// Since when, epoch seconds.
    pub created_at: EpochSeconds,
    /// Who allowed them.
    pub created_by: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<ChatPerson> {
    Ok(ChatPerson {
        channel: row.get(0)?,
        user_id: row.get(1)?,
        person: row.get(2)?,
        role: row.get(3)?,
        created_at: row.get(4)?,
        created_by: row.get(5)?,
    })
}

/// Who a user of a channel is.
pub fn get(
    connection: &Connection,
    channel: &str,
    user_id: &str,
) -> Result<Option<ChatPerson>, Fault> {
    connection
        .prepare_cached(
            "SELECT channel, user_id, person, role, created_at, created_by FROM chat_people
             WHERE channel = :channel AND user_id = :user",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":channel": channel, ":user": user_id }, read).optional()
        })
        .doing("look up a person of a chat")
}

/// Everybody, by channel and id.
pub fn list(connection: &Connection) -> Result<Vec<ChatPerson>, Fault> {
    let doing = "list the people of chats";
    let mut statement = connection
        .prepare_cached(
            "SELECT channel, user_id, person, role, created_at, created_by FROM chat_people ORDER BY channel, user_id",
        )
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Enters a person, or gives one another name or role.
pub fn put(connection: &Connection, person: &ChatPerson) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO chat_people (channel, user_id, person, role, created_at, created_by)
             VALUES (:channel, :user, :person, :role, :at, :by)
             ON CONFLICT (channel, user_id) DO UPDATE SET
               person = :person, role = :role, created_at = :at, created_by = :by",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":channel": person.channel, ":user": person.user_id, ":person": person.person,
                ":role": person.role, ":at": person.created_at, ":by": person.created_by,
            })
        })
        .map(drop)
        .doing("allow a person of a chat")
}

/// Removes a person; false when there was none.
pub fn delete(connection: &Connection, channel: &str, user_id: &str) -> Result<bool, Fault> {
    connection
        .prepare_cached("DELETE FROM chat_people WHERE channel = :channel AND user_id = :user")
        .and_then(|mut s| s.execute(named_params! { ":channel": channel, ":user": user_id }))
        .map(|count| count == 1)
        .doing("deny a person of a chat")
}

/// How far a channel has been read.
pub fn cursor(connection: &Connection, channel: &str) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT cursor FROM chat_cursors WHERE channel = :channel")
        .and_then(|mut s| {
            s.query_row(named_params! { ":channel": channel }, |row| row.get(0)).optional()
        })
        .doing("read how far a channel has been read")
}

/// Keeps how far a channel has been read.
pub fn set_cursor(
    connection: &Connection,
    (channel, cursor): (&str, &str),
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO chat_cursors (channel, cursor, updated_at) VALUES (:channel, :cursor, :now)
             ON CONFLICT (channel) DO UPDATE SET cursor = :cursor, updated_at = :now",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":channel": channel, ":cursor": cursor, ":now": now })
        })
        .map(drop)
        .doing("keep how far a channel has been read")
}
