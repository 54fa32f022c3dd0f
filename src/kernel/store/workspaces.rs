//! Data about workspaces: the branch of a task's worktree, and the messages to the worker of a run.

use rusqlite::named_params;

use super::Doing;
use super::tasks::list_or_null;
use crate::kernel::error::Fault;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::store::Connection;

/// Writes the branch of a task's worktree.
pub fn set_branch(connection: &Connection, id: &TaskId, branch: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET branch_name = :branch WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":branch": branch }))
        .map(|_| ())
        .doing("write a branch")
}

/// Writes what the worker of a run has to know about its workspace.
pub fn set_notes(connection: &Connection, id: RunId, notes: &[String]) -> Result<(), Fault> {
    let notes = list_or_null(notes);
    connection
        .prepare_cached("UPDATE task_runs SET workspace_notes = :notes WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":notes": notes }))
        .map(|_| ())
        .doing("write a run's notes")
}
