//! The body of an event: kind and payload in one. The fields of a variant are the keys of its payload, as they are stored.

use serde::Serialize;
use serde_json::Value;

use crate::kernel::event::{EventKind, Payload};
use crate::kernel::ids::{EpochSeconds, QuestionId, RunId, TaskId};
use crate::kernel::task::TaskStatus;

/// An attached file, as its events show it.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(missing_docs, reason = "each field is the payload key of the same name")]
pub struct FileFacts<'a> {
    pub attachment_id: i64,
    pub filename: &'a str,
    pub size_bytes: i64,
    pub sha256: &'a str,
}

/// An event that this program appends. Its meaning stands at its [`EventKind`]; a kind that has more than one shape has a
/// variant for each.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each field is the payload key of the same name")]
pub enum EventBody<'a> {
    Created {
        assignee: Option<&'a str>,
        status: TaskStatus,
        parents: Vec<&'a str>,
        tenant: Option<&'a str>,
        skills: Option<&'a [String]>,
        /// The schedule that made it.
        #[serde(skip_serializing_if = "Option::is_none")]
        schedule: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        occurrence_at: Option<EpochSeconds>,
        /// The setting for which it waits in triage.
        #[serde(skip_serializing_if = "Option::is_none")]
        held: Option<&'a str>,
    },
    Linked {
        parent: &'a TaskId,
        child: &'a TaskId,
    },
    Unlinked {
        parent: &'a TaskId,
        child: &'a TaskId,
    },
    /// By its last parent.
    Promoted,
    PromotedByOperator {
        forced: bool,
        reason: Option<&'a str>,
        unmet: &'a [String],
        status: TaskStatus,
    },
    Demoted {
        parent: &'a TaskId,
    },
    Assigned {
        assignee: Option<&'a str>,
    },
    Archived,
    Edited {
        fields: &'a [String],
    },
    Reprioritized {
        priority: i64,
    },
    Claimed {
        lock: &'a str,
        expires: Option<EpochSeconds>,
        run_id: RunId,
        /// `review`; none for work.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<&'static str>,
    },
    Spawned {
        pid: i64,
    },
    Heartbeat {
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<&'a str>,
    },
    Commented {
        author: &'a str,
        len: usize,
    },
    Attached(FileFacts<'a>),
    AttachmentRemoved(FileFacts<'a>),
    CompletionBlockedHallucination {
        phantom_cards: &'a [String],
    },
    Completed {
        result_len: usize,
        summary: Option<&'a str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        verified_cards: &'a [String],
    },
    /// `why`: a person reviews, in place of the profile that is the reviewer.
    ReviewRequested {
        reviewer: &'a str,
        round: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<&'a str>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        verified_cards: &'a [String],
    },
    Approved {
        summary: Option<&'a str>,
        round: u32,
    },
    ChangesRequested {
        what: Option<&'a str>,
        round: u32,
        status: TaskStatus,
    },
    Blocked {
        reason: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        question: Option<&'a QuestionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_at: Option<EpochSeconds>,
        /// Where it landed, unless that is `blocked`.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<TaskStatus>,
    },
    Asked {
        question: &'a QuestionId,
        text: &'a str,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        choices: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deadline_at: Option<EpochSeconds>,
        blocks: bool,
    },
    /// `status` is where a blocked task landed; none when its run goes on.
    Answered {
        question: &'a QuestionId,
        answer: &'a str,
        source: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<TaskStatus>,
    },
    AskOverdue {
        question: &'a QuestionId,
        deadline_at: Option<EpochSeconds>,
    },
    AskEnded {
        question: &'a QuestionId,
        outcome: &'static str,
    },
    /// A child of a task that was cancelled, or archived unfinished.
    ParentCancelled {
        reason: String,
        kind: &'static str,
        parent: &'a TaskId,
    },
    Unblocked,
    /// A task that was not running; a running one has been stopped.
    Cancelled {
        reason: Option<&'a str>,
        cancelled: bool,
    },
    Reopened {
        status: TaskStatus,
        demoted: usize,
    },
    Unarchived {
        status: TaskStatus,
        demoted: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        dropped_key: Option<&'a str>,
    },
    Scheduled {
        start_at: Option<EpochSeconds>,
        parked: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Unscheduled {
        status: TaskStatus,
    },
    StartDue {
        start_at: Option<EpochSeconds>,
        status: TaskStatus,
    },
    Overdue {
        due_at: Option<EpochSeconds>,
    },
    Triaged {
        reason: Option<&'a str>,
    },
    /// By an operator, or by an import.
    Reclaimed {
        stale_lock: Option<&'a str>,
        reason: Option<&'a str>,
    },
    /// A manual claim that had expired.
    ClaimExpired {
        stale_lock: &'a str,
    },
    /// The shim of the run was asked to stop it.
    ReclaimedBySupervisor {
        reason: &'a str,
    },
    Crashed {
        pid: Option<i64>,
        claimer: Option<&'a str>,
        error: &'a str,
        exit_code: Option<i32>,
        signal: Option<i32>,
    },
    Oom {
        pid: Option<i64>,
        max_rss_bytes: Option<i64>,
        memory_peak_bytes: Option<i64>,
    },
    TimedOut {
        pid: Option<i64>,
        error: &'a str,
        elapsed_seconds: Option<i64>,
        limit_seconds: Option<i64>,
        sigkill: bool,
    },
    SpawnFailed {
        error: &'a str,
        errno: Option<i32>,
        failures: u32,
    },
    ProtocolViolation {
        pid: Option<i64>,
        failures: u32,
        next: &'static str,
    },
    /// As the worker said.
    RateLimited {
        retry_at: Option<EpochSeconds>,
        reason: &'a str,
    },
    /// By the worker's exit code.
    RateLimitedByExit {
        retry_at: Option<EpochSeconds>,
    },
    Lost {
        reason: &'a str,
    },
    Stopped {
        reason: Option<&'a str>,
        then: &'static str,
    },
    WaitingLong {
        since: Option<EpochSeconds>,
        reason: &'a str,
        explanation: &'a str,
    },
    BreakerOpened {
        key: &'a str,
        until: Option<EpochSeconds>,
        error: Option<&'a str>,
    },
    BreakerClosed {
        key: &'a str,
    },
    /// By an operator; `reset` is true.
    BreakerReset {
        key: &'a str,
        reset: bool,
    },
    GaveUp {
        failures: u32,
        error: &'a str,
    },
    Unkillable {
        run_id: RunId,
    },
    Closed {
        run_id: RunId,
        exit_code: Option<i32>,
        signal: Option<i32>,
    },
    /// On an operator's word; `forced` is true, and nothing is known of the process.
    ClosedByForce {
        run_id: RunId,
        exit_code: (),
        signal: (),
        forced: bool,
        reason: Option<&'a str>,
    },
}

impl EventBody<'_> {
    /// The kind that is stored.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Created { .. } => EventKind::Created,
            Self::Linked { .. } => EventKind::Linked,
            Self::Unlinked { .. } => EventKind::Unlinked,
            Self::Promoted | Self::PromotedByOperator { .. } => EventKind::Promoted,
            Self::Demoted { .. } => EventKind::Demoted,
            Self::Assigned { .. } => EventKind::Assigned,
            Self::Archived | Self::Cancelled { .. } => EventKind::Archived,
            Self::Edited { .. } => EventKind::Edited,
            Self::Reprioritized { .. } => EventKind::Reprioritized,
            Self::Claimed { .. } => EventKind::Claimed,
            Self::Spawned { .. } => EventKind::Spawned,
            Self::Heartbeat { .. } => EventKind::Heartbeat,
            Self::Commented { .. } => EventKind::Commented,
            Self::Attached(_) => EventKind::Attached,
            Self::AttachmentRemoved(_) => EventKind::AttachmentRemoved,
            Self::CompletionBlockedHallucination { .. } => {
                EventKind::CompletionBlockedHallucination
            }
            Self::Completed { .. } => EventKind::Completed,
            Self::ReviewRequested { .. } => EventKind::ReviewRequested,
            Self::Approved { .. } => EventKind::Approved,
            Self::ChangesRequested { .. } => EventKind::ChangesRequested,
            Self::Blocked { .. } | Self::ParentCancelled { .. } => EventKind::Blocked,
            Self::Asked { .. } => EventKind::Asked,
            Self::Answered { .. } => EventKind::Answered,
            Self::AskOverdue { .. } => EventKind::AskOverdue,
            Self::AskEnded { .. } => EventKind::AskEnded,
            Self::Unblocked => EventKind::Unblocked,
            Self::Reopened { .. } => EventKind::Reopened,
            Self::Unarchived { .. } => EventKind::Unarchived,
            Self::Triaged { .. } => EventKind::Triaged,
            Self::Scheduled { .. } => EventKind::Scheduled,
            Self::Unscheduled { .. } => EventKind::Unscheduled,
            Self::StartDue { .. } => EventKind::StartDue,
            Self::Overdue { .. } => EventKind::Overdue,
            Self::Reclaimed { .. }
            | Self::ClaimExpired { .. }
            | Self::ReclaimedBySupervisor { .. } => EventKind::Reclaimed,
            Self::Crashed { .. } => EventKind::Crashed,
            Self::Oom { .. } => EventKind::Oom,
            Self::TimedOut { .. } => EventKind::TimedOut,
            Self::SpawnFailed { .. } => EventKind::SpawnFailed,
            Self::ProtocolViolation { .. } => EventKind::ProtocolViolation,
            Self::RateLimited { .. } | Self::RateLimitedByExit { .. } => EventKind::RateLimited,
            Self::Lost { .. } => EventKind::Lost,
            Self::Stopped { .. } => EventKind::Stopped,
            Self::WaitingLong { .. } => EventKind::WaitingLong,
            Self::BreakerOpened { .. } => EventKind::BreakerOpened,
            Self::BreakerClosed { .. } | Self::BreakerReset { .. } => EventKind::BreakerClosed,
            Self::GaveUp { .. } => EventKind::GaveUp,
            Self::Unkillable { .. } => EventKind::Unkillable,
            Self::Closed { .. } | Self::ClosedByForce { .. } => EventKind::Closed,
        }
    }

    /// The payload that is stored; none when there is nothing to say. The only place in which payloads are made.
    pub fn payload(&self) -> Option<Payload> {
        // Texts, numbers and lists of texts below fixed keys can always be written.
        match serde_json::to_value(self) {
            Ok(Value::Object(keys)) => Some(keys).filter(|keys| !keys.is_empty()),
            Ok(_) | Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
