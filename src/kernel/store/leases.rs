//! `leases`: which open run holds which workspace, and which tasks wait for one. A lease ends with its run: when `closed_at` is
//! written a trigger removes it, also for other writers.

use rusqlite::{OptionalExtension, Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{HOST_PREFIX, RunId, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::queue::{Backoff, list_queued_profiles};
use crate::kernel::task::WorkspaceKind;

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseOwner {
    /// The run.
    pub run_id: RunId,
    /// Its task.
    pub task_id: TaskId,
}

/// The run that holds `key`.
pub fn owner(connection: &Connection, key: &str) -> Result<Option<LeaseOwner>, Fault> {
    connection
        .prepare_cached(
            "SELECT l.run_id, r.task_id FROM leases l JOIN task_runs r ON r.id = l.run_id WHERE l.key = :key",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":key": key }, |row| {
                Ok(LeaseOwner { run_id: row.get(0)?, task_id: row.get(1)? })
            })
            .optional()
        })
        .doing("look up the owner of a lease")
}

/// Gives `key` to a run. The key must be free or the run's own: a second holder cannot be written.
pub fn take(connection: &Connection, key: &str, run_id: RunId) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT INTO leases (key, run_id) VALUES (:key, :run_id)")
        .and_then(|mut s| s.execute(named_params! { ":key": key, ":run_id": run_id }))
        .map(|_| ())
        .doing("take a lease")
}

/// Takes a task out of its queue until what `key` names is free or found out. `because` is one line for people, where the
/// key alone does not say why.
pub fn wait_for(
    connection: &Connection,
    task_id: &TaskId,
    key: &str,
    because: Option<&str>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET waits_for = :key, waits_because = :because WHERE id = :id AND queue_profile IS NOT NULL",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": task_id, ":key": key, ":because": because })
        })
        .map(|_| ())
        .doing("record that a task waits for a workspace")
}

/// Writes why everybody who waits for `key` waits.
pub fn set_because(connection: &Connection, key: &str, because: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET waits_because = :because WHERE waits_for = :key AND waits_because IS NOT :because",
        )
        .and_then(|mut s| s.execute(named_params! { ":key": key, ":because": because }))
        .map(|_| ())
        .doing("record why tasks wait")
}

/// What a task waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The key.
    pub key: String,
    /// Why, where the key alone does not say it.
    pub because: Option<String>,
}

/// What a task waits for.
pub fn wait_of(connection: &Connection, task_id: &TaskId) -> Result<Option<Wait>, Fault> {
    connection
        .prepare_cached(
            "SELECT waits_for, waits_because FROM tasks WHERE id = :id AND waits_for IS NOT NULL",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": task_id }, |row| {
                Ok(Wait { key: row.get(0)?, because: row.get(1)? })
            })
            .optional()
        })
        .doing("read the workspace a task waits for")
}

/// Profiles whose tasks wait for `key`.
pub fn list_profiles_waiting(connection: &Connection, key: &str) -> Result<Vec<String>, Fault> {
    let doing = "list paths with waiting tasks";
    let mut statement = connection
        .prepare_cached(
            "SELECT DISTINCT queue_profile FROM tasks WHERE waits_for = :key AND queue_profile IS NOT NULL",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":key": key }, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Everything that tasks wait for, each once, found by skipping through the index of waiting tasks.
pub fn list_wanted(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "list the paths of waiting tasks";
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE wanted (key) AS (
               SELECT (SELECT min(waits_for) FROM tasks WHERE waits_for IS NOT NULL)
               UNION ALL
               SELECT (SELECT min(waits_for) FROM tasks WHERE waits_for IS NOT NULL AND waits_for > wanted.key)
               FROM wanted WHERE wanted.key IS NOT NULL)
             SELECT key FROM wanted WHERE key IS NOT NULL",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Puts everybody who waits for `key` back into the queue.
pub fn release_all(connection: &Connection, key: &str) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET waits_for = NULL, waits_because = NULL WHERE waits_for = :key",
        )
        .and_then(|mut s| s.execute(named_params! { ":key": key }))
        .doing("release waiting tasks")
}

