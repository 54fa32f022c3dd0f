//! `task_events`: what happened, in the order in which it happened. Ids grow and are never reused.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::Doing;
use super::rows::lenient_json;
use crate::kernel::error::Fault;
use crate::kernel::event::{Event, EventKind, Payload};
use crate::kernel::ids::{EpochSeconds, EventId, RunId, TaskId};

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
        .prepare_cached(
            "INSERT INTO task_events (task_id, run_id, kind, payload, created_at, actor)
             VALUES (:task_id, :run_id, :kind, :payload, :now, :actor) RETURNING id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":task_id": task_id, ":run_id": run_id, ":kind": kind.as_str(), ":payload": payload,
                    ":now": now, ":actor": actor,
                },
                |row| row.get(0),
            )
        })
        .doing("append an event")
}

/// All events of a task, oldest first.
pub fn list_of_task(connection: &Connection, task_id: &TaskId) -> Result<Vec<Event>, Fault> {
    let doing = "list the events of a task";
    let mut statement = connection
        .prepare_cached(
            "SELECT e.id, e.task_id, t.board, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id
             WHERE e.task_id = :task_id ORDER BY e.id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":task_id": task_id }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Events of a task after a cursor, oldest first.
pub fn list_of_task_after(
    connection: &Connection,
    task_id: &TaskId,
    after: EventId,
) -> Result<Vec<Event>, Fault> {
    let doing = "list the newer events of a task";
    let mut statement = connection
        .prepare_cached(
            "SELECT e.id, e.task_id, t.board, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id
             WHERE e.task_id = :task_id AND e.id > :after ORDER BY e.id",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":task_id": task_id, ":after": after }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Events after a cursor, oldest first, at most `limit`.
pub fn list_after(
    connection: &Connection,
    after: EventId,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    let doing = "list events";
    let mut statement = connection
        .prepare_cached(
            "SELECT e.id, e.task_id, t.board, e.run_id, e.kind, e.payload, e.created_at, e.actor
             FROM task_events e JOIN tasks t ON t.id = e.task_id
             WHERE e.id > :after ORDER BY e.id LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":after": after, ":limit": limit }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Id of the newest event, 0 when there is none.
pub fn newest_id(connection: &Connection) -> Result<EventId, Fault> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM task_events")
        .and_then(|mut s| s.query_row([], |row| row.get(0)))
        .doing("find the newest event")
}

/// When the newest event happened; none when there is none.
pub fn newest_time(connection: &Connection) -> Result<Option<EpochSeconds>, Fault> {
    connection
        .prepare_cached("SELECT created_at FROM task_events ORDER BY id DESC LIMIT 1")
        .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
        .doing("find the time of the newest event")
}

/// Id of the newest event of a task, 0 when it has none.
pub fn newest_id_of_task(connection: &Connection, task_id: &TaskId) -> Result<EventId, Fault> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM task_events WHERE task_id = :task_id")
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, |row| row.get(0)))
        .doing("find the newest event of a task")
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
