//! `subscriptions`: those to many tasks at a time. Those to one task are in [`super::subscriptions`].

use rusqlite::{Row, named_params};

use super::Doing;
use super::rows::lenient_names;
use super::tasks::list_or_null;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId};
use crate::kernel::rules::notify::Level;
use crate::kernel::store::Connection;

/// A subscription to the tasks that a filter names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its number.
    pub id: i64,
    /// Where it goes.
    pub route_id: i64,
    /// Its channel.
    pub channel: String,
    /// Its address.
    pub address: String,
    /// Its thread.
    pub thread: String,
    /// Only tasks of this board.
    pub board: Option<BoardName>,
    /// Only tasks of this assignee.
    pub assignee: Option<String>,
    /// Only tasks of this tenant.
    pub tenant: Option<String>,
    /// Only tasks with this label.
    pub label: Option<String>,
    /// Only these kinds of events; empty: as the level says.
    pub kinds: Vec<String>,
    /// How much.
    pub level: Level,
    /// Who is named when something asks.
    pub person: Option<String>,
    /// Who subscribed.
    pub created_by: String,
    /// Time, epoch seconds.
    pub created_at: EpochSeconds,
    /// The newest event when it began.
    pub from_event_id: EventId,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Filter> {
    let level: String = row.get(10)?;
    Ok(Filter {
        id: row.get(0)?,
        route_id: row.get(1)?,
        channel: row.get(2)?,
        address: row.get(3)?,
        thread: row.get(4)?,
        board: row.get(5)?,
        assignee: row.get(6)?,
        tenant: row.get(7)?,
        label: row.get(8)?,
        kinds: lenient_names(row.get(9)?).unwrap_or_default(),
        level: Level::parse(&level).unwrap_or_default(),
        person: row.get(11)?,
        created_by: row.get(12)?,
        created_at: row.get(13)?,
        from_event_id: row.get(14)?,
    })
}

/// All of them, oldest first.
pub fn list(connection: &Connection) -> Result<Vec<Filter>, Fault> {
    let doing = "list subscriptions";
    let mut statement = connection
        .prepare_cached(
            "SELECT s.id, s.route_id, r.channel, r.address, r.thread, b.name, s.assignee, s.tenant, s.label, s.kinds,
                    s.level, s.person, s.created_by, s.created_at, s.from_event_id
             FROM subscriptions s JOIN routes r ON r.id = s.route_id LEFT JOIN boards b ON b.id = s.board ORDER BY s.id",
        )
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Adds one and returns its number; none when there is one of the same route and filter, which gets the new level, kinds and person.
pub fn insert(connection: &Connection, new: &Filter) -> Result<Option<i64>, Fault> {
    let doing = "subscribe";
    let same = connection
        .prepare_cached(
            "UPDATE subscriptions SET level = :level, kinds = :kinds, person = :person
             WHERE route_id = :route AND board IS (SELECT id FROM boards WHERE name = :board)
               AND assignee IS :assignee AND tenant IS :tenant AND label IS :label",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":level": new.level.as_str(), ":kinds": list_or_null(&new.kinds), ":person": new.person,
                ":route": new.route_id, ":board": new.board, ":assignee": new.assignee, ":tenant": new.tenant,
                ":label": new.label,
            })
        })
        .doing(doing)?;
    if same > 0 {
        return Ok(None);
    }
    connection
        .prepare_cached(
            "INSERT INTO subscriptions (route_id, board, assignee, tenant, label, kinds, level, person, created_by, created_at,
                                        from_event_id)
             VALUES (:route, (SELECT id FROM boards WHERE name = :board), :assignee, :tenant, :label, :kinds, :level, :person,
                     :by, :at, :from) RETURNING id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":route": new.route_id, ":board": new.board, ":assignee": new.assignee, ":tenant": new.tenant,
                    ":label": new.label, ":kinds": list_or_null(&new.kinds), ":level": new.level.as_str(),
                    ":person": new.person, ":by": new.created_by, ":at": new.created_at, ":from": new.from_event_id,
                },
                |row| row.get(0),
            )
        })
        .map(Some)
        .doing(doing)
}

/// Removes the one of a route and filter; false when there is none.
pub fn delete(connection: &Connection, like: &Filter) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "DELETE FROM subscriptions
             WHERE route_id = :route AND board IS (SELECT id FROM boards WHERE name = :board)
               AND assignee IS :assignee AND tenant IS :tenant AND label IS :label",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":route": like.route_id, ":board": like.board, ":assignee": like.assignee, ":tenant": like.tenant,
                ":label": like.label,
            })
        })
        .map(|changed| changed > 0)
        .doing("unsubscribe")
}
