//! `task_events`: what happened, in the order in which it happened. Ids grow by one and are never reused: a new event has the
//! id after the newest one, or after the newest one that was ever removed or reserved (setting [`EVENTS_RESERVED`]).

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::Doing;
use super::page::{self, Page, PageSql};
use super::rows::{has_more_than, lenient_json};
use crate::kernel::error::Fault;
use crate::kernel::event::{Event, EventKind, Payload};
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
use crate::kernel::store::Connection;

/// Setting with the largest id of an event that was removed, or that an import reserves.
pub const EVENTS_RESERVED: &str = "events_reserved";

fn read(row: &Row<'_>) -> rusqlite::Result<Event> {
    let payload = match lenient_json(row.get(5)?) {
        Some(serde_json::Value::Object(object)) => Some(object),
        Some(_) | None => None,
    };
    Ok(Event {
        id: row.get(0)?,
        task_id: row.get(1)?,
        board: row.get(2)?,
        run_id: row.get(3)?,
        kind: row.get(4)?,
        payload,
        created_at: row.get(6)?,
        actor: row.get(7)?,
    })
}

/// Appends an event and returns its id. An empty payload is stored as NULL.
pub fn append(
    connection: &Connection,
    task_id: &TaskId,
    run_id: Option<RunId>,
    kind: EventKind,
    payload: Option<&Payload>,
    actor: &str,
    now: EpochSeconds,
) -> Result<EventId, Fault> {
    let payload = payload
        .filter(|object| !object.is_empty())
        .map(|object| serde_json::Value::Object(object.clone()).to_string());
    connection
        .insert(
            "INSERT INTO task_events (id, task_id, run_id, kind, payload, created_at, actor)
             VALUES (1 + max((SELECT coalesce(max(id), 0) FROM task_events),
                             coalesce((SELECT CAST(value AS INTEGER) FROM settings WHERE key = 'events_reserved'), 0)),
                     :task_id, :run_id, :kind, :payload, :now, :actor)",
            named_params! {
                ":task_id": task_id, ":run_id": run_id, ":kind": kind.as_str(), ":payload": payload,
                ":now": now, ":actor": actor,
            },
        )
        .doing("append an event")
}

/// Has new events take ids behind `upto`, whatever is in the table.
pub fn reserve(connection: &Connection, upto: EventId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO settings (key, value, changed_at, changed_by) VALUES (:key, :upto, 0, 'kanband:events')
             ON CONFLICT (key) DO UPDATE SET value = :upto WHERE CAST(value AS INTEGER) < :upto",
        )
        .and_then(|mut s| s.execute(named_params! { ":key": EVENTS_RESERVED, ":upto": upto }))
        .map(|_| ())
        .doing("reserve ids of events")
}

/// All events of a task, oldest first.
pub fn list_of_task(connection: &Connection, task_id: &TaskId) -> Result<Vec<Event>, Fault> {
    let doing = "list the events of a task";
    let mut statement = connection
        .prepare_cached(
            "SELECT e.id, e.task_id, b.name, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id JOIN boards b ON b.id = t.board
             WHERE e.task_id = :task_id ORDER BY e.id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The newest events of a task before one of them, as many as fit into an answer.
pub fn newest_page(
    connection: &Connection,
    task_id: &TaskId,
    before: Option<EventId>,
) -> Result<Page<Event>, Fault> {
    let sql = PageSql {
        newest_first:
            "SELECT e.id, e.task_id, b.name, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id JOIN boards b ON b.id = t.board
             WHERE e.task_id = :task_id AND e.id < :before ORDER BY e.id DESC",
        count: "SELECT count(*) FROM task_events WHERE task_id = :task_id AND id < :before",
        doing: "list the events of a task",
    };
    page::newest(connection, &sql, task_id, before, read)
}

/// Events after a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Events after a cursor, at most `limit`, and no more than have `bytes_max` of text together, but always one.
pub fn page_after(
    connection: &Connection,
    after: EventId,
    limit: u32,
    bytes_max: usize,
) -> Result<EventPage, Fault> {
    let doing = "list events";
    let mut statement = connection
        .prepare_cached(
            "SELECT e.id, e.task_id, b.name, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id JOIN boards b ON b.id = t.board
             WHERE e.id > :after ORDER BY e.id LIMIT :limit",
        )
        .doing(doing)?;
    let columns = statement.column_count();
    let mut rows =
        statement.query(named_params! { ":after": after, ":limit": limit }).doing(doing)?;
    let (mut events, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().doing(doing)? {
        bytes += page::row_bytes(row, columns);
        if bytes > bytes_max && !events.is_empty() {
            return Ok(EventPage { events, has_more: true });
        }
        events.push(read(row).doing(doing)?);
    }
    let has_more = events.len() == limit as usize;
    Ok(EventPage { events, has_more })
}

/// Tasks whose texts may be others now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// The tasks, each once, in the order of their last events.
    pub tasks: Vec<TaskId>,
    /// The last event that was looked at; none when there is none.
    pub last: Option<EventId>,
    /// Whether there may be more.
    pub is_full: bool,
}

/// What the events after a cursor have touched, at most `limit` of them. An event that names no task of this program touches none.
pub fn list_touched_after(
    connection: &Connection,
    after: EventId,
    limit: u32,
) -> Result<Touched, Fault> {
    let doing = "list events";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, task_id, kind = 'heartbeat' FROM task_events WHERE id > :after ORDER BY id LIMIT :limit",
        )
        .doing(doing)?;
    let mut rows =
        statement.query(named_params! { ":after": after, ":limit": limit }).doing(doing)?;
    let (mut touched, mut count) = (Touched::default(), 0);
    while let Some(row) = rows.next().doing(doing)? {
        touched.last = Some(row.get(0).doing(doing)?);
        count += 1;
        if row.get(2).doing(doing)? {
            continue;
        }
        let name = row.get_ref(1).doing(doing)?.as_bytes().unwrap_or_default();
        touched.tasks.extend(TaskId::parse(&String::from_utf8_lossy(name)));
    }
    keep_last_of_each(&mut touched.tasks);
    touched.is_full = count == limit;
    Ok(touched)
}

/// Each task once, in the order of its last event: the index has what was written last at its end.
fn keep_last_of_each(tasks: &mut Vec<TaskId>) {
    let mut seen = HashSet::new();
    tasks.reverse();
    tasks.retain(|id| seen.insert(id.clone()));
    tasks.reverse();
}

/// The kind of an event, as it is stored.
pub fn kind_of(connection: &Connection, id: EventId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT kind FROM task_events WHERE id = :id")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .doing("read the kind of an event")
}

/// Id of the newest event, 0 when there is none.
pub fn newest_id(connection: &Connection) -> Result<EventId, Fault> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM task_events")
        .and_then(|mut s| s.query_row([], |row| row.get(0)))
        .doing("find the newest event")
}

