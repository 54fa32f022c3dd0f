//! The queue of ready tasks, read through its partial indexes only.

use std::cmp::Reverse;

use rusqlite::{OptionalExtension, named_params};

use super::Doing;
use crate::kernel::dispatch::QueueKey;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;

/// Assignees that have a ready task, and whether each is in the table of people, found by skipping through the queue's index.
pub fn list_ready_assignees(
    connection: &Connection,
    backoff: Backoff,
) -> Result<Vec<(String, bool)>, Fault> {
    let doing = "list ready assignees";
    let sql = match backoff {
        Backoff::Over => {
            "WITH RECURSIVE lane (assignee) AS (
               SELECT (SELECT min(assignee) FROM tasks WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee > '')
               UNION ALL
               SELECT (SELECT min(assignee) FROM tasks
                       WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee > lane.assignee)
               FROM lane WHERE lane.assignee IS NOT NULL)
             SELECT assignee, assignee IN (SELECT name FROM people) FROM lane WHERE assignee IS NOT NULL"
        }
        Backoff::Running => {
            "WITH RECURSIVE lane (assignee) AS (
               SELECT (SELECT min(assignee) FROM tasks
                       WHERE status = 'ready' AND not_before IS NOT NULL AND waits_for IS NULL AND assignee > '')
               UNION ALL
               SELECT (SELECT min(assignee) FROM tasks
                       WHERE status = 'ready' AND not_before IS NOT NULL AND waits_for IS NULL AND assignee > lane.assignee)
               FROM lane WHERE lane.assignee IS NOT NULL)
             SELECT assignee, assignee IN (SELECT name FROM people) FROM lane WHERE assignee IS NOT NULL"
        }
    };
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Which half of the ready tasks is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// Those that wait for nothing.
    Over,
    /// Those whose back-off runs.
    Running,
}

/// The next task of `assignee` after `after` (from the head when none). Tasks whose previous run is still open are passed over.
/// Tasks in back-off stand in the queue too when `with_backoff` says so: a manual dispatch does not wait for them.
pub fn next(
    connection: &Connection,
    assignee: &str,
    after: Option<&QueueKey>,
    with_backoff: bool,
) -> Result<Option<QueueKey>, Fault> {
    let free = next_in_queue(connection, assignee, after, Backoff::Over)?;
    if !with_backoff {
        return Ok(free);
    }
    let held = next_in_queue(connection, assignee, after, Backoff::Running)?;
    Ok(match (free, held) {
        (Some(free), Some(held)) => Some(free.min(held)),
        (free, held) => free.or(held),
    })
}

/// A ready task outside the queue of its assignee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Its assignee.
    pub assignee: String,
    /// Where it stands once it is back.
    pub key: QueueKey,
}

macro_rules! select_aside {
    ($rest:literal) => {
        concat!(
            "SELECT t.assignee, t.priority, t.seq, t.id FROM tasks t
             WHERE t.status = 'ready' AND t.assignee > ''
               AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL) AND ",
            $rest
        )
    };
}

/// Ready tasks with an expired back-off that are not yet back in the queue.
pub fn list_due(connection: &Connection, now: EpochSeconds) -> Result<Vec<Aside>, Fault> {
    let sql =
        select_aside!("t.not_before IS NOT NULL AND t.not_before <= :now AND t.waits_for IS NULL");
    list_aside(connection, sql, named_params! { ":now": now })
}

/// Ready tasks that wait for `key` and for nothing else, or also for their back-off when `with_backoff` says so.
pub fn list_waiting(
    connection: &Connection,
    key: &str,
    with_backoff: bool,
    now: EpochSeconds,
) -> Result<Vec<Aside>, Fault> {
    let sql = select_aside!(
        "t.waits_for = :key AND (:with_backoff OR t.not_before IS NULL OR t.not_before <= :now)"
    );
    let parameters = named_params! { ":key": key, ":with_backoff": with_backoff, ":now": now };
    list_aside(connection, sql, parameters)
}

/// The first of each assignee who waits for `key`: those that [`super::leases::release_heads`] puts back into the queue. Left out
/// are those whose back-off runs, unless `with_backoff` says otherwise.
pub fn list_waiting_heads(
    connection: &Connection,
    key: &str,
    with_backoff: bool,
    now: EpochSeconds,
) -> Result<Vec<Aside>, Fault> {
    let sql = select_aside!(
        "(:with_backoff OR t.not_before IS NULL OR t.not_before <= :now)
               AND t.id IN (
                 WITH RECURSIVE lane (assignee) AS (
                   SELECT (SELECT min(assignee) FROM tasks WHERE waits_for = :key)
                   UNION ALL
                   SELECT (SELECT min(assignee) FROM tasks WHERE waits_for = :key AND assignee > lane.assignee)
                   FROM lane WHERE lane.assignee IS NOT NULL)
                 SELECT (SELECT h.id FROM tasks h WHERE h.waits_for = :key AND h.assignee = lane.assignee
                         ORDER BY h.priority DESC, h.seq LIMIT 1)
                 FROM lane WHERE lane.assignee IS NOT NULL)"
    );
    let parameters = named_params! { ":key": key, ":with_backoff": with_backoff, ":now": now };
    list_aside(connection, sql, parameters)
}

