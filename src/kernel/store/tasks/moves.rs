//! The status of a task, and the columns that go with each.

use rusqlite::named_params;

use super::super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, EventId, RunId, TaskId};
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
    /// `blocked`: what it needs.
    Blocked {
        /// The kind of the block, where it is known.
        kind: Option<&'a str>,
    },
    /// `done`: its result; its failures are forgotten.
    Done {
        /// Short result.
        result: Option<&'a str>,
    },
    /// Where it lands, out of its time: it waits for none any longer.
    Untimed,
    /// To be done again: its end and its failures are forgotten.
    Reopened,
    /// `archived`: the time is kept, and from where it came.
    Archived {
        /// Its status before.
        from: TaskStatus,
    },
    /// Back from the archive.
    Unarchived {
        /// Whether another task has its idempotency key by now.
        drops_key: bool,
    },
}

/// Moves a task from a status to another. False when its row is in another; the caller must not go on then. `version` is the id
/// of the event that tells of it.
pub fn set_status(
    connection: &Connection,
    id: &TaskId,
    (from, to): (TaskStatus, TaskStatus),
    arrival: &Arrival<'_>,
    (version, now): (EventId, EpochSeconds),
) -> Result<bool, Fault> {
    let doing = "move a task";
    let since = status_since(to, now);
    // Before the status: a key that another task has by now must be gone when this one leaves the archive.
    arrive(connection, id, arrival, now)?;
    let changed = match *arrival {
        Arrival::Claimed { lock, expires, run_id } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, claim_lock = :lock, claim_expires = :expires, current_run_id = :run_id,
                 started_at = coalesce(started_at, :now), last_heartbeat_at = NULL, worker_pid = NULL,
                 not_before = NULL, ready_at = NULL, resume_run_id = NULL, status_since = :since, version = :version
             WHERE id = :id AND status = :from AND claim_lock IS NULL",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":lock": lock, ":expires": expires, ":run_id": run_id,
                    ":now": now, ":since": since, ":version": version,
                })
            }),
        Arrival::Done { result } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, result = :result, completed_at = :now, claim_lock = NULL, claim_expires = NULL,
                 worker_pid = NULL, current_run_id = NULL, not_before = NULL, ready_at = NULL,
                 resume_run_id = NULL, spawn_failures = 0, protocol_violations = 0, last_spawn_error = NULL,
                 status_since = :since, block_kind = NULL, review_open = 0, start_at = NULL, parked = 0,
                 version = :version
             WHERE id = :id AND status = :from",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":result": result, ":now": now, ":since": since,
                    ":version": version,
                })
            }),
        Arrival::Plain
        | Arrival::NotBefore(_)
        | Arrival::Blocked { .. }
        | Arrival::Untimed
        | Arrival::Reopened
        | Arrival::Archived { .. }
        | Arrival::Unarchived { .. } => {
            let ready_at = (to == TaskStatus::Ready).then_some(now);
            connection
                .prepare_cached(
                    "UPDATE tasks
             SET status = :to, claim_lock = NULL, claim_expires = NULL, worker_pid = NULL, current_run_id = NULL,
                 not_before = :not_before, ready_at = :ready_at, resume_run_id = NULL, status_since = :since,
                 block_kind = :block_kind, version = :version
             WHERE id = :id AND status = :from",
                )
                .and_then(|mut s| {
                    s.execute(named_params! {
                        ":id": id, ":from": from, ":to": to, ":not_before": arrival.not_before(to),
                        ":ready_at": ready_at, ":since": since, ":block_kind": arrival.block_kind(),
                        ":version": version,
                    })
                })
        }
    };
    Ok(changed.doing(doing)? == 1)
}

/// What only few moves write.
fn arrive(
    connection: &Connection,
    id: &TaskId,
    arrival: &Arrival<'_>,
    now: EpochSeconds,
) -> Result<(), Fault> {
    let sql = match arrival {
        Arrival::Plain
        | Arrival::NotBefore(_)
        | Arrival::Claimed { .. }
        | Arrival::Blocked { .. }
        | Arrival::Done { .. } => return Ok(()),
        Arrival::Untimed => "UPDATE tasks SET start_at = NULL, parked = 0 WHERE id = :id",
        Arrival::Reopened => {
            "UPDATE tasks SET completed_at = NULL, result = NULL, spawn_failures = 0, protocol_violations = 0,
               last_spawn_error = NULL WHERE id = :id"
        }
        Arrival::Archived { from } => {
            return connection
                .prepare_cached(
                    "UPDATE tasks SET archived_at = :now, archived_from = :from WHERE id = :id",
                )
                .and_then(|mut s| s.execute(named_params! { ":id": id, ":now": now, ":from": from }))
                .map(|_| ())
                .doing("archive a task");
        }
        Arrival::Unarchived { drops_key: false } => {
            "UPDATE tasks SET archived_at = NULL, archived_from = NULL WHERE id = :id"
        }
        Arrival::Unarchived { drops_key: true } => {
            "UPDATE tasks SET archived_at = NULL, archived_from = NULL, idempotency_key = NULL, idempotency_hash = NULL
             WHERE id = :id"
        }
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut s| s.execute(named_params! { ":id": id }))
        .map(|_| ())
        .doing("move a task")
}

impl Arrival<'_> {
    /// When it may be started automatically; only where a start is pending.
    fn not_before(&self, to: TaskStatus) -> Option<EpochSeconds> {
        match self {
            Self::NotBefore(time) if matches!(to, TaskStatus::Ready | TaskStatus::Review) => *time,
            Self::NotBefore(_)
            | Self::Plain
            | Self::Claimed { .. }
            | Self::Blocked { .. }
            | Self::Done { .. }
            | Self::Untimed
            | Self::Reopened
            | Self::Archived { .. }
            | Self::Unarchived { .. } => None,
        }
    }

    fn block_kind(&self) -> Option<&str> {
        match self {
            Self::Blocked { kind } => *kind,
            Self::Plain
            | Self::NotBefore(_)
            | Self::Claimed { .. }
            | Self::Done { .. }
            | Self::Untimed
            | Self::Reopened
            | Self::Archived { .. }
            | Self::Unarchived { .. } => None,
        }
    }
}

/// Since when a task is in a status that is listed by that time; none in the others.
pub(in crate::kernel::store) fn status_since(
    status: TaskStatus,
    now: EpochSeconds,
) -> Option<EpochSeconds> {
    match status {
        TaskStatus::Running | TaskStatus::Blocked | TaskStatus::Review => Some(now),
        TaskStatus::Triage
        | TaskStatus::Todo
        | TaskStatus::Scheduled
        | TaskStatus::Ready
        | TaskStatus::Done
        | TaskStatus::Archived => None,
    }
}
