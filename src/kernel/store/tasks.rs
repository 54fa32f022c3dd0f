//! `tasks`: one row per task.

mod due;
mod moves;
mod review;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, named_params};

use super::rows::lenient_names;
use super::{Doing, is_unique_violation};
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::task::{Task, TaskStatus};
pub use due::{
    LatestTimes, clamp_times, list_expired_claims, list_given_up, list_overdue_untold,
    list_promotable, list_start_due, list_waiting_untold, oldest_waiting_untold, release_backoffs,
    runtime_from, set_overdue_told, set_waiting_told,
};
pub(super) use moves::status_since;
pub use moves::{Arrival, Start, set_status};
pub use review::{
    list_review_pairs, list_reviews_of, set_review_failures, set_review_why, set_reviewer,
};

/// `SELECT` of every column that [`read_of`] maps, with the rest of the statement behind it. Labels are looked for where there are any:
/// that is asked once for all rows.
macro_rules! select_tasks {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.title, t.body, t.assignee, t.status, t.priority, t.tenant, t.workspace_kind, t.workspace_path, t.created_by, \
             t.created_at, t.started_at, t.completed_at, t.result, t.skills, t.claim_lock, t.claim_expires, t.idempotency_key, \
             t.spawn_failures, t.worker_pid, t.last_spawn_error, t.max_runtime_seconds, t.no_max_runtime, t.last_heartbeat_at, \
             t.current_run_id, t.workflow_template_id, t.current_step_key, t.not_before, t.ready_at, t.auto_starts, \
             t.protocol_violations, t.archived_at, t.model, t.effort, t.args, t.resume_run_id, t.branch_name, t.seq, t.start_at, \
             t.parked, t.due_at, t.review_open, t.reviewer, t.block_kind, t.archived_from, t.version, t.reviewer_chosen, \
             t.review_round, t.review_failures, t.review_violations, t.review_why, t.schedule_id, t.occurrence_at, \
             CASE WHEN EXISTS (SELECT 1 FROM task_labels any_label) \
               THEN (SELECT json_group_array(l.label) FROM task_labels l WHERE l.task_id = t.id) END",
            $rest
        )
    };
}
pub(super) use select_tasks;

/// Every task, in no order.
pub(super) const EVERY: &str =
    select_tasks!(", b.name FROM tasks t LEFT JOIN boards b ON b.id = t.board");

/// Maps a row of [`select_tasks`] with the name of its board behind.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    read_of(row, row.get(54)?)
}

/// Maps a row of [`select_tasks`], of a task of this board.
pub(super) fn read_of(row: &Row<'_>, board: BoardName) -> rusqlite::Result<Task> {
    Ok(Task {
        id: row.get(0)?,
        board,
        title: row.get(1)?,
        body: row.get(2)?,
        assignee: row.get(3)?,
        status: row.get(4)?,
        priority: row.get(5)?,
        tenant: row.get(6)?,
        workspace_kind: row.get(7)?,
        workspace_path: row.get(8)?,
        created_by: row.get(9)?,
        created_at: row.get(10)?,
        started_at: row.get(11)?,
        completed_at: row.get(12)?,
        result: row.get(13)?,
        skills: lenient_names(row.get(14)?),
        claim_lock: row.get(15)?,
        claim_expires: row.get(16)?,
        idempotency_key: row.get(17)?,
        spawn_failures: row.get(18)?,
        worker_pid: row.get(19)?,
        last_spawn_error: row.get(20)?,
        max_runtime_seconds: row.get(21)?,
        no_max_runtime: row.get(22)?,
        last_heartbeat_at: row.get(23)?,
        current_run_id: row.get(24)?,
        workflow_template_id: row.get(25)?,
        current_step_key: row.get(26)?,
        not_before: row.get(27)?,
        ready_at: row.get(28)?,
        auto_starts: row.get(29)?,
        protocol_violations: row.get(30)?,
        archived_at: row.get(31)?,
        model: row.get(32)?,
        effort: row.get(33)?,
        args: lenient_names(row.get(34)?).unwrap_or_default(),
        resume_run_id: row.get(35)?,
        branch_name: row.get(36)?,
        seq: row.get(37)?,
        start_at: row.get(38)?,
        parked: row.get(39)?,
        due_at: row.get(40)?,
        review_open: row.get(41)?,
        reviewer: row.get(42)?,
        block_kind: row.get(43)?,
        archived_from: row.get(44)?,
        version: row.get(45)?,
        reviewer_chosen: row.get(46)?,
        review_round: row.get(47)?,
        review_failures: row.get(48)?,
        review_violations: row.get(49)?,
        review_why: row.get(50)?,
        schedule_id: row.get(51)?,
        occurrence_at: row.get(52)?,
        labels: labels(row.get_ref(53)?)?,
    })
}

