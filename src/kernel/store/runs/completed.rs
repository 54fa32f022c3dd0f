//! Completed runs and reviews, for those who read what was handed over.

use rusqlite::{OptionalExtension, named_params};

use super::super::Doing;
use super::{collect, read, select_runs};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::run::Run;
use crate::kernel::store::Connection;

/// A completed run of an assignee on some other task, for the worker's context.
#[derive(Debug, Clone)]
pub struct RecentWork {
    /// The task.
    pub task_id: TaskId,
    /// Its title.
    pub title: String,
    /// When the run ended.
    pub ended_at: EpochSeconds,
    /// Its summary.
    pub summary: Option<String>,
}

/// The newest completed runs of `profile` on tasks other than `except`.
pub fn list_recent_completed(
    connection: &Connection,
    profile: &str,
    except: &TaskId,
    limit: usize,
) -> Result<Vec<RecentWork>, Fault> {
    let doing = "list recent work";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(
            "SELECT r.task_id, t.title, r.ended_at, r.summary
             FROM task_runs r JOIN tasks t ON t.id = r.task_id
             WHERE r.profile = :profile AND r.outcome = 'completed' AND r.task_id <> :except
             ORDER BY r.ended_at DESC, r.id DESC LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(
            named_params! { ":profile": profile, ":except": except, ":limit": limit },
            |row| {
                Ok(RecentWork {
                    task_id: row.get(0)?,
                    title: row.get(1)?,
                    ended_at: row.get(2)?,
                    summary: row.get(3)?,
                })
            },
        )
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The newest completed run of a task that worked on it.
pub fn get_latest_completed(
    connection: &Connection,
    task_id: &TaskId,
) -> Result<Option<Run>, Fault> {
    connection
        .prepare_cached(select_runs!(
            "WHERE task_id = :task_id AND outcome = 'completed' AND role = 'work' ORDER BY id DESC LIMIT 1"
        ))
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the newest completed run")
}

/// The newest review of a task that ended with a verdict.
pub fn get_latest_review(connection: &Connection, task_id: &TaskId) -> Result<Option<Run>, Fault> {
    connection
        .prepare_cached(select_runs!(
            "WHERE task_id = :task_id AND review_verdict IS NOT NULL ORDER BY id DESC LIMIT 1"
        ))
        .and_then(|mut s| s.query_row(named_params! { ":task_id": task_id }, read).optional())
        .doing("read the newest review of a task")
}

/// Runs that are looked through for those that used a directory.
const USERS_LOOKED_THROUGH: i64 = 2_000;

/// Runs of other tasks that began after `after` in `path`, oldest first, at most `limit`.
pub fn list_users_since(
    connection: &Connection,
    task_id: &TaskId,
    path: &str,
    after: RunId,
    limit: usize,
) -> Result<Vec<Run>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(
        connection,
        select_runs!(
            "WHERE id > :after AND id <= :after + :span AND workspace_path = :path AND task_id <> :task_id ORDER BY id LIMIT :limit"
        ),
        &[
            (":after", &after),
            (":span", &USERS_LOOKED_THROUGH),
            (":path", &path),
            (":task_id", task_id),
            (":limit", &limit),
        ],
        "list the runs in a directory",
    )
}
