//! `chat_tokens`: what a button does, what waits for a confirmation, what is expected as the next text of a person.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use crate::kernel::chat_action::Action;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;

/// Rows that one look forgets at most.
const PRUNED_MAX: u32 = 200;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A button.
    Button,
    /// A confirmation of something that was asked back.
    Confirm,
    /// The next text of a person.
    Expect,
}

impl TokenKind {
    const ALL: [Self; 3] = [Self::Button, Self::Confirm, Self::Expect];

    fn as_str(self) -> &'static str {
        match self {
            Self::Button => "button",
            Self::Confirm => "confirm",
            Self::Expect => "expect",
        }
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What comes back.
    pub token: String,
    /// What it is for.
    pub kind: TokenKind,
    /// Its channel.
    pub channel: String,
    /// The address of its chat.
    pub address: String,
    /// Whose it is; none: of everybody who may do what it does.
    pub user_id: Option<String>,
    /// What may be typed instead.
    pub word: Option<String>,
    /// Its task.
    pub task_id: Option<TaskId>,
    /// What it does; none when another program has written something else.
    pub action: Option<Action>,
    /// Until when, epoch seconds.
    pub expires_at: EpochSeconds,
    /// When it was used, epoch seconds.
    pub used_at: Option<EpochSeconds>,
    /// By whom.
    pub used_by: Option<String>,
    /// By which thing, as the provider calls it.
    pub used_event: Option<String>,
}

macro_rules! select_tokens {
    ($rest:literal) => {
        concat!(
            "SELECT token, kind, channel, address, user_id, word, task_id, action, expires_at, used_at, used_by, used_event
             FROM chat_tokens ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    let (kind, action): (String, String) = (row.get(1)?, row.get(7)?);
    let kind = TokenKind::ALL.into_iter().find(|known| known.as_str() == kind);
    Ok(Token {
        token: row.get(0)?,
        kind: kind.unwrap_or(TokenKind::Button),
        channel: row.get(2)?,
        address: row.get(3)?,
        user_id: row.get(4)?,
        word: row.get(5)?,
        task_id: row.get(6)?,
        action: serde_json::from_str(&action).ok(),
        expires_at: row.get(8)?,
        used_at: row.get(9)?,
        used_by: row.get(10)?,
        used_event: row.get(11)?,
    })
}

/// A token by itself.
pub fn get(connection: &Connection, token: &str) -> Result<Option<Token>, Fault> {
    connection
        .prepare_cached(select_tokens!("WHERE token = :token"))
        .and_then(|mut s| s.query_row(named_params! { ":token": token }, read).optional())
        .doing("look up a button")
}

/// Ends the buttons of a task that move it, and what is expected for its review: what they were shown for is over. A choice of a
/// question names its question, and says how that ended.
pub fn end_moves(
    connection: &Connection,
    task_id: &TaskId,
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_tokens SET expires_at = :now
             WHERE task_id = :task AND used_at IS NULL AND expires_at > :now
               AND (action LIKE '{\"unblock\":%' OR action LIKE '{\"approve\":%'
                 OR action LIKE '{\"ask_changes\":%' OR action LIKE '{\"take_changes\":%')",
        )
        .and_then(|mut s| s.execute(named_params! { ":task": task_id, ":now": now }))
        .doing("end the buttons of a task")?;
    Ok(())
}

/// The newest token of a kind that is open in a chat and has this word, if it has to have one.
pub fn find_open(
    connection: &Connection,
    kind: TokenKind,
    (channel, address, user_id): (&str, &str, Option<&str>),
    word: Option<&str>,
    now: EpochSeconds,
) -> Result<Option<Token>, Fault> {
    connection
        .prepare_cached(select_tokens!(
            "WHERE channel = :channel AND address = :address AND kind = :kind AND user_id IS NOT NULL
               AND (:user IS NULL OR user_id = :user) AND (:word IS NULL OR word = :word)
               AND used_at IS NULL AND expires_at > :now
             ORDER BY created_at DESC, token LIMIT 1"
        ))
        .and_then(|mut s| {
            let named = named_params! {
                ":channel": channel, ":address": address, ":kind": kind.as_str(), ":user": user_id,
                ":word": word, ":now": now,
            };
            s.query_row(named, read).optional()
        })
        .doing("look for what waits in a chat")
}

/// Keeps a token.
pub fn insert(connection: &Connection, new: &Token, now: EpochSeconds) -> Result<(), Fault> {
    let doing = "keep a button";
    let action = serde_json::to_string(&new.action).map_err(|error| Fault::Database {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    connection
        .prepare_cached(
            "INSERT INTO chat_tokens (token, kind, channel, address, user_id, word, task_id, action, created_at, expires_at)
             VALUES (:token, :kind, :channel, :address, :user, :word, :task, :action, :now, :expires)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":token": new.token, ":kind": new.kind.as_str(), ":channel": new.channel,
                ":address": new.address, ":user": new.user_id, ":word": new.word, ":task": new.task_id,
                ":action": action, ":now": now, ":expires": new.expires_at,
            })
        })
        .map(drop)
        .doing(doing)
}

/// Notes by whom and by what a token was used.
pub fn set_used(
    connection: &Connection,
    token: &str,
    (by, event_id): (&str, &str),
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE chat_tokens SET used_at = :now, used_by = :by, used_event = :event WHERE token = :token",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":token": token, ":by": by, ":event": event_id, ":now": now })
        })
        .map(drop)
        .doing("note that a button was pressed")
}

/// Forgets what waits for a person who may do nothing from now on.
pub fn delete_of_user(connection: &Connection, channel: &str, user_id: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM chat_tokens WHERE channel = :channel AND user_id = :user")
        .and_then(|mut s| s.execute(named_params! { ":channel": channel, ":user": user_id }))
        .map(drop)
        .doing("forget what waits for a person")
}

/// Forgets every token: they belong to another life of the board.
pub fn delete_all(connection: &Connection) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM chat_tokens")
        .and_then(|mut s| s.execute([]))
        .map(drop)
        .doing("forget the buttons")
}

/// Forgets tokens that ended before `before`, a few at a time.
pub fn prune(connection: &Connection, before: EpochSeconds) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM chat_tokens WHERE token IN
               (SELECT token FROM chat_tokens WHERE expires_at < :before ORDER BY expires_at LIMIT :limit)",
        )
        .and_then(|mut s| s.execute(named_params! { ":before": before, ":limit": PRUNED_MAX }))
        .doing("forget old buttons")
}