/// Most tasks have no labels: nothing is parsed then.
fn labels(list: ValueRef<'_>) -> rusqlite::Result<Vec<String>> {
    match list.as_str_or_null()? {
        None | Some("[]") => Ok(Vec::new()),
        Some(list) => Ok(lenient_names(Some(list.to_owned())).unwrap_or_default()),
    }
}

/// A task by its id.
pub fn get(connection: &Connection, id: &TaskId) -> Result<Option<Task>, Fault> {
    connection
        .prepare_cached(select_tasks!(
            ", b.name FROM tasks t LEFT JOIN boards b ON b.id = t.board WHERE t.id = :id"
        ))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read a task")
}

/// Ids and titles of the tasks of a board whose ids begin with `beginning`, in the order of ids, at most `limit`.
pub fn list_beginning_with(
    connection: &Connection,
    board: &BoardKey,
    beginning: &TaskId,
    limit: u32,
) -> Result<Vec<(TaskId, String)>, Fault> {
    // Behind every id of this beginning: the digits end with f.
    let end = format!("{beginning}g");
    connection
        .prepare_cached(
            "SELECT id, title FROM tasks WHERE id >= :beginning AND id < :end AND board = :board ORDER BY id LIMIT :limit",
        )
        .and_then(|mut s| {
            let parameters = named_params! {
                ":beginning": beginning, ":end": end, ":board": board.number, ":limit": limit
            };
            s.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("list tasks by the beginning of their ids")
}

/// Status and board of a task, when only those are needed.
pub fn get_status(
    connection: &Connection,
    id: &TaskId,
) -> Result<Option<(TaskStatus, BoardName)>, Fault> {
    connection
        .prepare_cached(
            "SELECT t.status, b.name FROM tasks t JOIN boards b ON b.id = t.board WHERE t.id = :id",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .doing("read a task's status")
}

/// Whether a task is archived and was not done before.
pub fn was_archived_unfinished(connection: &Connection, id: &TaskId) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tasks WHERE id = :id AND status = 'archived' AND archived_from IS NOT 'done')",
        )
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)))
        .doing("read from where a task was archived")
}

/// What an insert was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The row is there.
    Yes,
    /// The id (or the idempotency key) is taken.
    Taken,
}

