//! `worker_tasks`: the tasks that workers created, by the trees that they make, and why one waits for a person. A board on which no
//! worker created a task has no row of it.

use rusqlite::{OptionalExtension, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::rules::handover::TreePosition;
use crate::kernel::store::Connection;

/// What is known of the task of the worker that creates another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    /// Its position among the tasks that workers created.
    pub position: TreePosition,
    /// Its assignee.
    pub assignee: Option<String>,
    /// Its priority.
    pub priority: i64,
    /// Its own time limit, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Whether it has none.
    pub no_max_runtime: bool,
    /// Its due time.
    pub due_at: Option<EpochSeconds>,
    /// Its model.
    pub model: Option<String>,
    /// Its effort.
    pub effort: Option<String>,
    /// The repository of its worktree.
    pub repository: Option<String>,
}

/// The task of a worker that creates another one; none when it is gone.
pub fn creator(connection: &Connection, id: &TaskId) -> Result<Option<Creator>, Fault> {
    connection
        .prepare_cached(
            "SELECT coalesce(w.root_id, t.id), coalesce(w.depth, 0),
                    (SELECT r.tasks FROM worker_tasks r WHERE r.task_id = coalesce(w.root_id, t.id)),
                    t.assignee, t.priority, t.max_runtime_seconds, t.no_max_runtime, t.due_at, t.model, t.effort, t.repository
             FROM tasks t LEFT JOIN worker_tasks w ON w.task_id = t.id WHERE t.id = :id",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                let tasks: Option<u32> = row.get(2)?;
                let position =
                    TreePosition { root: row.get(0)?, depth: row.get(1)?, tasks: tasks.unwrap_or(0) };
                Ok(Creator {
                    position,
                    assignee: row.get(3)?,
                    priority: row.get(4)?,
                    max_runtime_seconds: row.get(5)?,
                    no_max_runtime: row.get(6)?,
                    due_at: row.get(7)?,
                    model: row.get(8)?,
                    effort: row.get(9)?,
                    repository: row.get(10)?,
                })
            })
            .optional()
        })
        .doing("read the task of a worker that creates one")
}

/// Enters a task that a worker created below `root`, and counts it there.
pub fn insert(
    connection: &Connection,
    id: &TaskId,
    (root, depth): (&str, u32),
    held: Option<&str>,
) -> Result<(), Fault> {
    let doing = "enter a task that a worker created";
    connection
        .prepare_cached(
            "INSERT INTO worker_tasks (task_id, root_id, depth, tasks) VALUES (:root, :root, 0, 1)
             ON CONFLICT (task_id) DO UPDATE SET tasks = tasks + 1",
        )
        .and_then(|mut s| s.execute(named_params! { ":root": root }))
        .doing(doing)?;
    connection
        .prepare_cached(
            "INSERT INTO worker_tasks (task_id, root_id, depth, held) VALUES (:id, :root, :depth, :held)",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":root": root, ":depth": depth, ":held": held })
        })
        .map(drop)
        .doing(doing)
}

/// Enters the task of an occurrence, which is a root of its own.
pub fn insert_root(connection: &Connection, id: &TaskId, held: Option<&str>) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO worker_tasks (task_id, root_id, depth, held) VALUES (:id, :id, 0, :held)",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":held": held }))
        .map(drop)
        .doing("enter a task that a worker created")
}

/// The setting for which a task waits in triage; none when it does not.
pub fn held(connection: &Connection, id: &TaskId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT held FROM worker_tasks WHERE task_id = :id AND held IS NOT NULL")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .doing("read why a task waits in triage")
}

/// Forgets why a task waits in triage: it does no longer.
pub fn let_go(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE worker_tasks SET held = NULL WHERE task_id = :id AND held IS NOT NULL",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(drop)
        .doing("let a task go on")
}
