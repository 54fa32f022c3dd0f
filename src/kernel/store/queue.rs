//! The queues of tasks that may be started, ready or in review by a profile, read through their partial indexes only.

use std::cmp::Reverse;

use rusqlite::{OptionalExtension, named_params};

use super::Doing;
use crate::kernel::dispatch::QueueKey;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;

/// Profiles that have a task in their queue, and whether each is in the table of people, found by skipping through its index.
pub fn list_queued_profiles(
    connection: &Connection,
    backoff: Backoff,
) -> Result<Vec<(String, bool)>, Fault> {
    let doing = "list the queues";
    let sql = match backoff {
        Backoff::Over => {
            "WITH RECURSIVE lane (profile) AS (
               SELECT (SELECT min(queue_profile) FROM tasks WHERE not_before IS NULL AND waits_for IS NULL AND queue_profile > '')
               UNION ALL
               SELECT (SELECT min(queue_profile) FROM tasks
                       WHERE not_before IS NULL AND waits_for IS NULL AND queue_profile > lane.profile)
               FROM lane WHERE lane.profile IS NOT NULL)
             SELECT profile, profile IN (SELECT name FROM people) FROM lane WHERE profile IS NOT NULL"
        }
        Backoff::Running => {
            "WITH RECURSIVE lane (profile) AS (
               SELECT (SELECT min(queue_profile) FROM tasks WHERE not_before IS NOT NULL AND waits_for IS NULL AND queue_profile > '')
               UNION ALL
               SELECT (SELECT min(queue_profile) FROM tasks
                       WHERE not_before IS NOT NULL AND waits_for IS NULL AND queue_profile > lane.profile)
               FROM lane WHERE lane.profile IS NOT NULL)
             SELECT profile, profile IN (SELECT name FROM people) FROM lane WHERE profile IS NOT NULL"
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

/// The next task in the queue of `profile` after `after` (from the head when none). Tasks whose previous run is still open are passed over.
/// Tasks in back-off stand in the queue too when `with_backoff` says so: a manual dispatch does not wait for them.
pub fn next(
    connection: &Connection,
    profile: &str,
    after: Option<&QueueKey>,
    with_backoff: bool,
) -> Result<Option<QueueKey>, Fault> {
    let free = next_in_queue(connection, profile, after, Backoff::Over)?;
    if !with_backoff {
        return Ok(free);
    }
    let held = next_in_queue(connection, profile, after, Backoff::Running)?;
    Ok(match (free, held) {
        (Some(free), Some(held)) => Some(free.min(held)),
        (free, held) => free.or(held),
    })
}

/// A task that waits for its start outside its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// Whose queue that is.
    pub profile: String,
    /// Where it stands once it is back.
    pub key: QueueKey,
}

