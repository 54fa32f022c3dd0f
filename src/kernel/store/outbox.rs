//! `outbox`: what is still to be sent, and what became of the rest.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, EventId, TaskId};
use crate::kernel::notice::{Class, Notice};
use crate::kernel::store::Connection;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number; they grow.
    pub id: i64,
    /// Its route.
    pub route_id: i64,
    /// Its task.
    pub task_id: Option<TaskId>,
    /// Its event.
    pub event_id: Option<EventId>,
    /// What it asks of people.
    pub class: Class,
    /// The message, as it was at commit.
    pub message: String,
    /// The same at every attempt.
    pub dedupe: String,
    /// `waiting`, `leased`, `sent`, `dead`, `folded` or `superseded`.
    pub state: String,
    /// The lease that it is under.
    pub lease: Option<String>,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether an attempt may have arrived.
    pub maybe_sent: bool,
    /// It does not go before this time, epoch milliseconds.
    pub not_before_ms: i64,
    /// A word for the last error.
    pub code: Option<String>,
    /// The last error.
    pub error: Option<String>,
    /// When it was written, epoch seconds.
    pub created_at: EpochSeconds,
    /// When it was over, epoch seconds.
    pub done_at: Option<EpochSeconds>,
}

macro_rules! select_rows {
    ($rest:literal) => {
        concat!(
            "SELECT o.id, o.route_id, o.task_id, o.event_id, o.class, o.message, o.dedupe, o.state, o.lease, o.attempts,
                    o.maybe_sent, o.not_before_ms, o.code, o.error, o.created_at, o.done_at FROM outbox o ",
            $rest
        )
    };
}

/// The word of a class in its column.
pub fn class_word(class: Class) -> &'static str {
    match class {
        Class::Ask => "ask",
        Class::News => "news",
        Class::Digest => "digest",
        Class::Test => "test",
    }
}

fn class_of(word: &str) -> Class {
    match word {
        "ask" => Class::Ask,
        "digest" => Class::Digest,
        "test" => Class::Test,
        _ => Class::News,
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let class: String = row.get(4)?;
    Ok(OutboxRow {
        id: row.get(0)?,
        route_id: row.get(1)?,
        task_id: row.get(2)?,
        event_id: row.get(3)?,
        class: class_of(&class),
        message: row.get(5)?,
        dedupe: row.get(6)?,
        state: row.get(7)?,
        lease: row.get(8)?,
        attempts: row.get(9)?,
        maybe_sent: row.get(10)?,
        not_before_ms: row.get(11)?,
        code: row.get(12)?,
        error: row.get(13)?,
        created_at: row.get(14)?,
        done_at: row.get(15)?,
    })
}

impl OutboxRow {
    /// The message; none when another program has written something else.
    pub fn notice(&self) -> Option<Notice> {
        serde_json::from_str(&self.message).ok()
    }
}

/// The task of the message that a provider knows by this id, at an address of a channel.
pub fn task_of_message(
    connection: &Connection,
    (channel, address): (&str, &str),
    provider_id: &str,
) -> Result<Option<TaskId>, Fault> {
    connection
        .prepare_cached(
            "SELECT o.task_id FROM routes r JOIN outbox o ON o.route_id = r.id
             WHERE r.channel = :channel AND r.address = :address AND o.provider_id = :provider AND o.task_id IS NOT NULL LIMIT 1",
        )
        .and_then(|mut s| {
            let named = named_params! {
                ":channel": channel, ":address": address, ":provider": provider_id,
            };
            s.query_row(named, |row| row.get(0)).optional()
        })
        .doing("find the task of a message")
}

/// A row that is about to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    /// Its route.
    pub route_id: i64,
    /// Its task.
    pub task_id: Option<&'a TaskId>,
    /// Its event.
    pub event_id: Option<EventId>,
    /// What tells a notice without an event from others.
    pub notice_key: Option<&'a str>,
    /// The message.
    pub notice: &'a Notice,
    /// The same at every attempt.
    pub dedupe: &'a str,
    /// It does not go before this time, epoch milliseconds.
    pub not_before_ms: i64,
    /// Epoch seconds.
    pub now: EpochSeconds,
}