fn list_aside(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
) -> Result<Vec<Aside>, Fault> {
    let doing = "list ready tasks outside the queue";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement
        .query_map(parameters, |row| {
            let key =
                QueueKey { priority: Reverse(row.get(1)?), seq: row.get(2)?, id: row.get(3)? };
            Ok(Aside { assignee: row.get(0)?, key })
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many tasks stand before `key` in the queue of `assignee`, counted up to `limit`.
pub fn count_before(
    connection: &Connection,
    assignee: &str,
    key: &QueueKey,
    limit: u32,
) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (
               SELECT 1 FROM tasks t
               WHERE t.status = 'ready' AND t.not_before IS NULL AND t.waits_for IS NULL AND t.assignee = :assignee
                 AND t.priority >= :priority
                 AND (t.priority > :priority OR t.seq < :seq)
                 AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
               LIMIT :limit)",
        )
        .and_then(|mut s| {
            let parameters = named_params! {
                ":assignee": assignee, ":priority": key.priority.0, ":seq": key.seq, ":limit": limit,
            };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing("count the tasks before one in the queue")
}

fn next_in_queue(
    connection: &Connection,
    assignee: &str,
    after: Option<&QueueKey>,
    backoff: Backoff,
) -> Result<Option<QueueKey>, Fault> {
    // The comparison of the two keys in the index's order: priority runs downwards.
    let sql = match backoff {
        Backoff::Over => {
            "SELECT t.priority, t.seq, t.id FROM tasks t
             WHERE t.status = 'ready' AND t.not_before IS NULL AND t.waits_for IS NULL
               AND t.assignee = :assignee
               AND t.priority <= :priority
               AND (t.priority < :priority OR t.seq > :seq)
               AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
             ORDER BY t.priority DESC, t.seq LIMIT 1"
        }
        Backoff::Running => {
            "SELECT t.priority, t.seq, t.id FROM tasks t
             WHERE t.status = 'ready' AND t.not_before IS NOT NULL AND t.waits_for IS NULL
               AND t.assignee = :assignee
               AND t.priority <= :priority
               AND (t.priority < :priority OR t.seq > :seq)
               AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
             ORDER BY t.priority DESC, t.seq LIMIT 1"
        }
    };
    let (priority, seq) = after.map_or((i64::MAX, i64::MIN), |key| (key.priority.0, key.seq));
    connection
        .prepare_cached(sql)
        .and_then(|mut s| {
            let parameters =
                named_params! { ":assignee": assignee, ":priority": priority, ":seq": seq };
            s.query_row(parameters, |row| {
                Ok(QueueKey { priority: Reverse(row.get(0)?), seq: row.get(1)?, id: row.get(2)? })
            })
            .optional()
        })
        .doing("read the ready queue")
}

/// Ready tasks without an assignee, in queue order.
pub fn list_ready_unassigned(connection: &Connection) -> Result<Vec<TaskId>, Fault> {
    let doing = "list unassigned tasks";
    let mut statement = connection
        .prepare_cached(
            "SELECT id, priority, seq FROM tasks
             WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee IS NULL
             UNION ALL
             SELECT id, priority, seq FROM tasks
             WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee = ''
             ORDER BY priority DESC, seq",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Since when the task has been ready that stands first in the queue of each assignee and priority; the earliest of an assignee.
/// Skips through the queue's index: what it costs grows with the assignees and their priorities (of each at most 64), never with the
/// tasks.
pub fn list_oldest_ready(connection: &Connection) -> Result<Vec<(String, EpochSeconds)>, Fault> {
    let doing = "find the oldest ready tasks";
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE lane (priority) AS (
               SELECT (SELECT max(priority) FROM tasks
                       WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee = :assignee)
               UNION ALL
               SELECT (SELECT max(priority) FROM tasks
                       WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee = :assignee
                         AND priority < lane.priority)
               FROM lane WHERE lane.priority IS NOT NULL
               LIMIT 64)
             SELECT min((SELECT coalesce(ready_at, created_at) FROM tasks
                         WHERE status = 'ready' AND not_before IS NULL AND waits_for IS NULL AND assignee = :assignee
                           AND priority = lane.priority
                         ORDER BY seq LIMIT 1))
             FROM lane WHERE lane.priority IS NOT NULL",
        )
        .doing(doing)?;
    let mut found = Vec::new();
    for (assignee, _) in list_ready_assignees(connection, Backoff::Over)? {
        let since: Option<EpochSeconds> = statement
            .query_row(named_params! { ":assignee": assignee }, |row| row.get(0))
            .doing(doing)?;
        found.extend(since.map(|since| (assignee, since)));
    }
    Ok(found)
}

/// When the oldest ready task of a board was created, among those that arrived first of each priority (of at most 64). Goes from one
/// priority's first task to the next one's.
pub fn oldest_ready(
    connection: &Connection,
    board: &BoardKey,
) -> Result<Option<EpochSeconds>, Fault> {
    connection
        .prepare_cached(
            "WITH RECURSIVE head (priority, created_at) AS (
               SELECT * FROM (SELECT t.priority, t.created_at FROM tasks t WHERE t.board = :board AND t.status = 'ready'
                              ORDER BY t.priority DESC, t.seq LIMIT 1)
               UNION ALL
               SELECT t.priority, t.created_at
               FROM head JOIN tasks t
                 ON t.seq = (SELECT n.seq FROM tasks n
                             WHERE n.board = :board AND n.status = 'ready' AND n.priority < head.priority
                             ORDER BY n.priority DESC, n.seq LIMIT 1)
               LIMIT 64)
             SELECT min(head.created_at) FROM head",
        )
        .and_then(|mut s| s.query_row(named_params! { ":board": board.number }, |row| row.get(0)))
        .doing("find the oldest ready task")
}
