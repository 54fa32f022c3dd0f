//! Columns and tables of a file that have no place here. Each is reported with the number of values in it, so that nothing that
//! steered the work goes without a word.

use crate::kernel::error::Fault;
use crate::kernel::store::foreign::{Cell, ForeignBoard};
use crate::kernel::transfer::report::ColumnLeftOut;

/// Columns that are brought, or are cleared because no process is taken over, by table.
const BROUGHT: &[(&str, &[&str])] = &[
    (
        "tasks",
        &[
            "id",
            "title",
            "body",
            "assignee",
            "status",
            "priority",
            "created_by",
            "created_at",
            "started_at",
            "completed_at",
            "workspace_kind",
            "workspace_path",
            "tenant",
            "result",
            "idempotency_key",
            "spawn_failures",
            "consecutive_failures",
            "last_spawn_error",
            "last_failure_error",
            "max_runtime_seconds",
            "last_heartbeat_at",
            "workflow_template_id",
            "current_step_key",
            "skills",
            "model_override",
            "block_kind",
            // Cleared.
            "claim_lock",
            "claim_expires",
            "worker_pid",
            "current_run_id",
        ],
    ),
    (
        "task_runs",
        &[
            "id",
            "task_id",
            "profile",
            "step_key",
            "status",
            "outcome",
            "summary",
            "metadata",
            "error",
            "worker_pid",
            "max_runtime_seconds",
            "last_heartbeat_at",
            "started_at",
            "ended_at",
            // Cleared.
            "claim_lock",
            "claim_expires",
        ],
    ),
    ("task_comments", &["id", "task_id", "author", "body", "created_at"]),
    ("task_events", &["id", "task_id", "run_id", "kind", "payload", "created_at"]),
    ("task_links", &["parent_id", "child_id"]),
    (
        "kanban_notify_subs",
        &["task_id", "platform", "chat_id", "thread_id", "user_id", "created_at", "last_event_id"],
    ),
];

/// Tables whose rows are reported one by one.
const TOLD_BY_ROW: &[&str] = &["task_attachments"];

/// What there is instead of a column of the predecessor's releases up to 0.19.
const INSTEAD: &[(&str, &str)] = &[
    ("tasks.branch_name", "the branch of a worktree is named after its task"),
    ("tasks.project_id", "the directory of a task is its workspace: dir:PATH or worktree:PATH"),
    ("tasks.max_retries", "dispatch.failure_limit applies to every task"),
    ("tasks.goal_mode", "there is no goal mode: describe in the body what counts as done"),
    ("tasks.goal_max_turns", "there is no goal mode: max_runtime limits a run"),
    ("tasks.session_id", "sessions are not imported: group tasks by tenants and labels"),
    ("tasks.block_recurrences", "blocks are not counted: a person decides each time"),
    ("kanban_notify_subs.notifier_profile", "a subscription has no sender of its own"),
];

/// What stands in columns and tables that are not brought.
///
/// # Errors
/// A fault of the database.
pub(super) fn left_out_columns(
    board: &ForeignBoard,
    tables: &[String],
) -> Result<Vec<ColumnLeftOut>, Fault> {
    let mut left_out = Vec::new();
    for table in tables {
        let Some((_, brought)) = BROUGHT.iter().find(|(name, _)| name == table) else {
            let is_told = TOLD_BY_ROW.contains(&table.as_str());
            let values = if is_told { 0 } else { board.count(table)? };
            if values > 0 {
                let instead = "unknown table".to_owned();
                left_out.push(ColumnLeftOut { column: table.clone(), values, instead });
            }
            continue;
        };
        let columns = board.columns(table)?;
        let unknown: Vec<_> =
            columns.iter().filter(|column| !brought.contains(&column.name.as_str())).collect();
        if unknown.is_empty() {
            continue;
        }
        let rows = board.rows(table)?.unwrap_or_default().rows;
        for column in unknown {
            let says_something = |cell: &Cell| !is_default(cell, column.default.as_deref());
            let values = rows.iter().filter(|row| says_something(row.cell(&column.name))).count();
            let name = format!("{table}.{}", column.name);
            let instead = INSTEAD.iter().find(|(known, _)| *known == name);
            let instead = instead.map_or("unknown column", |(_, instead)| *instead);
            let instead = instead.to_owned();
            left_out.push(ColumnLeftOut { column: name, values, instead });
        }
    }
    Ok(left_out)
}

/// Whether a value says nothing: none, an empty text, or what the schema writes by itself.
fn is_default(cell: &Cell, default: Option<&str>) -> bool {
    let given = match cell {
        Cell::Null => return true,
        Cell::Text { text, .. } if text.is_empty() => return true,
        Cell::Text { text, .. } => text.clone(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
    };
    let default = default.map(|text| text.trim().trim_matches(['\'', '"', '(', ')']));
    default.is_some_and(|default| default == given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_the_schema_writes_by_itself_says_nothing() {
        let text = |text: &str| Cell::Text { text: text.to_owned(), is_whole: true };
        for (cell, default, expected) in [
            (Cell::Null, None, true),
            (Cell::Null, Some("7"), true),
            (text(""), None, true),
            (Cell::Integer(0), Some("0"), true),
            (Cell::Integer(0), Some("(0)"), true),
            (text("scratch"), Some("'scratch'"), true),
            (Cell::Integer(0), None, false),
            (Cell::Integer(1), Some("0"), false),
            (text("x"), Some("'scratch'"), false),
        ] {
            assert_eq!(is_default(&cell, default), expected, "{cell:?} {default:?}");
        }
    }
}
