//! `inbound`: what people did in chats, and what was answered.

use rusqlite::{OptionalExtension as _, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// Rows that one look forgets at most.
const PRUNED_MAX: u32 = 200;

/// Something that was done in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The provider's id of the user.
    pub user_id: String,
    /// The address of the chat.
    pub address: String,
    /// What was answered, as JSON.
    pub reply: String,
}

/// What was done under a provider's id, and when.
pub fn get(
    connection: &Connection,
    channel: &str,
    event_id: &str,
) -> Result<Option<(Inbound, EpochSeconds)>, Fault> {
    connection
        .prepare_cached(
            "SELECT user_id, address, reply, created_at FROM inbound WHERE channel = :channel AND event_id = :event",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":channel": channel, ":event": event_id }, |row| {
                let (user_id, address, reply) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((Inbound { user_id, address, reply }, row.get(3)?))
            })
            .optional()
        })
        .doing("look up what was done in a chat")
}

/// Keeps what was done and answered.
pub fn insert(
    connection: &Connection,
    (channel, event_id): (&str, &str),
    done: &Inbound,
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO inbound (channel, event_id, user_id, address, reply, created_at)
             VALUES (:channel, :event, :user, :address, :reply, :now)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":channel": channel, ":event": event_id, ":user": done.user_id,
                ":address": done.address, ":reply": done.reply, ":now": now,
            })
        })
        .map(drop)
        .doing("keep what was done in a chat")
}

/// How much a user has done since `since`.
pub fn count_since(
    connection: &Connection,
    (channel, user_id): (&str, &str),
    since: EpochSeconds,
) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM inbound WHERE channel = :channel AND user_id = :user AND created_at > :since",
        )
        .and_then(|mut s| {
            let named = named_params! { ":channel": channel, ":user": user_id, ":since": since };
            s.query_row(named, |row| row.get(0))
        })
        .doing("count what a person does in chats")
}

/// Forgets what was done before `before`, a few at a time.
pub fn prune(connection: &Connection, before: EpochSeconds) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM inbound WHERE (channel, event_id) IN
               (SELECT channel, event_id FROM inbound WHERE created_at < :before ORDER BY created_at LIMIT :limit)",
        )
        .and_then(|mut s| s.execute(named_params! { ":before": before, ":limit": PRUNED_MAX }))
        .doing("forget what was done in chats")
}
