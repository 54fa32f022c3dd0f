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
        /// Where a person works on it.
        workspace: Option<&'a str>,
    },
    /// `blocked`: what it needs.
    Blocked {
        /// The kind of the block, where it is known.
        kind: Option<&'a str>,
    },
    /// `done`: its result; its failures and rounds are forgotten.
    Done {
        /// Short result.
        result: Option<&'a str>,
        /// Whether the result that it was handed in with stays when there is no new one.
        keeps_result: bool,
    },
    /// Handed in by its worker: a review is open, and its failures are forgotten.
    HandedIn {
        /// Short result.
        result: Option<&'a str>,
    },
    /// Sent to review by a person: a review is open, its end and its failures are forgotten.
    ReviewRequested,
    /// Its review is over, and it goes on with the next round.
    SentBack,
    /// `review`, where a person reviews.
    PersonReviews {
        /// Why, in place of the profile that is its reviewer.
        why: &'a str,
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

/// Whether a task waits for a start in its new status.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// Whether it stands in a queue, or would with an assignee.
    pub is_pending: bool,
    /// In review: why a person reviews, in place of the profile that is its reviewer.
    pub review_why: Option<&'a str>,
}

/// Moves a task from a status to another. False when its row is in another; the caller must not go on then. `version` is the id
/// of the event that tells of it.
pub fn set_status(
    connection: &Connection,
    id: &TaskId,
    (from, to): (TaskStatus, TaskStatus),
    (arrival, start): (&Arrival<'_>, Start<'_>),
    (version, now): (EventId, EpochSeconds),
) -> Result<bool, Fault> {
    let doing = "move a task";
    let since = status_since(to, now);
    // Before the status: a key that another task has by now must be gone when this one leaves the archive.
    arrive(connection, id, arrival, now)?;
    let changed = match *arrival {
        Arrival::Claimed { lock, expires, run_id, workspace } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, claim_lock = :lock, claim_expires = :expires, current_run_id = :run_id,
                 workspace_path = coalesce(:workspace, workspace_path),
                 started_at = coalesce(started_at, :now), last_heartbeat_at = NULL, worker_pid = NULL,
                 not_before = NULL, ready_at = NULL, resume_run_id = NULL, status_since = :since, block_kind = NULL,
                 version = :version
             WHERE id = :id AND status = :from AND claim_lock IS NULL",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":lock": lock, ":expires": expires, ":run_id": run_id, ":workspace": workspace,
                    ":now": now, ":since": since, ":version": version,
                })
            }),
        Arrival::Done { result, keeps_result } => connection
            .prepare_cached(
                "UPDATE tasks
             SET status = :to, result = CASE WHEN :keeps_result THEN coalesce(:result, result) ELSE :result END, completed_at = :now, claim_lock = NULL, claim_expires = NULL,
                 worker_pid = NULL, current_run_id = NULL, not_before = NULL, ready_at = NULL,
                 resume_run_id = NULL, spawn_failures = 0, protocol_violations = 0, last_spawn_error = NULL,
                 status_since = :since, block_kind = NULL, review_open = 0, review_round = 1, review_failures = 0,
                 review_violations = 0, review_why = NULL, start_at = NULL, parked = 0,
                 blocks_in_a_row = 0, version = :version
             WHERE id = :id AND status = :from",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":id": id, ":from": from, ":to": to, ":result": result, ":keeps_result": keeps_result,
                    ":now": now, ":since": since, ":version": version,
                })
            }),
        Arrival::Plain
        | Arrival::NotBefore(_)
        | Arrival::Blocked { .. }
        | Arrival::Untimed
        | Arrival::Reopened
        | Arrival::HandedIn { .. }
        | Arrival::ReviewRequested
        | Arrival::SentBack
        | Arrival::PersonReviews { .. }
        | Arrival::Archived { .. }
        | Arrival::Unarchived { .. } => {
            let ready_at = start.is_pending.then_some(now);
            connection
                .prepare_cached(
                    "UPDATE tasks
             SET status = :to, claim_lock = NULL, claim_expires = NULL, worker_pid = NULL, current_run_id = NULL,
                 not_before = :not_before, ready_at = :ready_at, resume_run_id = NULL, status_since = :since,
                 block_kind = :block_kind, review_why = :review_why, version = :version
             WHERE id = :id AND status = :from",
                )
                .and_then(|mut s| {
                    s.execute(named_params! {
                        ":id": id, ":from": from, ":to": to,
                        ":not_before": arrival.not_before().filter(|_| start.is_pending),
                        ":ready_at": ready_at, ":since": since, ":block_kind": arrival.block_kind(),
                        ":review_why": start.review_why, ":version": version,
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
        | Arrival::PersonReviews { .. }
        | Arrival::Done { .. } => return Ok(()),
        Arrival::HandedIn { result } => {
            return connection
                .prepare_cached(
                    "UPDATE tasks SET review_open = 1, result = :result, spawn_failures = 0, protocol_violations = 0,
                       last_spawn_error = NULL, review_failures = 0, review_violations = 0 WHERE id = :id",
                )
                .and_then(|mut s| s.execute(named_params! { ":id": id, ":result": result }))
                .map(|_| ())
                .doing("hand in a task");
        }
        Arrival::ReviewRequested => {
            "UPDATE tasks SET review_open = 1, completed_at = NULL, spawn_failures = 0, protocol_violations = 0,
               last_spawn_error = NULL, review_failures = 0, review_violations = 0 WHERE id = :id"
        }
        Arrival::SentBack => {
            "UPDATE tasks SET review_open = 0, review_round = review_round + 1, result = NULL, spawn_failures = 0,
               protocol_violations = 0, last_spawn_error = NULL, review_failures = 0, review_violations = 0 WHERE id = :id"
        }
        Arrival::Untimed => "UPDATE tasks SET start_at = NULL, parked = 0 WHERE id = :id",
        Arrival::Reopened => {
            "UPDATE tasks SET completed_at = NULL, result = NULL, spawn_failures = 0, protocol_violations = 0,
               last_spawn_error = NULL, review_round = 1 WHERE id = :id"
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
    /// When it may be started automatically.
    fn not_before(&self) -> Option<EpochSeconds> {
        match self {
            Self::NotBefore(time) => *time,
            Self::Plain
            | Self::Claimed { .. }
            | Self::Blocked { .. }
            | Self::Done { .. }
            | Self::Untimed
            | Self::Reopened
            | Self::HandedIn { .. }
            | Self::ReviewRequested
            | Self::SentBack
            | Self::PersonReviews { .. }
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
            | Self::HandedIn { .. }
            | Self::ReviewRequested
            | Self::SentBack
            | Self::PersonReviews { .. }
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
