//! The body of an event: kind and payload in one. The fields of a variant are the keys of its payload, as they are stored.

use serde::Serialize;
use serde_json::Value;

use crate::kernel::event::{EventKind, Payload};
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
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
    Blocked {
        reason: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<&'a str>,
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
    },
    Unscheduled {
        status: TaskStatus,
    },
    StartDue {
        start_at: Option<EpochSeconds>,
        status: TaskStatus,
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
            Self::Blocked { .. } | Self::ParentCancelled { .. } => EventKind::Blocked,
            Self::Unblocked => EventKind::Unblocked,
            Self::Reopened { .. } => EventKind::Reopened,
            Self::Unarchived { .. } => EventKind::Unarchived,
            Self::Triaged { .. } => EventKind::Triaged,
            Self::Scheduled { .. } => EventKind::Scheduled,
            Self::Unscheduled { .. } => EventKind::Unscheduled,
            Self::StartDue { .. } => EventKind::StartDue,
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
mod tests {
    use super::*;

    /// Each shape, and the kind and payload as the database holds them.
    #[expect(clippy::too_many_lines, reason = "one row per shape")]
    fn shapes<'a>(
        parent: &'a TaskId,
        child: &'a TaskId,
        words: &'a [String],
    ) -> Vec<(EventBody<'a>, &'static str)> {
        use EventBody as E;
        let file = FileFacts { attachment_id: 4, filename: "a.txt", size_bytes: 9, sha256: "5e" };
        vec![
            (
                E::Created {
                    assignee: Some("qa"),
                    status: TaskStatus::Ready,
                    parents: vec!["t_1"],
                    tenant: None,
                    skills: Some(words),
                },
                r#"created {"assignee":"qa","parents":["t_1"],"skills":["one","two"],"status":"ready","tenant":null}"#,
            ),
            (
                E::Created {
                    assignee: None,
                    status: TaskStatus::Triage,
                    parents: vec![],
                    tenant: Some("acme"),
                    skills: None,
                },
                r#"created {"assignee":null,"parents":[],"skills":null,"status":"triage","tenant":"acme"}"#,
            ),
            (E::Linked { parent, child }, r#"linked {"child":"t_00000002","parent":"t_00000001"}"#),
            (
                E::Unlinked { parent, child },
                r#"unlinked {"child":"t_00000002","parent":"t_00000001"}"#,
            ),
            (
                E::ParentCancelled { reason: "gone".to_owned(), kind: "parent_cancelled", parent },
                r#"blocked {"kind":"parent_cancelled","parent":"t_00000001","reason":"gone"}"#,
            ),
            (
                E::Reopened { status: TaskStatus::Todo, demoted: 2 },
                r#"reopened {"demoted":2,"status":"todo"}"#,
            ),
            (
                E::Unarchived { status: TaskStatus::Done, demoted: 0, dropped_key: None },
                r#"unarchived {"demoted":0,"status":"done"}"#,
            ),
            (
                E::Unarchived { status: TaskStatus::Ready, demoted: 0, dropped_key: Some("k") },
                r#"unarchived {"demoted":0,"dropped_key":"k","status":"ready"}"#,
            ),
            (
                E::Scheduled { start_at: Some(9), parked: false },
                r#"scheduled {"parked":false,"start_at":9}"#,
            ),
            (E::Unscheduled { status: TaskStatus::Todo }, r#"unscheduled {"status":"todo"}"#),
            (
                E::StartDue { start_at: Some(9), status: TaskStatus::Ready },
                r#"start_due {"start_at":9,"status":"ready"}"#,
            ),
            (E::Triaged { reason: None }, r#"triaged {"reason":null}"#),
            (E::Promoted, "promoted"),
            (
                E::PromotedByOperator {
                    forced: true,
                    reason: None,
                    unmet: words,
                    status: TaskStatus::Ready,
                },
                r#"promoted {"forced":true,"reason":null,"status":"ready","unmet":["one","two"]}"#,
            ),
            (E::Demoted { parent }, r#"demoted {"parent":"t_00000001"}"#),
            (E::Assigned { assignee: None }, r#"assigned {"assignee":null}"#),
            (E::Archived, "archived"),
            (
                E::Cancelled { reason: Some("no"), cancelled: true },
                r#"archived {"cancelled":true,"reason":"no"}"#,
            ),
            (E::Edited { fields: words }, r#"edited {"fields":["one","two"]}"#),
            (E::Reprioritized { priority: -3 }, r#"reprioritized {"priority":-3}"#),
            (
                E::Claimed { lock: "bob@desk", expires: None, run_id: 7 },
                r#"claimed {"expires":null,"lock":"bob@desk","run_id":7}"#,
            ),
            (E::Spawned { pid: 12 }, r#"spawned {"pid":12}"#),
            (E::Heartbeat { note: None }, "heartbeat"),
            (E::Heartbeat { note: Some("half") }, r#"heartbeat {"note":"half"}"#),
            (E::Commented { author: "ada", len: 5 }, r#"commented {"author":"ada","len":5}"#),
            (
                E::Attached(file),
                r#"attached {"attachment_id":4,"filename":"a.txt","sha256":"5e","size_bytes":9}"#,
            ),
            (
                E::AttachmentRemoved(file),
                r#"attachment_removed {"attachment_id":4,"filename":"a.txt","sha256":"5e","size_bytes":9}"#,
            ),
            (
                E::CompletionBlockedHallucination { phantom_cards: words },
                r#"completion_blocked_hallucination {"phantom_cards":["one","two"]}"#,
            ),
            (
                E::Completed { result_len: 3, summary: None, verified_cards: &[] },
                r#"completed {"result_len":3,"summary":null}"#,
            ),
            (
                E::Completed { result_len: 0, summary: Some("s"), verified_cards: words },
                r#"completed {"result_len":0,"summary":"s","verified_cards":["one","two"]}"#,
            ),
            (E::Blocked { reason: None, kind: None }, r#"blocked {"reason":null}"#),
            (
                E::Blocked { reason: Some("key"), kind: Some("needs_input") },
                r#"blocked {"kind":"needs_input","reason":"key"}"#,
            ),
            (E::Unblocked, "unblocked"),
            (
                E::Reclaimed { stale_lock: Some("l"), reason: None },
                r#"reclaimed {"reason":null,"stale_lock":"l"}"#,
            ),
            (E::ClaimExpired { stale_lock: "l" }, r#"reclaimed {"stale_lock":"l"}"#),
            (E::ReclaimedBySupervisor { reason: "host" }, r#"reclaimed {"reason":"host"}"#),
            (
                E::Crashed {
                    pid: None,
                    claimer: Some("l"),
                    error: "e",
                    exit_code: Some(1),
                    signal: None,
                },
                r#"crashed {"claimer":"l","error":"e","exit_code":1,"pid":null,"signal":null}"#,
            ),
            (
                E::Oom { pid: Some(1), max_rss_bytes: Some(2), memory_peak_bytes: None },
                r#"oom {"max_rss_bytes":2,"memory_peak_bytes":null,"pid":1}"#,
            ),
            (
                E::TimedOut {
                    pid: None,
                    error: "e",
                    elapsed_seconds: Some(4),
                    limit_seconds: None,
                    sigkill: true,
                },
                r#"timed_out {"elapsed_seconds":4,"error":"e","limit_seconds":null,"pid":null,"sigkill":true}"#,
            ),
            (
                E::SpawnFailed { error: "e", errno: Some(2), failures: 1 },
                r#"spawn_failed {"errno":2,"error":"e","failures":1}"#,
            ),
            (
                E::ProtocolViolation { pid: Some(1), failures: 2, next: "retry" },
                r#"protocol_violation {"failures":2,"next":"retry","pid":1}"#,
            ),
            (
                E::RateLimited { retry_at: Some(9), reason: "r" },
                r#"rate_limited {"reason":"r","retry_at":9}"#,
            ),
            (E::RateLimitedByExit { retry_at: None }, r#"rate_limited {"retry_at":null}"#),
            (E::Lost { reason: "r" }, r#"lost {"reason":"r"}"#),
            (E::Stopped { reason: None, then: "hold" }, r#"stopped {"reason":null,"then":"hold"}"#),
            (
                E::WaitingLong { since: Some(1), reason: "host_busy", explanation: "x" },
                r#"waiting_long {"explanation":"x","reason":"host_busy","since":1}"#,
            ),
            (
                E::BreakerOpened { key: "host", until: Some(8), error: None },
                r#"breaker_opened {"error":null,"key":"host","until":8}"#,
            ),
            (E::BreakerClosed { key: "host" }, r#"breaker_closed {"key":"host"}"#),
            (
                E::BreakerReset { key: "host", reset: true },
                r#"breaker_closed {"key":"host","reset":true}"#,
            ),
            (E::GaveUp { failures: 5, error: "e" }, r#"gave_up {"error":"e","failures":5}"#),
            (E::Unkillable { run_id: 7 }, r#"unkillable {"run_id":7}"#),
            (
                E::Closed { run_id: 7, exit_code: Some(0), signal: None },
                r#"closed {"exit_code":0,"run_id":7,"signal":null}"#,
            ),
            (
                E::ClosedByForce {
                    run_id: 7,
                    exit_code: (),
                    signal: (),
                    forced: true,
                    reason: None,
                },
                r#"closed {"exit_code":null,"forced":true,"reason":null,"run_id":7,"signal":null}"#,
            ),
        ]
    }

    #[test]
    fn every_kind_of_event_is_stored_under_its_old_keys() {
        let (parent, child) =
            (TaskId::parse("t_00000001").unwrap(), TaskId::parse("t_00000002").unwrap());
        let words = ["one".to_owned(), "two".to_owned()];
        let shapes = shapes(&parent, &child, &words);
        for (body, expected) in &shapes {
            let payload = body.payload().map(|keys| format!(" {}", Value::Object(keys)));
            let stored = format!("{}{}", body.kind().as_str(), payload.unwrap_or_default());
            assert_eq!(stored, *expected, "{body:?}");
        }
        for kind in EventKind::ALL {
            assert!(shapes.iter().any(|(body, _)| body.kind() == *kind), "{kind:?} has no shape");
        }
    }
}
