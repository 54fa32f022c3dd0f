//! `task_labels`: labels of tasks.

use rusqlite::named_params;

use super::Doing;
use super::rows;
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::store::Connection;

/// Adds a label; false when the task has it already.
pub fn insert(connection: &Connection, task_id: &TaskId, label: &str) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_labels (task_id, label) VALUES (:task_id, :label) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| s.execute(named_params! { ":task_id": task_id, ":label": label }))
        .map(|changed| changed == 1)
        .doing("add a label")
}

/// Removes a label; false when the task does not have it.
pub fn delete(connection: &Connection, task_id: &TaskId, label: &str) -> Result<bool, Fault> {
    connection
        .prepare_cached("DELETE FROM task_labels WHERE task_id = :task_id AND label = :label")
        .and_then(|mut s| s.execute(named_params! { ":task_id": task_id, ":label": label }))
        .map(|changed| changed == 1)
        .doing("remove a label")
}

/// Whether a task has more than `count` labels.
pub fn has_more_than(connection: &Connection, task_id: &TaskId, count: u64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM task_labels WHERE task_id = :id LIMIT 1 OFFSET :count";
    rows::has_more_than(connection, sql, task_id, count, "count labels")
}