/// Adds a task. `idempotency_hash` is that of the request, when it has a key.
pub fn insert(
    connection: &Connection,
    task: &Task,
    idempotency_hash: Option<&str>,
) -> Result<Inserted, Fault> {
    let skills = names_or_null(task.skills.as_deref());
    let answer = connection
        .prepare_cached(
            "INSERT INTO tasks (id, board, title, body, assignee, status, priority, tenant, workspace_kind,
                                workspace_path, created_by, created_at, idempotency_key, idempotency_hash,
                                max_runtime_seconds, no_max_runtime, skills, ready_at, model, effort, args, status_since, reviewer,
                                reviewer_chosen, start_at, due_at, schedule_id, occurrence_at, arrived_at)
             VALUES (:id, (SELECT b.id FROM boards b WHERE b.name = :board), :title, :body, :assignee, :status,
                     :priority, :tenant, :workspace_kind, :workspace_path, :created_by, :created_at, :idempotency_key, :idempotency_hash,
                     :max_runtime_seconds, :no_max_runtime, :skills, :ready_at, :model, :effort, :args, :since,
                     :reviewer, :reviewer_chosen, :start_at, :due_at, :schedule_id, :occurrence_at, max(:created_at, coalesce((SELECT l.arrived_at FROM tasks l WHERE l.arrived_at IS NOT NULL
                                                ORDER BY l.seq DESC LIMIT 1), 0)))",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": task.id, ":board": task.board, ":title": task.title, ":body": task.body,
                ":assignee": task.assignee, ":status": task.status, ":priority": task.priority,
                ":tenant": task.tenant, ":workspace_kind": task.workspace_kind,
                ":workspace_path": task.workspace_path, ":created_by": task.created_by,
                ":created_at": task.created_at, ":idempotency_key": task.idempotency_key,
                ":idempotency_hash": idempotency_hash, ":max_runtime_seconds": task.max_runtime_seconds,
                ":no_max_runtime": task.no_max_runtime, ":skills": skills, ":ready_at": task.ready_at,
                ":model": task.model, ":effort": task.effort, ":args": list_or_null(&task.args), ":since": moves::status_since(task.status, task.created_at),
                ":reviewer": task.reviewer, ":reviewer_chosen": task.reviewer_chosen,
                ":start_at": task.start_at, ":due_at": task.due_at, ":schedule_id": task.schedule_id,
                ":occurrence_at": task.occurrence_at,
            })
        });
    match answer {
        Ok(_) => Ok(Inserted::Yes),
        Err(error) if is_unique_violation(&error) => Ok(Inserted::Taken),
        Err(error) => Err(error).doing("insert a task"),
    }
}

/// The task of `board` that is not archived and has this idempotency key, with the hash of its request.
pub fn find_by_idempotency_key(
    connection: &Connection,
    board: &BoardName,
    key: &str,
) -> Result<Option<(TaskId, Option<String>)>, Fault> {
    connection
        .prepare_cached(
            "SELECT id, idempotency_hash FROM tasks
             WHERE board = (SELECT b.id FROM boards b WHERE b.name = :board) AND idempotency_key = :key AND idempotency_key IS NOT NULL
               AND idempotency_key <> '' AND status <> 'archived'",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":board": board, ":key": key }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
        })
        .doing("look up an idempotency key")
}

/// Names as JSON; an empty list says that there are none, null says nothing.
fn names_or_null(names: Option<&[String]>) -> Option<String> {
    names.map(|names| serde_json::Value::from(names).to_string())
}

/// A list as JSON; null when it is empty.
pub(super) fn list_or_null(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| serde_json::Value::from(items).to_string())
}

/// Writes what a task says and asks for, and when. Not its assignee, its workspace and its labels, which have functions of their own.
pub fn set_content(connection: &Connection, task: &Task) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET title = :title, body = :body, tenant = :tenant, priority = :priority, model = :model,
                 effort = :effort, args = :args, skills = :skills, max_runtime_seconds = :max_runtime_seconds,
                 no_max_runtime = :no_max_runtime, start_at = :start_at, parked = :parked, due_at = :due_at
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": task.id, ":title": task.title, ":body": task.body, ":tenant": task.tenant,
                ":priority": task.priority, ":model": task.model, ":effort": task.effort,
                ":args": list_or_null(&task.args), ":skills": names_or_null(task.skills.as_deref()),
                ":max_runtime_seconds": task.max_runtime_seconds, ":no_max_runtime": task.no_max_runtime,
                ":start_at": task.start_at, ":parked": task.parked, ":due_at": task.due_at,
            })
        })
        .map(|_| ())
        .doing("edit a task")
}

/// Writes the id of the newest event that changed a field or the status.
pub fn set_version(connection: &Connection, id: &TaskId, version: EventId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET version = :version WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":version": version }))
        .map(|_| ())
        .doing("write the version of a task")
}

/// Writes where a task is worked on. What was known of the old workspace is forgotten: branch, repository, the wait for it.
pub fn set_workspace(connection: &Connection, task: &Task) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET workspace_kind = :kind, workspace_path = :path, branch_name = NULL, repository = NULL,
                 waits_for = NULL, waits_because = NULL, resume_run_id = NULL
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": task.id, ":kind": task.workspace_kind, ":path": task.workspace_path,
            })
        })
        .map(|_| ())
        .doing("write a workspace")
}