/// How many events of a board, or of all, happened since a time; only the newest `most` of all are looked at.
pub fn count_since(
    connection: &Connection,
    board: Option<&BoardName>,
    since: EpochSeconds,
    most: u32,
) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT task_id, created_at FROM task_events ORDER BY id DESC LIMIT :most) e
             WHERE e.created_at >= :since
               AND (:board IS NULL OR EXISTS (
                 SELECT 1 FROM tasks t JOIN boards b ON b.id = t.board WHERE t.id = e.task_id AND b.name = :board))",
        )
        .and_then(|mut s| {
            let named = named_params! { ":most": most, ":since": since, ":board": board };
            s.query_row(named, |row| row.get::<_, u32>(0))
        })
        .doing("count the events of the last day")
}

/// When the newest event happened; none when there is none.
pub fn newest_time(connection: &Connection) -> Result<Option<EpochSeconds>, Fault> {
    connection
        .prepare_cached("SELECT created_at FROM task_events ORDER BY id DESC LIMIT 1")
        .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
        .doing("find the time of the newest event")
}

/// The newest event of a task that says something about its work.
pub fn newest_of_task(connection: &Connection, task_id: &TaskId) -> Result<Option<Event>, Fault> {
    connection
        .prepare_cached(
            "SELECT e.id, e.task_id, b.name, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id JOIN boards b ON b.id = t.board
             WHERE e.task_id = :task_id AND e.kind NOT IN ('closed', 'spawned', 'claimed', 'linked', 'unlinked', 'edited')
             ORDER BY e.id DESC LIMIT 1",
        )
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the newest event of a task")
}

/// Id of the newest event of a task, 0 when it has none.
pub fn newest_id_of_task(connection: &Connection, task_id: &TaskId) -> Result<EventId, Fault> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM task_events WHERE task_id = :task_id")
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .doing("find the newest event of a task")
}

/// The newest task that `actor` created, as the newest `limit` events tell; none when they do not.
pub fn last_created_by(
    connection: &Connection,
    actor: &str,
    limit: u32,
) -> Result<Option<TaskId>, Fault> {
    connection
        .prepare_cached(
            "SELECT task_id FROM (SELECT id, task_id, kind, actor FROM task_events ORDER BY id DESC LIMIT :limit)
             WHERE kind = 'created' AND actor = :actor ORDER BY id DESC LIMIT 1",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":actor": actor, ":limit": limit };
            s.query_row(parameters, |row| row.get(0)).optional()
        })
        .doing("find the newest task of a caller")
}

/// The actor of the event that created a task; none when there is no such event, or nobody is named in it.
pub fn creator_of(connection: &Connection, task_id: &TaskId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached(
            "SELECT actor FROM task_events WHERE task_id = :task_id AND kind = 'created' ORDER BY id LIMIT 1",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":task_id": task_id };
            s.query_row(parameters, |row| row.get::<_, Option<String>>(0)).optional()
        })
        .map(Option::flatten)
        .doing("look up who created a task")
}

/// How many events a task has.
pub fn count_of_task(connection: &Connection, task_id: &TaskId) -> Result<usize, Fault> {
    connection
        .prepare_cached("SELECT count(*) FROM task_events WHERE task_id = :task_id")
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .map(|count: u32| count as usize)
        .doing("count the events of a task")
}

/// Whether a task has `count` events or more.
pub fn has_at_least(connection: &Connection, task_id: &TaskId, count: u64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM task_events WHERE task_id = :id LIMIT 1 OFFSET :count";
    has_more_than(connection, sql, task_id, count.saturating_sub(1), "count events")
}
