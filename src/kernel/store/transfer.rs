//! Rows that an import writes as they were, and the origin by which a task is recognized the next time.

use rusqlite::{OptionalExtension, named_params};

use super::Doing;
use super::tasks::list_or_null;
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
use crate::kernel::rules::notify::Level;
use crate::kernel::store::Connection;
use crate::kernel::task::{TaskStatus, WorkspaceKind};
use crate::kernel::transfer::record::{
    CommentFields, EventFields, RunFields, SubscriptionFields, TaskFields,
};

/// Setting that counts imported tasks. Their events stand behind no cursor, so the search index goes by this.
pub const IMPORTED_TASKS: &str = "imported_tasks";

/// A task to be written.
pub struct NewTask<'a> {
    /// Its id.
    pub id: &'a TaskId,
    /// Its board.
    pub board: &'a BoardName,
    /// Its columns.
    pub fields: &'a TaskFields,
    /// Its status.
    pub status: TaskStatus,
    /// Kind of its workspace.
    pub workspace_kind: WorkspaceKind,
    /// Its skills.
    pub skills: Option<Vec<String>>,
    /// Its idempotency key, unless another task has it.
    pub idempotency_key: Option<String>,
}

/// Whether the file holds no task at all; then integer ids of an import can be kept.
pub fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    connection
        .query_row("SELECT NOT EXISTS (SELECT 1 FROM tasks)", [], |row| row.get(0))
        .doing("find tasks")
}

/// Has new rows take ids behind these, whatever is in the tables.
pub fn reserve_ids(
    connection: &Connection,
    runs: i64,
    comments: i64,
    events: i64,
) -> Result<(), Fault> {
    let doing = "reserve ids";
    super::events::reserve(connection, events)?;
    for (table, upto) in [("task_runs", runs), ("task_comments", comments)] {
        let row = named_params! { ":name": table, ":upto": upto };
        let changed = connection
            .prepare_cached("UPDATE sqlite_sequence SET seq = max(seq, :upto) WHERE name = :name")
            .and_then(|mut s| s.execute(row))
            .doing(doing)?;
        if changed == 0 {
            connection
                .prepare_cached("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :upto)")
                .and_then(|mut s| s.execute(row))
                .doing(doing)?;
        }
    }
    Ok(())
}