/// Writes a row; none when the route has one of this event, or of this key.
pub fn insert(connection: &Connection, new: &NewRow<'_>) -> Result<Option<i64>, Fault> {
    let doing = "write a message";
    let message = serde_json::to_string(new.notice).map_err(|error| Fault::Database {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    let inserted = connection.insert(
        "INSERT INTO outbox (route_id, task_id, event_id, notice_key, class, message, dedupe, not_before_ms, created_at)
             VALUES (:route, :task, :event, :key, :class, :message, :dedupe, :not_before, :now)
             ON CONFLICT DO NOTHING",
        named_params! {
                    ":route": new.route_id, ":task": new.task_id, ":event": new.event_id, ":key": new.notice_key,
                    ":class": class_word(new.notice.class), ":message": message, ":dedupe": new.dedupe,
                    ":not_before": new.not_before_ms, ":now": new.now,
        },
    );
    match inserted {
        Err(rusqlite::Error::StatementChangedRows(0)) => Ok(None),
        inserted => inserted.map(Some).doing(doing),
    }
}

fn list(
    connection: &Connection,
    sql: &'static str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
    doing: &'static str,
) -> Result<Vec<OutboxRow>, Fault> {
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// A row by its number.
pub fn get(connection: &Connection, id: i64) -> Result<Option<OutboxRow>, Fault> {
    connection
        .prepare_cached(select_rows!("WHERE o.id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a message")
}

/// The row of a route and an event.
pub fn get_of_event(
    connection: &Connection,
    route_id: i64,
    event_id: EventId,
) -> Result<Option<OutboxRow>, Fault> {
    connection
        .prepare_cached(select_rows!("WHERE o.route_id = :route AND o.event_id = :event"))
        .and_then(|mut s| {
            s.query_row(named_params! { ":route": route_id, ":event": event_id }, read).optional()
        })
        .doing("read the message of an event")
}

/// What waits or is under way on a route, oldest first.
pub fn list_open_of_route(
    connection: &Connection,
    route_id: i64,
    limit: u32,
) -> Result<Vec<OutboxRow>, Fault> {
    list(
        connection,
        select_rows!(
            "WHERE o.route_id = :route AND o.state IN ('waiting', 'leased') ORDER BY o.id LIMIT :limit"
        ),
        &[(":route", &route_id), (":limit", &limit)],
        "list the messages of a route",
    )
}

/// Rows whose lease is over.
pub fn list_lease_over(connection: &Connection, now_ms: i64) -> Result<Vec<OutboxRow>, Fault> {
    list(
        connection,
        select_rows!(
            "WHERE o.state = 'leased' AND o.lease_until_ms <= :now ORDER BY o.lease_until_ms, o.id"
        ),
        &[(":now", &now_ms)],
        "list the leases that are over",
    )
}

/// Dead rows, newest first.
pub fn list_dead(connection: &Connection, limit: u32) -> Result<Vec<OutboxRow>, Fault> {
    list(
        connection,
        select_rows!("WHERE o.state = 'dead' ORDER BY o.id DESC LIMIT :limit"),
        &[(":limit", &limit)],
        "list the messages that were given up",
    )
}

/// Leases a row.
pub fn lease(connection: &Connection, id: i64, lease: &str, until_ms: i64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'leased', lease = :lease, lease_until_ms = :until, attempts = attempts + 1
             WHERE id = :id AND state = 'waiting'",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":lease": lease, ":until": until_ms })
        })
        .map(drop)
        .doing("lease a message")
}

/// How a row stands after an attempt.
#[derive(Debug, Clone, Copy)]
pub struct After<'a> {
    /// Its state.
    pub state: &'a str,
    /// Attempts that count.
    pub attempts: u32,
    /// Whether an attempt may have arrived.
    pub maybe_sent: bool,
    /// It does not go before this time, epoch milliseconds.
    pub not_before_ms: i64,
    /// A word for the error.
    pub code: Option<&'a str>,
    /// The error.
    pub error: Option<&'a str>,
    /// The provider's id.
    pub provider_id: Option<&'a str>,
    /// When it was over, epoch seconds.
    pub done_at: Option<EpochSeconds>,
}

/// Writes how a row stands after an attempt.
pub fn set_after(connection: &Connection, id: i64, after: &After<'_>) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = :state, lease = NULL, lease_until_ms = NULL, attempts = :attempts,
                    maybe_sent = :maybe, not_before_ms = :not_before, code = :code, error = :error,
                    provider_id = coalesce(:provider, provider_id), done_at = :done
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":state": after.state, ":attempts": after.attempts, ":maybe": after.maybe_sent,
                ":not_before": after.not_before_ms, ":code": after.code, ":error": after.error,
                ":provider": after.provider_id, ":done": after.done_at,
            })
        })
        .map(drop)
        .doing("settle a message")
}

/// Folds a row into a digest.
pub fn fold(connection: &Connection, id: i64, into: i64, now: EpochSeconds) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'folded', folded_into = :into, done_at = :now WHERE id = :id AND state = 'waiting'",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":into": into, ":now": now }))
        .map(drop)
        .doing("fold a message")
}

/// Supersedes everything that is open; how many there were.
pub fn supersede_open(connection: &Connection, now: EpochSeconds) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', lease = NULL, lease_until_ms = NULL, done_at = :now
             WHERE state IN ('waiting', 'leased')",
        )
        .and_then(|mut s| s.execute(named_params! { ":now": now }))
        .doing("supersede the messages")
}

