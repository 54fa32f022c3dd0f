//! What the tick finds and moves: claims and pauses that are over, times to be clamped, tasks that wait untold.

use rusqlite::{OptionalExtension as _, named_params};

use super::super::Doing;
use super::get;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::task::Task;

/// Running tasks whose manual claim ended before `now`, oldest first.
pub fn list_expired_claims(
    connection: &Connection,
    now: EpochSeconds,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list expired claims";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE claim_expires IS NOT NULL AND claim_expires < :now AND status = 'running'
             ORDER BY claim_expires, seq",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":now": now }, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Lets every task whose back-off is over back into the ready queue; returns how many.
pub fn release_backoffs(connection: &Connection, now: EpochSeconds) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET not_before = NULL WHERE not_before IS NOT NULL AND not_before <= :now",
        )
        .and_then(|mut s| s.execute(named_params! { ":now": now }))
        .doing("release back-offs")
}

/// The run behind which a task's whole running time counts.
pub fn runtime_from(connection: &Connection, id: &TaskId) -> Result<RunId, Fault> {
    connection
        .prepare_cached("SELECT runtime_from_run_id FROM tasks WHERE id = :id")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)))
        .doing("read the start of a task's running time")
}

/// The latest times that anything on the board may wait for.
#[derive(Debug, Clone, Copy)]
pub struct LatestTimes {
    /// End of a back-off after a failure.
    pub back_off: EpochSeconds,
    /// End of a rate limit, or of the delay of a transient block.
    pub rate_limit: EpochSeconds,
    /// End of a manual claim.
    pub claim: EpochSeconds,
}

/// Shortens back-offs and claims that lie further ahead than they ever could: the clock was set back.
pub fn clamp_times(connection: &Connection, latest: &LatestTimes) -> Result<usize, Fault> {
    let doing = "clamp times after a clock step";
    let backoffs = connection
        .prepare_cached(
            "UPDATE tasks
             SET not_before = CASE WHEN (SELECT r.outcome FROM task_runs r WHERE r.task_id = tasks.id
                                         ORDER BY r.id DESC LIMIT 1) IN ('rate_limited', 'blocked')
                                   THEN :rate_limit ELSE :back_off END
             WHERE not_before IS NOT NULL AND not_before > :back_off
               AND not_before > CASE WHEN (SELECT r.outcome FROM task_runs r WHERE r.task_id = tasks.id
                                           ORDER BY r.id DESC LIMIT 1) IN ('rate_limited', 'blocked')
                                     THEN :rate_limit ELSE :back_off END",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":rate_limit": latest.rate_limit, ":back_off": latest.back_off })
        })
        .doing(doing)?;
    let claims = connection
        .prepare_cached(
            "UPDATE tasks SET claim_expires = :max WHERE claim_expires IS NOT NULL AND claim_expires > :max",
        )
        .and_then(|mut s| s.execute(named_params! { ":max": latest.claim }))
        .doing(doing)?;
    Ok(backoffs + claims)
}

/// Tasks that have been ready since `before` or longer and were not told of, those that wait longest first.
pub fn list_waiting_untold(
    connection: &Connection,
    before: EpochSeconds,
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list long-waiting tasks";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND not_before IS NULL AND waiting_told_for IS NOT ready_at
               AND ready_at <= :before
             ORDER BY ready_at, seq LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":before": before, ":limit": limit }, |row| row.get(0))
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Since when the task has been ready that has been so for longest and was not told of.
pub fn oldest_waiting_untold(connection: &Connection) -> Result<Option<EpochSeconds>, Fault> {
    connection
        .prepare_cached(
            "SELECT ready_at FROM tasks
             WHERE queue_profile IS NOT NULL AND ready_at IS NOT NULL AND not_before IS NULL AND waiting_told_for IS NOT ready_at
             ORDER BY ready_at, seq LIMIT 1",
        )
        .and_then(|mut s| s.query_row([], |row| row.get(0)).optional())
        .doing("find the task that waits longest")
}

/// Remembers that this wait of a ready task was told of.
pub fn set_waiting_told(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET waiting_told_for = ready_at WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("record the report of a long wait")
}

/// Blocked tasks of a board whose last run was given up, those with the newest failure first.
pub fn list_given_up(
    connection: &Connection,
    board: &BoardName,
) -> Result<Vec<(Task, EpochSeconds)>, Fault> {
    let doing = "list tasks blocked after failures";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id, r.ended_at FROM tasks t
             JOIN task_runs r ON r.id = (SELECT max(x.id) FROM task_runs x WHERE x.task_id = t.id)
             WHERE t.board = (SELECT b.id FROM boards b WHERE b.name = :board) AND t.status = 'blocked' AND r.outcome = 'gave_up'
             ORDER BY r.ended_at DESC, t.seq",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":board": board }, |row| Ok((row.get(0)?, row.get(1)?)))
        .doing(doing)?;
    let found: Vec<(TaskId, Option<EpochSeconds>)> =
        rows.collect::<rusqlite::Result<_>>().doing(doing)?;
    let mut tasks = Vec::with_capacity(found.len());
    for (id, ended_at) in found {
        if let Some(task) = get(connection, &id)? {
            tasks.push((task, ended_at.unwrap_or_default()));
        }
    }
    Ok(tasks)
}

/// Scheduled tasks whose start time is not after `now`, those that have waited longest first.
pub fn list_start_due(
    connection: &Connection,
    now: EpochSeconds,
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list tasks whose start time has come";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE status = 'scheduled' AND start_at > 0 AND start_at <= :now AND parked = 0
             ORDER BY start_at, seq LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":now": now, ":limit": limit }, |row| row.get(0))
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Unfinished tasks whose due time is not after `now` and was not reported, those that are due longest first.
pub fn list_overdue_untold(
    connection: &Connection,
    now: EpochSeconds,
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list tasks whose due time has passed";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE due_at IS NOT NULL AND overdue_told_for IS NOT due_at AND status NOT IN ('done', 'archived')
               AND due_at <= :now
             ORDER BY due_at, seq LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":now": now, ":limit": limit }, |row| row.get(0))
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Remembers that it was reported that this due time of a task has passed.
pub fn set_overdue_told(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET overdue_told_for = due_at WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("record the report of a passed due time")
}

/// `todo` tasks that have no open parent: only a row that was written while the daemon was away can be one.
pub fn list_promotable(connection: &Connection) -> Result<Vec<TaskId>, Fault> {
    let doing = "list promotable tasks";
    let mut statement = connection
        .prepare_cached(
            // By board, because the index of statuses begins with it. CROSS keeps that order.
            "SELECT t.id FROM boards b CROSS JOIN tasks t
             WHERE t.board = b.id AND t.status = 'todo'
               AND NOT EXISTS (SELECT 1 FROM task_links l JOIN tasks p ON p.id = l.parent_id
                               WHERE l.child_id = t.id AND p.status NOT IN ('done', 'archived'))
             ORDER BY t.priority DESC, t.seq",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