/// Puts the first of each queue that waits for `key` back into it: one of them will take it, and which one is
/// for the queue to say.
pub fn release_heads(connection: &Connection, key: &str) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "WITH RECURSIVE lane (profile) AS (
               SELECT (SELECT min(queue_profile) FROM tasks WHERE waits_for = :key)
               UNION ALL
               SELECT (SELECT min(queue_profile) FROM tasks WHERE waits_for = :key AND queue_profile > lane.profile)
               FROM lane WHERE lane.profile IS NOT NULL)
             UPDATE tasks SET waits_for = NULL, waits_because = NULL WHERE id IN (
               SELECT (SELECT t.id FROM tasks t WHERE t.waits_for = :key AND t.queue_profile = lane.profile
                       ORDER BY t.priority DESC, t.seq LIMIT 1)
               FROM lane WHERE lane.profile IS NOT NULL)",
        )
        .and_then(|mut s| s.execute(named_params! { ":key": key }))
        .doing("release the next waiting tasks")
}

/// Puts all tasks back into the queue that wait for something on this host: the questions about their workspaces were lost. Those
/// about another host are that one's.
pub fn release_everybody(connection: &Connection) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET waits_for = NULL, waits_because = NULL
             WHERE waits_for IS NOT NULL AND substr(waits_for, 1, length(:other)) <> :other",
        )
        .and_then(|mut s| s.execute(named_params! { ":other": HOST_PREFIX }))
        .doing("release all waiting tasks")
}

/// Paths that the tasks at the heads of the queues name, and the repositories of worktrees that were made before: of at most
/// `limit` tasks of each queue, and of at most `limit` that wait for something.
pub fn list_ready_paths(connection: &Connection, limit: u32) -> Result<Vec<String>, Fault> {
    let doing = "list the paths of ready tasks";
    let mut paths = Vec::new();
    let mut take = |row: &Row<'_>| -> rusqlite::Result<()> {
        let (kind, path, repository): (WorkspaceKind, Option<String>, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        if kind != WorkspaceKind::Scratch && path.is_some() {
            paths.extend([path, repository].into_iter().flatten());
        }
        Ok(())
    };
    for (backoff, sql) in [
        (
            Backoff::Over,
            "SELECT workspace_kind, workspace_path, repository FROM tasks
             WHERE queue_profile = :profile AND not_before IS NULL AND waits_for IS NULL
             ORDER BY priority DESC, seq LIMIT :limit",
        ),
        (
            Backoff::Running,
            "SELECT workspace_kind, workspace_path, repository FROM tasks
             WHERE queue_profile = :profile AND not_before IS NOT NULL AND waits_for IS NULL
             ORDER BY priority DESC, seq LIMIT :limit",
        ),
    ] {
        let mut statement = connection.prepare_cached(sql).doing(doing)?;
        for (profile, _) in list_queued_profiles(connection, backoff)? {
            let row = named_params! { ":profile": profile, ":limit": limit };
            let mut rows = statement.query(row).doing(doing)?;
            while let Some(row) = rows.next().doing(doing)? {
                take(row).doing(doing)?;
            }
        }
    }
    let mut statement = connection
        .prepare_cached(
            "SELECT workspace_kind, workspace_path, repository FROM tasks
             WHERE waits_for > '' AND queue_profile IS NOT NULL LIMIT :limit",
        )
        .doing(doing)?;
    let mut rows = statement.query(named_params! { ":limit": limit }).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        take(row).doing(doing)?;
    }
    Ok(paths)
}

/// The directory in a repository that the worktree of a task was made from; none before its first run.
pub fn repository_of(connection: &Connection, task_id: &TaskId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT repository FROM tasks WHERE id = :id")
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": task_id }, |row| row.get(0)).optional()
        })
        .map(Option::flatten)
        .doing("read the repository of a worktree")
}

/// Writes from which directory in a repository the worktree of a task is made.
pub fn set_repository(connection: &Connection, task_id: &TaskId, path: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET repository = :path WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": task_id, ":path": path }))
        .map(|_| ())
        .doing("write the repository of a worktree")
}