/// Removes the rows of events that another message tells with it; only those that were never attempted.
pub fn delete_of_event(
    connection: &Connection,
    route_id: i64,
    event_id: EventId,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "DELETE FROM outbox WHERE route_id = :route AND event_id = :event AND state = 'waiting' AND attempts = 0",
        )
        .and_then(|mut s| s.execute(named_params! { ":route": route_id, ":event": event_id }))
        .map(drop)
        .doing("take a message back")
}

/// Puts a dead row back; false when it is not dead.
pub fn revive(connection: &Connection, id: i64) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'waiting', attempts = 0, not_before_ms = 0, done_at = NULL WHERE id = :id AND state = 'dead'",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|changed| changed == 1)
        .doing("send a message again")
}

/// Gives up a row for good; false when it is neither waiting nor dead.
pub fn drop_row(connection: &Connection, id: i64, now: EpochSeconds) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', done_at = :now WHERE id = :id AND state IN ('waiting', 'dead')",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":now": now }))
        .map(|changed| changed == 1)
        .doing("drop a message")
}

/// Has a route's rows tried at once.
pub fn hurry(connection: &Connection, route_id: i64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE outbox SET not_before_ms = 0 WHERE route_id = :route AND state = 'waiting' AND attempts > 0",
        )
        .and_then(|mut s| s.execute(named_params! { ":route": route_id }))
        .map(drop)
        .doing("try the messages of a route at once")
}

/// Removes rows that are over: `sent`, `folded` and `superseded` ones before the first time, dead ones before the second.
pub fn prune(
    connection: &Connection,
    (done_before, dead_before): (EpochSeconds, EpochSeconds),
) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM outbox WHERE done_at IS NOT NULL AND
               ((state IN ('sent', 'folded', 'superseded') AND done_at < :done) OR (state = 'dead' AND done_at < :dead))",
        )
        .and_then(|mut s| s.execute(named_params! { ":done": done_before, ":dead": dead_before }))
        .doing("remove old messages")
}

/// How many rows of each channel are under way.
pub fn count_leased_by_channel(connection: &Connection) -> Result<Vec<(String, u32)>, Fault> {
    let doing = "count the messages under way";
    let mut statement = connection
        .prepare_cached(
            "SELECT r.channel, count(*) FROM outbox o JOIN routes r ON r.id = o.route_id WHERE o.state = 'leased'
             GROUP BY r.channel",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The earliest time at which a lease ends, a message may be changed or a question is asked again; epoch milliseconds. Changes that may be
/// made already are left out: what they wait for is known to the one who looks at them.
pub fn next_time_ms(connection: &Connection, now_ms: i64) -> Result<Option<i64>, Fault> {
    connection
        .prepare_cached(
            "SELECT min(at) FROM (
               SELECT min(lease_until_ms) AS at FROM outbox WHERE state = 'leased'
               UNION ALL SELECT min(edit_after_ms) FROM chat_messages WHERE is_wanted = 1 AND edit_after_ms > :now
               UNION ALL SELECT min(lease_until_ms) FROM chat_messages WHERE lease IS NOT NULL
               UNION ALL SELECT min(remind_at_ms) FROM chat_messages WHERE remind_at_ms IS NOT NULL)",
        )
        .and_then(|mut s| s.query_row(named_params! { ":now": now_ms }, |row| row.get(0)))
        .doing("find the next time of the outbox")
}

/// What waits and what was given up on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelCount {
    /// The channel.
    pub channel: String,
    /// Rows that wait or are under way.
    pub open: u64,
    /// Rows that were given up.
    pub dead: u64,
    /// When the oldest open one was written, epoch seconds.
    pub oldest_at: Option<EpochSeconds>,
}

/// Open and dead rows by channel.
pub fn count_by_channel(connection: &Connection) -> Result<Vec<ChannelCount>, Fault> {
    let doing = "count the messages";
    let mut statement = connection
        .prepare_cached(
            "SELECT r.channel, coalesce(sum(o.n), 0), coalesce(sum(o.dead), 0), min(o.oldest) FROM (
               SELECT route_id, count(*) AS n, 0 AS dead, min(created_at) AS oldest FROM outbox
               WHERE state IN ('waiting', 'leased') GROUP BY route_id
               UNION ALL
               SELECT route_id, 0, count(*), NULL FROM outbox WHERE state = 'dead' GROUP BY route_id) o
             JOIN routes r ON r.id = o.route_id GROUP BY r.channel ORDER BY r.channel",
        )
        .doing(doing)?;
    let read = |row: &Row<'_>| {
        Ok(ChannelCount {
            channel: row.get(0)?,
            open: u64::from(row.get::<_, u32>(1)?),
            dead: u64::from(row.get::<_, u32>(2)?),
            oldest_at: row.get(3)?,
        })
    };
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
