//! `routes` and `channel_states`: where messages go, and what stands in their way.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::Connection;

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its number.
    pub id: i64,
    /// Its channel.
    pub channel: String,
    /// Where on the channel.
    pub address: String,
    /// Thread or topic there; empty: none.
    pub thread: String,
    /// Refusals in a row.
    pub refusals: u32,
    /// Since when it is broken, epoch seconds.
    pub broken_since: Option<EpochSeconds>,
    /// Why.
    pub reason: Option<String>,
    /// Nothing goes to it before this time, epoch milliseconds.
    pub paused_until_ms: i64,
    /// The minute that is being counted, and how many went in it.
    pub minute: (i64, u32),
    /// When its reader sleeps, as written.
    pub quiet: Option<String>,
}

macro_rules! select_routes {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.channel, r.address, r.thread, r.refusals, r.broken_since, r.reason, r.paused_until_ms,
                    r.minute, r.minute_count, r.quiet FROM routes r ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Route> {
    Ok(Route {
        id: row.get(0)?,
        channel: row.get(1)?,
        address: row.get(2)?,
        thread: row.get(3)?,
        refusals: row.get(4)?,
        broken_since: row.get(5)?,
        reason: row.get(6)?,
        paused_until_ms: row.get(7)?,
        minute: (row.get(8)?, row.get(9)?),
        quiet: row.get(10)?,
    })
}

/// The number of the route to an address.
pub fn find(connection: &Connection, target: (&str, &str, &str)) -> Result<Option<i64>, Fault> {
    connection
        .prepare_cached(
            "SELECT id FROM routes WHERE channel = :channel AND address = :address AND thread = :thread",
        )
        .and_then(|mut s| {
            let named = named_params! {
                ":channel": target.0, ":address": target.1, ":thread": target.2,
            };
            s.query_row(named, |row| row.get(0)).optional()
        })
        .doing("find a route")
}

/// The number of the route to an address, made where there is none.
pub fn ensure(
    connection: &Connection,
    target: (&str, &str, &str),
    now: EpochSeconds,
) -> Result<i64, Fault> {
    let doing = "make a route";
    if let Some(id) = find(connection, target)? {
        return Ok(id);
    }
    // Without RETURNING: with it, every row that may name a route would be read.
    connection
        .prepare_cached(
            "INSERT INTO routes (channel, address, thread, created_at) VALUES (:channel, :address, :thread, :now)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":channel": target.0, ":address": target.1, ":thread": target.2, ":now": now,
            })
        })
        .doing(doing)?;
    Ok(find(connection, target)?.unwrap_or_default())
}

/// A route by its number.
pub fn get(connection: &Connection, id: i64) -> Result<Option<Route>, Fault> {
    connection
        .prepare_cached(select_routes!("WHERE r.id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a route")
}

/// Every route, by channel and address.
pub fn list(connection: &Connection) -> Result<Vec<Route>, Fault> {
    let doing = "list routes";
    let mut statement = connection
        .prepare_cached(select_routes!("ORDER BY r.channel, r.address, r.thread"))
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Routes with messages that wait or are under way, in the order of their oldest one. Jumps from route to route in the index.
pub fn list_with_open(connection: &Connection) -> Result<Vec<Route>, Fault> {
    let doing = "list the routes with open messages";
    let mut statement = connection
        .prepare_cached(select_routes!(
            "WHERE r.id IN (
               WITH RECURSIVE open(id) AS (
                 SELECT min(route_id) FROM outbox WHERE state IN ('waiting', 'leased')
                 UNION ALL
                 SELECT (SELECT min(o.route_id) FROM outbox o WHERE o.state IN ('waiting', 'leased') AND o.route_id > open.id)
                 FROM open WHERE open.id IS NOT NULL)
               SELECT id FROM open WHERE id IS NOT NULL) ORDER BY r.id"
        ))
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How a route stands after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing<'a> {
    /// Refusals in a row.
    pub refusals: u32,
    /// Since when it is broken.
    pub broken_since: Option<EpochSeconds>,
    /// Why.
    pub reason: Option<&'a str>,
    /// Nothing goes to it before this time, epoch milliseconds.
    pub paused_until_ms: i64,
}

/// Writes how a route stands.
pub fn set_standing(
    connection: &Connection,
    id: i64,
    standing: &Standing<'_>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE routes SET refusals = :refusals, broken_since = :broken, reason = :reason, paused_until_ms = :paused
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":refusals": standing.refusals, ":broken": standing.broken_since,
                ":reason": standing.reason, ":paused": standing.paused_until_ms,
            })
        })
        .map(drop)
        .doing("write how a route stands")
}

/// Quiet hours of routes that have some of their own, as written.
pub fn list_quiet(connection: &Connection) -> Result<Vec<(i64, String)>, Fault> {
    let doing = "list the quiet hours of routes";
    let mut statement = connection
        .prepare_cached("SELECT id, quiet FROM routes WHERE quiet IS NOT NULL ORDER BY id")
        .doing(doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Sets the quiet hours of a route; none removes them.
pub fn set_quiet(connection: &Connection, id: i64, quiet: Option<&str>) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE routes SET quiet = :quiet WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":quiet": quiet }))
        .map(drop)
        .doing("set the quiet hours of a route")
}

/// Counts what goes to a route in a minute.
pub fn set_minute(
    connection: &Connection,
    id: i64,
    (minute, count): (i64, u32),
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE routes SET minute = :minute, minute_count = :count WHERE id = :id")
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":minute": minute, ":count": count })
        })
        .map(drop)
        .doing("count the messages of a route")
}