/// Every name that a task of any board is assigned to, archived ones included, in order.
pub fn list_assignees(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "list assignees";
    let mut statement = connection
        .prepare_cached(
            "SELECT DISTINCT assignee FROM tasks WHERE assignee IS NOT NULL ORDER BY assignee",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Writes the assignee. What the failures of the one before said, the back-off included, says nothing about the new one.
pub fn set_assignee(
    connection: &Connection,
    id: &TaskId,
    assignee: Option<&str>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET assignee = :assignee, not_before = CASE status WHEN 'review' THEN not_before END, spawn_failures = 0,
                 protocol_violations = 0, last_spawn_error = NULL, resume_run_id = NULL
             WHERE id = :id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":assignee": assignee }))
        .map(|_| ())
        .doing("assign a task")
}

/// Writes the failure counters and the last error.
pub fn set_failures(
    connection: &Connection,
    id: &TaskId,
    failures: u32,
    protocol_violations: u32,
    last_error: Option<&str>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET spawn_failures = :failures, protocol_violations = :violations, last_spawn_error = :error
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":failures": failures, ":violations": protocol_violations, ":error": last_error,
            })
        })
        .map(|_| ())
        .doing("count a failure")
}

/// Writes the last error, and counts nothing.
pub fn set_last_error(connection: &Connection, id: &TaskId, error: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET last_spawn_error = :error WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":error": error }))
        .map(|_| ())
        .doing("write the last error")
}

/// Writes that the next start goes on with the session of `run_id`.
pub fn set_resume(connection: &Connection, id: &TaskId, run_id: RunId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET resume_run_id = :run_id WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":run_id": run_id }))
        .map(|_| ())
        .doing("write the session to resume")
}

/// Counts one more automatic start.
pub fn count_automatic_start(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET auto_starts = auto_starts + 1 WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("count a start")
}

/// Takes one automatic start back: nothing was started, and the task is not to blame.
pub fn take_back_automatic_start(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET auto_starts = max(auto_starts - 1, 0) WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("undo a start")
}

/// Resets the count of automatic starts, and that of the whole running time with the next run.
pub fn reset_automatic_starts(connection: &Connection, id: &TaskId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET auto_starts = 0,
                 runtime_from_run_id = coalesce((SELECT max(r.id) FROM task_runs r WHERE r.task_id = tasks.id), 0)
             WHERE id = :id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("reset the count of starts")
}

/// Status of a task, to decide about its workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its status.
    pub status: TaskStatus,
    /// Since when it is over, if it is; else when it was made.
    pub since: EpochSeconds,
    /// Whether processes of it may be there.
    pub has_open_run: bool,
}

/// Where a task stands; none when it is not known.
pub fn standing(connection: &Connection, id: &TaskId) -> Result<Option<Standing>, Fault> {
    connection
        .prepare_cached(
            "SELECT status, coalesce(archived_at, completed_at, created_at),
                    EXISTS (SELECT 1 FROM task_runs r WHERE r.task_id = tasks.id AND r.closed_at IS NULL)
             FROM tasks WHERE id = :id",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                Ok(Standing { status: row.get(0)?, since: row.get(1)?, has_open_run: row.get(2)? })
            })
            .optional()
        })
        .doing("read the status of a task")
}

/// Writes the resolved workspace path.
pub fn set_workspace_path(connection: &Connection, id: &TaskId, path: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE tasks SET workspace_path = :path WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":path": path }))
        .map(|_| ())
        .doing("write a workspace path")
}

/// Writes the worker's PID while `run_id` is the task's current run.
pub fn set_worker_pid(
    connection: &Connection,
    id: &TaskId,
    run_id: RunId,
    pid: i64,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET worker_pid = :pid WHERE id = :id AND current_run_id = :run_id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":run_id": run_id, ":pid": pid }))
        .map(|_| ())
        .doing("write a worker's pid")
}

/// Writes a heartbeat, and the new end of the claim where it has one.
pub fn set_heartbeat(
    connection: &Connection,
    id: &TaskId,
    now: EpochSeconds,
    claim_expires: Option<EpochSeconds>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET last_heartbeat_at = :now, claim_expires = :expires WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":now": now, ":expires": claim_expires })
        })
        .map(|_| ())
        .doing("write a heartbeat")
}