/// Every imported task that is still here.
pub fn list_imported(connection: &Connection) -> Result<Vec<TaskId>, Fault> {
    let doing = "list imported tasks";
    let mut statement = connection.prepare_cached("SELECT task_id FROM imports").doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The origin of a task; none when it was not imported.
pub fn origin_of(connection: &Connection, id: &TaskId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT origin FROM imports WHERE task_id = :id")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .doing("look up an origin")
}

/// Keeps the origin of a task.
pub fn insert_origin(
    connection: &Connection,
    id: &TaskId,
    origin: &str,
    now: EpochSeconds,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO imports (task_id, origin, imported_at) VALUES (:id, :origin, :now)",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":origin": origin, ":now": now }))
        .map(|_| ())
        .doing("store an origin")
}

/// Writes a task.
pub fn insert_task(
    connection: &Connection,
    task: &NewTask<'_>,
    now: EpochSeconds,
) -> Result<(), Fault> {
    let fields = task.fields;
    let skills =
        task.skills.as_ref().map(|names| serde_json::Value::from(names.clone()).to_string());
    let ready_at = (task.status == TaskStatus::Ready).then_some(now);
    let archived_at = match task.status {
        // Without a time in the file it is archived here and now: `gc` removes by this, and would take an old task at once.
        TaskStatus::Archived => Some(fields.archived_at.unwrap_or(now)),
        TaskStatus::Triage
        | TaskStatus::Todo
        | TaskStatus::Scheduled
        | TaskStatus::Ready
        | TaskStatus::Running
        | TaskStatus::Blocked
        | TaskStatus::Review
        | TaskStatus::Done => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO tasks (id, board, title, body, assignee, status, priority, created_by, created_at, started_at,
                                completed_at, archived_at, workspace_kind, workspace_path, tenant, result,
                                idempotency_key, spawn_failures, last_spawn_error, max_runtime_seconds, no_max_runtime,
                                last_heartbeat_at, workflow_template_id, current_step_key, skills, ready_at,
                                auto_starts, protocol_violations, model, effort, args, branch_name, status_since,
                                start_at, parked, due_at, review_open, reviewer, reviewer_chosen, review_round,
                                review_why, block_kind, archived_from, arrived_at)
             VALUES (:id, (SELECT b.id FROM boards b WHERE b.name = :board), :title, :body, :assignee, :status, :priority,
                     :created_by, :created_at, :started_at,
                     :completed_at, :archived_at, :workspace_kind, :workspace_path, :tenant, :result,
                     :idempotency_key, :spawn_failures, :last_spawn_error, :max_runtime, :no_max_runtime,
                     :last_heartbeat_at, :workflow_template_id, :current_step_key, :skills, :ready_at,
                     :auto_starts, :protocol_violations, :model, :effort, :args, :branch_name, :since,
                     :start_at, :parked, :due_at, :review_open, :reviewer, :reviewer_chosen, :review_round,
                     :review_why, :block_kind, :archived_from,
                     max(:now, coalesce((SELECT l.arrived_at FROM tasks l WHERE l.arrived_at IS NOT NULL
                                         ORDER BY l.seq DESC LIMIT 1), 0)))",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": task.id, ":board": task.board, ":title": fields.title, ":body": fields.body,
                ":assignee": fields.assignee.as_deref().filter(|name| !name.is_empty()), ":status": task.status,
                ":priority": fields.priority.unwrap_or_default(), ":created_by": fields.created_by,
                ":created_at": fields.created_at, ":started_at": fields.started_at,
                ":completed_at": fields.completed_at, ":archived_at": archived_at,
                ":workspace_kind": task.workspace_kind, ":workspace_path": fields.workspace_path,
                ":tenant": fields.tenant, ":result": fields.result, ":idempotency_key": task.idempotency_key,
                ":spawn_failures": fields.spawn_failures.unwrap_or_default().max(0),
                ":last_spawn_error": fields.last_spawn_error,
                ":max_runtime": fields.max_runtime_seconds.filter(|seconds| *seconds > 0),
                ":no_max_runtime": fields.no_max_runtime.unwrap_or_default(),
                ":last_heartbeat_at": fields.last_heartbeat_at,
                ":workflow_template_id": fields.workflow_template_id, ":current_step_key": fields.current_step_key,
                ":now": now, ":since": super::tasks::status_since(task.status, now), ":skills": skills, ":ready_at": ready_at, ":auto_starts": fields.auto_starts.unwrap_or_default(),
                ":protocol_violations": fields.protocol_violations.unwrap_or_default(),
                ":model": fields.model, ":effort": fields.effort,
                ":args": fields.args.as_deref().and_then(list_or_null), ":branch_name": fields.branch_name,
                ":start_at": fields.start_at, ":parked": fields.parked.unwrap_or_default(), ":due_at": fields.due_at,
                ":review_open": fields.review_open.unwrap_or_default(), ":reviewer": fields.reviewer,
                ":reviewer_chosen": fields.reviewer_chosen.unwrap_or_default(),
                ":review_round": fields.review_round.unwrap_or(1).clamp(1, i64::from(u32::MAX)),
                ":review_why": fields.review_why.as_deref().filter(|_| task.status == TaskStatus::Review),
                ":block_kind": fields.block_kind, ":archived_from": fields.archived_from,
            })
        })
        .map(|_| ())
        .doing("import a task")
}

/// Largest id that is kept: later rows need ids above it.
pub const ID_KEPT_MAX: i64 = 1 << 48;

/// The id to use; none for a new one. The statements ignore an id that another row has.
fn kept(id: i64, keep_id: bool) -> Option<i64> {
    (keep_id && (1..=ID_KEPT_MAX).contains(&id)).then_some(id)
}

