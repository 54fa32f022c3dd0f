//! Removal of tasks with all their rows.

use rusqlite::named_params;

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::Connection;

/// Archived tasks, oldest first, that were archived before a time and have no open run. Tasks archived before archive
/// times were kept go by when they were made.
pub fn list_collectable(
    connection: &Connection,
    archived_before: EpochSeconds,
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list tasks to remove";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id FROM tasks t
             WHERE t.status = 'archived' AND coalesce(t.archived_at, t.created_at) < :before
               AND NOT EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = t.id AND r.closed_at IS NULL)
             ORDER BY t.archived_at, t.seq LIMIT :limit",
        )
        .doing(doing)?;
    let parameters = named_params! { ":before": archived_before, ":limit": limit };
    let rows = statement.query_map(parameters, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Removes a task with every row that belongs to it; returns how many events went.
pub fn purge_task(connection: &Connection, id: &TaskId) -> Result<usize, Fault> {
    let delete = |sql: &'static str| {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(named_params! { ":id": id }))
            .doing("remove a task")
    };
    delete("DELETE FROM task_links WHERE parent_id = :id")?;
    delete("DELETE FROM task_links WHERE child_id = :id")?;
    let events = delete("DELETE FROM task_events WHERE task_id = :id")?;
    delete("DELETE FROM task_comments WHERE task_id = :id")?;
    delete("DELETE FROM questions WHERE task_id = :id")?;
    delete("DELETE FROM task_runs WHERE task_id = :id")?;
    delete("DELETE FROM task_attachments WHERE task_id = :id")?;
    delete("DELETE FROM task_labels WHERE task_id = :id")?;
    delete("DELETE FROM outbox WHERE task_id = :id")?;
    delete("DELETE FROM chat_messages WHERE task_id = :id")?;
    delete("DELETE FROM chat_tokens WHERE task_id = :id")?;
    delete("DELETE FROM kanban_notify_subs WHERE task_id = :id")?;
    delete("DELETE FROM imports WHERE task_id = :id")?;
    delete("DELETE FROM worker_tasks WHERE task_id = :id")?;
    delete("DELETE FROM tasks WHERE id = :id")?;
    Ok(events)
}