macro_rules! select_aside {
    ($rest:literal) => {
        concat!(
            "SELECT t.queue_profile, t.priority, t.seq, t.id FROM tasks t
             WHERE t.queue_profile > ''
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

/// The first of each queue that waits for `key`: those that [`super::leases::release_heads`] puts back into the queue. Left out
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
                 WITH RECURSIVE lane (profile) AS (
                   SELECT (SELECT min(queue_profile) FROM tasks WHERE waits_for = :key)
                   UNION ALL
                   SELECT (SELECT min(queue_profile) FROM tasks WHERE waits_for = :key AND queue_profile > lane.profile)
                   FROM lane WHERE lane.profile IS NOT NULL)
                 SELECT (SELECT h.id FROM tasks h WHERE h.waits_for = :key AND h.queue_profile = lane.profile
                         ORDER BY h.priority DESC, h.seq LIMIT 1)
                 FROM lane WHERE lane.profile IS NOT NULL)"
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
            Ok(Aside { profile: row.get(0)?, key })
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many tasks stand before `key` in the queue of `profile`, counted up to `limit`. Those of its own priority are a part of their own:
/// with one condition for both, all of that priority were looked at.
pub fn count_before(
    connection: &Connection,
    profile: &str,
    key: &QueueKey,
    limit: u32,
) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (
               SELECT 1 FROM tasks t
               WHERE t.queue_profile = :profile AND t.not_before IS NULL AND t.waits_for IS NULL
                 AND t.priority > :priority
                 AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
               UNION ALL
               SELECT 1 FROM tasks t
               WHERE t.queue_profile = :profile AND t.not_before IS NULL AND t.waits_for IS NULL
                 AND t.priority = :priority AND t.seq < :seq
                 AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
               LIMIT :limit)",
        )
        .and_then(|mut s| {
            let parameters = named_params! {
                ":profile": profile, ":priority": key.priority.0, ":seq": key.seq, ":limit": limit,
            };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing("count the tasks before one in the queue")
}

macro_rules! select_next {
    ($backoff:literal, $rest:literal) => {
        concat!(
            "SELECT t.priority, t.seq, t.id FROM tasks t
             WHERE t.queue_profile = :profile AND t.not_before ",
            $backoff,
            " AND t.waits_for IS NULL AND ",
            $rest,
            " AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
             ORDER BY t.priority DESC, t.seq LIMIT 1"
        )
    };
}

/// The rest of the priority of `after` first, then what is below it: with one condition for both, all of that priority before `after`
/// were looked at.
fn next_in_queue(
    connection: &Connection,
    profile: &str,
    after: Option<&QueueKey>,
    backoff: Backoff,
) -> Result<Option<QueueKey>, Fault> {
    let (all, same, below) = match backoff {
        Backoff::Over => (
            select_next!("IS NULL", "TRUE"),
            select_next!("IS NULL", "t.priority = :priority AND t.seq > :seq"),
            select_next!("IS NULL", "t.priority < :priority"),
        ),
        Backoff::Running => (
            select_next!("IS NOT NULL", "TRUE"),
            select_next!("IS NOT NULL", "t.priority = :priority AND t.seq > :seq"),
            select_next!("IS NOT NULL", "t.priority < :priority"),
        ),
    };
    let Some(after) = after else {
        return first(connection, all, named_params! { ":profile": profile });
    };
    let priority = after.priority.0;
    let parameters =
        named_params! { ":profile": profile, ":priority": priority, ":seq": after.seq };
    if let Some(found) = first(connection, same, parameters)? {
        return Ok(Some(found));
    }
    first(connection, below, named_params! { ":profile": profile, ":priority": priority })
}

fn first(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
) -> Result<Option<QueueKey>, Fault> {
    connection
        .prepare_cached(sql)
        .and_then(|mut s| {
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
            "SELECT id FROM tasks
             WHERE queue_profile = '' AND not_before IS NULL AND waits_for IS NULL
             ORDER BY priority DESC, seq",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Since when the task has been waiting that stands first in each queue and priority; the earliest of a queue.
/// Skips through the queues' index: what it costs grows with the queues and their priorities (of each at most 64), never with the
/// tasks.
pub fn list_oldest_ready(connection: &Connection) -> Result<Vec<(String, EpochSeconds)>, Fault> {
    let doing = "find the oldest ready tasks";
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE lane (priority) AS (
               SELECT (SELECT max(priority) FROM tasks
                       WHERE queue_profile = :profile AND not_before IS NULL AND waits_for IS NULL)
               UNION ALL
               SELECT (SELECT max(priority) FROM tasks
                       WHERE queue_profile = :profile AND not_before IS NULL AND waits_for IS NULL
                         AND priority < lane.priority)
               FROM lane WHERE lane.priority IS NOT NULL
               LIMIT 64)
             SELECT min((SELECT coalesce(ready_at, created_at) FROM tasks
                         WHERE queue_profile = :profile AND not_before IS NULL AND waits_for IS NULL
                           AND priority = lane.priority
                         ORDER BY seq LIMIT 1))
             FROM lane WHERE lane.priority IS NOT NULL",
        )
        .doing(doing)?;
    let mut found = Vec::new();
    for (profile, _) in list_queued_profiles(connection, Backoff::Over)? {
        let since: Option<EpochSeconds> = statement
            .query_row(named_params! { ":profile": profile }, |row| row.get(0))
            .doing(doing)?;
        found.extend(since.map(|since| (profile, since)));
    }
    Ok(found)
}

/// When the oldest ready task of a board was created, among those that arrived first of each priority (of at most 64). Goes from one
/// priority's first task to the next one's.
pub fn oldest_ready(
    connection: &Connection,
    board: &BoardKey,
) -> Result<Option<EpochSeconds>, Fault> {
    let doing = "find the oldest ready task";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.priority, t.created_at FROM tasks t
             WHERE t.board = :board AND t.status = 'ready' AND t.priority <= :priority
             ORDER BY t.priority DESC, t.seq LIMIT 1",
        )
        .doing(doing)?;
    let mut oldest: Option<EpochSeconds> = None;
    let mut most = Some(i64::MAX);
    for _ in 0..PRIORITIES_MAX {
        let Some(priority) = most else { break };
        let head: Option<(i64, EpochSeconds)> = statement
            .query_row(named_params! { ":board": board.number, ":priority": priority }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .doing(doing)?;
        let Some((priority, created_at)) = head else { break };
        oldest = Some(oldest.map_or(created_at, |oldest| oldest.min(created_at)));
        most = priority.checked_sub(1);
    }
    Ok(oldest)
}

/// Priorities whose first ready task is looked at, at most.
const PRIORITIES_MAX: u32 = 64;