/// Writes a run that is over, under its own id or a new one.
pub fn insert_run(
    connection: &Connection,
    task_id: &TaskId,
    run: &RunFields,
    keep_id: bool,
) -> Result<RunId, Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_runs (id, task_id, profile, step_key, status, outcome, cause, summary, metadata, error,
                                    worker_pid, max_runtime_seconds, last_heartbeat_at, started_at, ended_at, closed_at,
                                    verdict_by, supervised, automatic, workspace_path, argv, exit_code, signal, cpu_ms,
                                    max_rss_bytes, memory_peak_bytes, oom_kills, containment, not_enforced, log_tail,
                                    errno, retry_at, artifacts, created_cards, model, effort, args, role, review_verdict, block_kind, state)
             VALUES ((SELECT :id WHERE NOT EXISTS (SELECT 1 FROM task_runs WHERE id = :id)), :task_id, :profile, :step_key, :status, :outcome, :cause, :summary, :metadata, :error,
                     :worker_pid, :max_runtime, :last_heartbeat_at, :started_at, :ended_at, :closed_at,
                     :verdict_by, :supervised, :automatic, :workspace_path, :argv, :exit_code, :signal, :cpu_ms,
                     :max_rss_bytes, :memory_peak, :oom_kills, :containment, :not_enforced, :log_tail,
                     :errno, :retry_at, :artifacts, :created_cards, :model, :effort, :args, :role, :review, :block_kind, 'closed')
             RETURNING id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":id": kept(run.id, keep_id), ":task_id": task_id, ":profile": run.profile,
                    ":step_key": run.step_key, ":status": run.status, ":outcome": run.outcome, ":cause": run.cause,
                    ":summary": run.summary, ":metadata": run.metadata, ":error": run.error,
                    ":worker_pid": run.worker_pid, ":max_runtime": run.max_runtime_seconds,
                    ":last_heartbeat_at": run.last_heartbeat_at, ":started_at": run.started_at,
                    ":ended_at": run.ended_at, ":closed_at": run.closed_at, ":verdict_by": run.verdict_by,
                    ":supervised": run.supervised.unwrap_or_default(),
                    ":automatic": run.automatic.unwrap_or_default(), ":workspace_path": run.workspace_path,
                    ":argv": run.argv, ":exit_code": run.exit_code, ":signal": run.signal, ":cpu_ms": run.cpu_ms,
                    ":max_rss_bytes": run.max_rss_bytes, ":memory_peak": run.memory_peak_bytes,
                    ":oom_kills": run.oom_kills, ":containment": run.containment,
                    ":not_enforced": run.not_enforced, ":log_tail": run.log_tail,
                    ":errno": run.errno, ":retry_at": run.retry_at, ":artifacts": run.artifacts,
                    ":created_cards": run.created_cards,
                    ":role": run.role.as_deref().filter(|role| *role == "review").unwrap_or("work"),
                    ":review": run.review_verdict,
                    ":model": run.model, ":effort": run.effort,
                    ":args": run.args.as_deref().and_then(list_or_null), ":block_kind": run.block_kind,
                },
                |row| row.get(0),
            )
        })
        .doing("import a run")
}

/// Writes a comment, under its own id or a new one.
pub fn insert_comment(
    connection: &Connection,
    task_id: &TaskId,
    comment: &CommentFields,
    keep_id: bool,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO task_comments (id, task_id, author, body, created_at)
             VALUES ((SELECT :id WHERE NOT EXISTS (SELECT 1 FROM task_comments WHERE id = :id)), :task_id, :author, :body, :created_at)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": kept(comment.id, keep_id), ":task_id": task_id, ":author": comment.author,
                ":body": comment.body, ":created_at": comment.created_at,
            })
        })
        .map(|_| ())
        .doing("import a comment")
}

/// An event to be written.
pub struct NewEvent<'a> {
    /// Its task.
    pub task_id: &'a TaskId,
    /// Its run, under its new id.
    pub run_id: Option<RunId>,
    /// Its columns.
    pub fields: &'a EventFields,
}

/// Writes an event, under its own id or a new one.
pub fn insert_event(
    connection: &Connection,
    event: &NewEvent<'_>,
    keep_id: bool,
) -> Result<EventId, Fault> {
    let fields = event.fields;
    let payload = fields.payload.as_ref().map(ToString::to_string);
    connection
        .prepare_cached(
            "INSERT INTO task_events (id, task_id, run_id, kind, payload, created_at, actor)
             VALUES ((SELECT :id WHERE NOT EXISTS (SELECT 1 FROM task_events WHERE id = :id)), :task_id, :run_id, :kind, :payload, :created_at, :actor) RETURNING id",
        )
        .and_then(|mut s| {
            s.query_row(
                named_params! {
                    ":id": kept(fields.id, keep_id), ":task_id": event.task_id, ":run_id": event.run_id,
                    ":kind": fields.kind, ":payload": payload, ":created_at": fields.created_at,
                    ":actor": fields.actor,
                },
                |row| row.get(0),
            )
        })
        .doing("import an event")
}

/// Writes a subscription with its cursor.
pub fn insert_subscription(
    connection: &Connection,
    task_id: &TaskId,
    subscription: &SubscriptionFields,
    cursor: EventId,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO kanban_notify_subs (task_id, platform, chat_id, thread_id, user_id, created_at, last_event_id, level,
                                             kinds, person)
             VALUES (:task_id, :platform, :chat_id, :thread_id, :user_id, :created_at, :cursor, :level, :kinds, :person)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": task_id, ":platform": subscription.platform, ":chat_id": subscription.chat_id,
                ":thread_id": subscription.thread_id, ":user_id": subscription.user_id,
                ":created_at": subscription.created_at, ":cursor": cursor,
                ":level": Level::parse(&subscription.level).unwrap_or_default().as_str(), ":kinds": list_or_null(&subscription.kinds),
                ":person": subscription.person,
            })
        })
        .map(|_| ())
        .doing("import a subscription")
}