/// Moves a route to another address; what went to the old one goes to the new one. Where that has a route already, both become one.
pub fn set_address(
    connection: &Connection,
    route: &Route,
    address: &str,
    now: EpochSeconds,
) -> Result<(), Fault> {
    let doing = "move a route";
    let execute = |sql: &'static str, parameters: &[(&str, &dyn rusqlite::ToSql)]| {
        connection
            .prepare_cached(sql)
            .and_then(|mut s| s.execute(parameters))
            .map(drop)
            .doing(doing)
    };
    let new = ensure(connection, (&route.channel, address, &route.thread), now)?;
    if let Some(quiet) = &route.quiet
        && get(connection, new)?.is_some_and(|other| other.quiet.is_none())
    {
        set_quiet(connection, new, Some(quiet))?;
    }
    let ids: &[(&str, &dyn rusqlite::ToSql)] = &[(":old", &route.id), (":new", &new)];
    execute("UPDATE OR IGNORE outbox SET route_id = :new WHERE route_id = :old", ids)?;
    execute(
        "UPDATE outbox SET state = 'superseded', lease = NULL, lease_until_ms = NULL, done_at = :now
         WHERE route_id = :old AND state IN ('waiting', 'leased')",
        &[(":old", &route.id), (":now", &now)],
    )?;
    // Messages of the old address cannot be changed from the new one.
    execute("DELETE FROM chat_messages WHERE route_id = :old", &[(":old", &route.id)])?;
    execute("UPDATE subscriptions SET route_id = :new WHERE route_id = :old", ids)?;
    let from: &[(&str, &dyn rusqlite::ToSql)] =
        &[(":channel", &route.channel), (":address", &route.address), (":thread", &route.thread)];
    let moved: &[(&str, &dyn rusqlite::ToSql)] = &[
        (":channel", &route.channel),
        (":address", &route.address),
        (":thread", &route.thread),
        (":new", &address),
    ];
    execute(
        "UPDATE OR IGNORE kanban_notify_subs SET chat_id = :new
         WHERE platform = :channel AND chat_id = :address AND thread_id = :thread",
        moved,
    )?;
    execute(
        "DELETE FROM kanban_notify_subs WHERE platform = :channel AND chat_id = :address AND thread_id = :thread",
        from,
    )
}

/// The code of a channel whose messages go while nothing is heard of it.
pub const DEAF: &str = "deaf";

/// The code of a channel that hears, but not everywhere.
pub const PARTLY_DEAF: &str = "partly_deaf";

/// What a channel as a whole cannot do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelState {
    /// Its name.
    pub channel: String,
    /// Since when it is broken, epoch seconds.
    pub broken_since: Option<EpochSeconds>,
    /// A word for why.
    pub code: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Nothing goes by it before this time, epoch milliseconds.
    pub paused_until_ms: i64,
}

impl ChannelState {
    /// Why nothing is heard of it, while its messages go.
    pub fn deaf_reason(&self) -> Option<&str> {
        self.reason_of(DEAF)
    }

    /// Why not everything is heard of it.
    pub fn partly_deaf_reason(&self) -> Option<&str> {
        self.reason_of(PARTLY_DEAF)
    }

    fn reason_of(&self, code: &str) -> Option<&str> {
        let is_it = self.broken_since.is_none() && self.code.as_deref() == Some(code);
        self.reason.as_deref().filter(|_| is_it)
    }
}

/// How channels stand of which something is known.
pub fn list_channels(connection: &Connection) -> Result<Vec<ChannelState>, Fault> {
    let doing = "list the states of channels";
    let mut statement = connection
        .prepare_cached(
            "SELECT channel, broken_since, code, reason, paused_until_ms FROM channel_states ORDER BY channel",
        )
        .doing(doing)?;
    let read = |row: &Row<'_>| {
        Ok(ChannelState {
            channel: row.get(0)?,
            broken_since: row.get(1)?,
            code: row.get(2)?,
            reason: row.get(3)?,
            paused_until_ms: row.get(4)?,
        })
    };
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Writes how a channel stands. One that was broken before stays broken since then.
pub fn set_channel(connection: &Connection, state: &ChannelState) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO channel_states (channel, broken_since, code, reason, paused_until_ms)
             VALUES (:channel, :broken, :code, :reason, :paused)
             ON CONFLICT (channel) DO UPDATE SET
               broken_since = CASE WHEN :broken IS NULL THEN NULL ELSE coalesce(broken_since, :broken) END,
               code = :code, reason = :reason, paused_until_ms = :paused",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":channel": state.channel, ":broken": state.broken_since, ":code": state.code,
                ":reason": state.reason, ":paused": state.paused_until_ms,
            })
        })
        .map(drop)
        .doing("write how a channel stands")
}

/// A channel by which a message arrived is not broken.
pub fn heal_channel(connection: &Connection, channel: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE channel_states SET broken_since = NULL, code = NULL, reason = NULL, paused_until_ms = 0
             WHERE channel = :channel AND broken_since IS NOT NULL",
        )
        .and_then(|mut s| s.execute(named_params! { ":channel": channel }))
        .map(drop)
        .doing("heal a channel")
}

/// Has nothing go by a channel for a while; what is known of it stays.
pub fn pause_channel(connection: &Connection, channel: &str, until_ms: i64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO channel_states (channel, paused_until_ms) VALUES (:channel, :until)
             ON CONFLICT (channel) DO UPDATE SET paused_until_ms = max(paused_until_ms, :until)",
        )
        .and_then(|mut s| s.execute(named_params! { ":channel": channel, ":until": until_ms }))
        .map(drop)
        .doing("pause a channel")
}
