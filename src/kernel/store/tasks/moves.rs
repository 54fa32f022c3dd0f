//! The status of a task, and the columns that go with each.

use rusqlite::named_params;

use super::super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::task::TaskStatus;

/// What a task's row says in its new status, beside the status.
#[derive(Debug, Clone, Copy)]
pub enum Arrival<'a> {
    /// Nothing more.
    Plain,
    /// The time before which it is not started automatically.
    NotBefore(Option<EpochSeconds>),
    /// `running`: who works on it.
    Claimed {
        /// The claim's lock.
        lock: &'a str,
        /// When a manual claim ends.
        expires: Option<EpochSeconds>,
        /// Its run.
        run_id: RunId,
    },
    /// `done`: its result; its failures are forgotten.
    Done {
        /// Short result.
        result: Option<&'a str>,
    },
    /// `archived`: the time is kept.
    Archived,
}

/// Moves a task from a status to another. False when its row is in another; the caller must not go on then.
pub fn set_status(
    connection: &Connection,
    id: &TaskId,
    (from, to): (TaskStatus, TaskStatus),
    arrival: &Arrival<'_>,
    now: EpochSeconds,
) -> Result<bool, Fault> {
    let doing = "move a task";
    let since = status_since(to, now);
    let changed = match *arrival {
        Arrival::Plain | Arrival::NotBefore(_) | Arrival::Archived => {
            let ready_at = (to == TaskStatus::Ready).then_some(now);
            let not_before = match arrival {
                Arrival::NotBefore(not_before) => *not_before,
                Arrival::Plain | Arrival::Claimed { .. } | Arrival::Done { .. } | Arrival::Archived => None,
            };
            connection
                .prepare_cached(
                    "UPDATE tasks
             SET status = :to, claim_lock = NULL, claim_expires = NULL, worker_pid = NULL, current_run_id = NULL,
                 not_before = :not_before, ready_at = :ready_at, resume_run_id = NULL, status_since = :since
             WHERE id = :id AND status = :from",
                )
                .and_then(|mut s| {
                    s.execute(named_params! {
                        ":id": id, ":from": from, ":to": to, ":not_before": not_before, ":ready_at": ready_at,
                        ":since": since,
                    })
                })
        }
        Arrival::Claimed { lock, expires, run_id } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, claim_lock = :lock, claim_expires = :expires, current_run_id = :run_id,
                 started_at = coalesce(started_at, :now), last_heartbeat_at = NULL, worker_pid = NULL,
                 not_before = NULL, ready_at = NULL, resume_run_id = NULL, status_since = :since
             WHERE id = :id AND status = :from AND claim_lock IS NULL",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":lock": lock, ":expires": expires, ":run_id": run_id,
                    ":now": now, ":since": since,
                })
            }),
        Arrival::Done { result } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, result = :result, completed_at = :now, claim_lock = NULL, claim_expires = NULL,
                 worker_pid = NULL, current_run_id = NULL, not_before = NULL, ready_at = NULL,
                 resume_run_id = NULL, spawn_failures = 0, protocol_violations = 0, last_spawn_error = NULL,
                 status_since = :since
             WHERE id = :id AND status = :from",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":result": result, ":now": now, ":since": since,
                })
            }),
    };
    let is_moved = changed.doing(doing)? == 1;
    if is_moved && matches!(arrival, Arrival::Archived) {
        connection
            .prepare_cached("UPDATE tasks SET archived_at = :now WHERE id = :id")
            .and_then(|mut s| s.execute(named_params! { ":id": id, ":now": now }))
            .doing(doing)?;
    }
    Ok(is_moved)
}

/// Since when a task is in a status that is listed by that time; none in the others.
pub(in crate::kernel::store) fn status_since(
    status: TaskStatus,
    now: EpochSeconds,
) -> Option<EpochSeconds> {
    match status {
        TaskStatus::Running | TaskStatus::Blocked => Some(now),
        TaskStatus::Triage
        | TaskStatus::Todo
        | TaskStatus::Ready
        | TaskStatus::Done
        | TaskStatus::Archived => None,
    }
}
