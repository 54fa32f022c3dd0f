//! Reading a board file of the predecessor: any release of it, columns by old or new name, whatever is missing.
//!
//! The caller hands over a copy: SQLite may write beside a file that it only reads.

use std::collections::HashMap;
use std::path::Path;

use thiserror::Error;

use crate::kernel::store::foreign::{ForeignBoard, ForeignRow};
use crate::kernel::transfer::record::{
    CommentFields, EventFields, RunFields, SubscriptionFields, TaskFields, TaskRecord,
};

/// Why a file is not taken.
#[derive(Debug, Error)]
pub enum HermesError {
    /// It is not a database, or not such a board.
    #[error("{path} is not a board of the predecessor: {detail}")]
    NotABoard {
        /// The file.
        path: String,
        /// What is missing.
        detail: String,
    },
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct HermesBoard {
    /// The tasks, in the order in which they were made.
    pub records: Vec<TaskRecord>,
    /// Links, in their order.
    pub links: Vec<(String, String)>,
    /// Rows whose task is not there.
    pub notes: Vec<String>,
}

/// Reads the file at `path`, which is shown as `shown` in errors.
///
/// # Errors
/// [`HermesError`].
pub fn read(path: &Path, shown: &Path) -> Result<HermesBoard, HermesError> {
    let not_a_board =
        |detail: String| HermesError::NotABoard { path: shown.display().to_string(), detail };
    let board = ForeignBoard::open(path).map_err(|fault| not_a_board(fault.to_string()))?;
    let missing = |table: &str| not_a_board(format!("it has no table `{table}`"));
    let rows = |table: &str| board.rows(table).map_err(|fault| not_a_board(fault.to_string()));
    let tasks = rows("tasks")?.ok_or_else(|| missing("tasks"))?;
    if !tasks.iter().all(|row| row.text("id").is_some()) {
        return Err(not_a_board("a task has no id".to_owned()));
    }
    if board.is_own_format().map_err(|fault| not_a_board(fault.to_string()))? {
        return Err(not_a_board(
            "it is a board of kanband itself; use `kanban restore`".to_owned(),
        ));
    }
    let mut read = HermesBoard::default();
    let mut places = HashMap::new();
    for row in &tasks {
        let record = TaskRecord { task: task_fields(row), ..TaskRecord::default() };
        places.insert(record.task.id.clone(), read.records.len());
        read.records.push(record);
    }
    let mut orphans: HashMap<&str, usize> = HashMap::new();
    let mut give = |table: &'static str,
                    rows: Option<Vec<ForeignRow>>,
                    add: &dyn Fn(&mut TaskRecord, &ForeignRow)| {
        for row in rows.unwrap_or_default() {
            let place = row.text("task_id").and_then(|id| places.get(&id).copied());
            match place.and_then(|place| read.records.get_mut(place)) {
                Some(record) => add(record, &row),
                None => *orphans.entry(table).or_default() += 1,
            }
        }
    };
    give("task_runs", rows("task_runs")?, &|record, row| record.runs.push(run_fields(row)));
    give("task_comments", rows("task_comments")?, &|record, row| {
        record.comments.push(comment_fields(row));
    });
    give("task_events", rows("task_events")?, &|record, row| {
        record.events.push(event_fields(row));
    });
    give("kanban_notify_subs", rows("kanban_notify_subs")?, &|record, row| {
        record.subscriptions.push(subscription_fields(row));
    });
    for (table, count) in orphans {
        read.notes.push(format!("{count} row(s) of {table} belong to no task and were left out"));
    }
    for row in rows("task_links")?.unwrap_or_default() {
        if let (Some(parent), Some(child)) = (row.text("parent_id"), row.text("child_id")) {
            read.links.push((parent, child));
        }
    }
    let attachments = rows("task_attachments")?.map_or(0, |rows| rows.len());
    if attachments > 0 {
        read.notes.push(format!("{attachments} attachment(s) were left out"));
    }
    keep_newest_keys(&mut read);
    Ok(read)
}

/// Of tasks that share an idempotency key the newest keeps it: it is the one that the predecessor would find.
fn keep_newest_keys(board: &mut HermesBoard) {
    let mut newest: HashMap<String, (i64, usize)> = HashMap::new();
    let is_live = |task: &TaskFields| task.status != "archived";
    for (place, record) in board.records.iter().enumerate() {
        let Some(key) = record.task.idempotency_key.clone().filter(|key| !key.is_empty()) else {
            continue;
        };
        if is_live(&record.task) {
            let entry = newest.entry(key).or_insert((record.task.created_at, place));
            if record.task.created_at >= entry.0 {
                *entry = (record.task.created_at, place);
            }
        }
    }
    for (place, record) in board.records.iter_mut().enumerate() {
        let Some(key) = record.task.idempotency_key.clone().filter(|key| !key.is_empty()) else {
            continue;
        };
        let is_keeper = newest.get(&key).is_some_and(|(_, keeper)| *keeper == place);
        if is_live(&record.task) && !is_keeper {
            record.task.idempotency_key = None;
            board.notes.push(format!(
                "{} lost its idempotency key {key:?}: a newer task has it",
                record.task.id
            ));
        }
    }
}

fn task_fields(row: &ForeignRow) -> TaskFields {
    TaskFields {
        id: row.text("id").unwrap_or_default(),
        title: row.text("title").unwrap_or_default(),
        body: row.text("body"),
        assignee: row.text("assignee"),
        status: row.text("status").unwrap_or_else(|| "todo".to_owned()),
        priority: row.integer("priority"),
        created_by: row.text("created_by"),
        created_at: row.integer("created_at").unwrap_or_default(),
        started_at: row.integer("started_at"),
        completed_at: row.integer("completed_at"),
        archived_at: None,
        workspace_kind: row.text("workspace_kind"),
        workspace_path: row.text("workspace_path"),
        claim_lock: row.text("claim_lock"),
        claim_expires: row.integer("claim_expires"),
        tenant: row.text("tenant"),
        result: row.text("result"),
        idempotency_key: row.text("idempotency_key"),
        spawn_failures: row.integer("spawn_failures").or(row.integer("consecutive_failures")),
        last_spawn_error: row.text("last_spawn_error").or(row.text("last_failure_error")),
        max_runtime_seconds: row.integer("max_runtime_seconds"),
        no_max_runtime: None,
        last_heartbeat_at: row.integer("last_heartbeat_at"),
        current_run_id: row.integer("current_run_id"),
        workflow_template_id: row.text("workflow_template_id"),
        current_step_key: row.text("current_step_key"),
        skills: row.text("skills"),
        auto_starts: None,
        protocol_violations: None,
        model: row.text("model_override"),
        effort: None,
        args: None,
    }
}

fn run_fields(row: &ForeignRow) -> RunFields {
    RunFields {
        id: row.integer("id").unwrap_or_default(),
        profile: row.text("profile"),
        step_key: row.text("step_key"),
        status: row.text("status").unwrap_or_default(),
        outcome: row.text("outcome"),
        summary: row.text("summary"),
        metadata: row.text("metadata"),
        error: row.text("error"),
        worker_pid: row.integer("worker_pid"),
        max_runtime_seconds: row.integer("max_runtime_seconds"),
        last_heartbeat_at: row.integer("last_heartbeat_at"),
        started_at: row.integer("started_at").unwrap_or_default(),
        ended_at: row.integer("ended_at"),
        ..RunFields::default()
    }
}

fn comment_fields(row: &ForeignRow) -> CommentFields {
    CommentFields {
        id: row.integer("id").unwrap_or_default(),
        author: row.text("author").unwrap_or_else(|| "unknown".to_owned()),
        body: row.text("body").unwrap_or_default(),
        created_at: row.integer("created_at").unwrap_or_default(),
    }
}

fn event_fields(row: &ForeignRow) -> EventFields {
    EventFields {
        id: row.integer("id").unwrap_or_default(),
        run_id: row.integer("run_id"),
        kind: row.text("kind").unwrap_or_default(),
        payload: row.text("payload").and_then(|text| crate::kernel::json::from_str(&text).ok()),
        created_at: row.integer("created_at").unwrap_or_default(),
        actor: None,
    }
}

fn subscription_fields(row: &ForeignRow) -> SubscriptionFields {
    SubscriptionFields {
        platform: row.text("platform").unwrap_or_default(),
        chat_id: row.text("chat_id").unwrap_or_default(),
        thread_id: row.text("thread_id").unwrap_or_default(),
        user_id: row.text("user_id"),
        created_at: row.integer("created_at").unwrap_or_default(),
        last_event_id: row.integer("last_event_id").unwrap_or_default(),
    }
}
