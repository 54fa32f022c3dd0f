//! Tests of [`super`].

use super::*;

/// Each shape, and the kind and payload as the database holds them.
#[expect(clippy::too_many_lines, reason = "one row per shape")]
fn shapes<'a>(
    parent: &'a TaskId,
    child: &'a TaskId,
    question: &'a QuestionId,
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
                schedule: None,
                occurrence_at: None,
                held: None,
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
                schedule: Some("nightly"),
                occurrence_at: Some(9),
                held: Some("may_assign"),
            },
            r#"created {"assignee":null,"held":"may_assign","occurrence_at":9,"parents":[],"schedule":"nightly","skills":null,"status":"triage","tenant":"acme"}"#,
        ),
        (E::Linked { parent, child }, r#"linked {"child":"t_00000002","parent":"t_00000001"}"#),
        (E::Unlinked { parent, child }, r#"unlinked {"child":"t_00000002","parent":"t_00000001"}"#),
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
            E::Scheduled { start_at: Some(9), parked: false, reason: None },
            r#"scheduled {"parked":false,"start_at":9}"#,
        ),
        (
            E::Scheduled { start_at: None, parked: true, reason: Some("later") },
            r#"scheduled {"parked":true,"reason":"later","start_at":null}"#,
        ),
        (E::Overdue { due_at: Some(9) }, r#"overdue {"due_at":9}"#),
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
            E::Claimed { lock: "bob@desk", expires: None, run_id: 7, role: None },
            r#"claimed {"expires":null,"lock":"bob@desk","run_id":7}"#,
        ),
        (
            E::Claimed { lock: "kanband/qa", expires: None, run_id: 7, role: Some("review") },
            r#"claimed {"expires":null,"lock":"kanband/qa","role":"review","run_id":7}"#,
        ),
        (
            E::ReviewRequested {
                reviewer: "qa",
                round: 1,
                summary: Some("s"),
                why: None,
                verified_cards: words,
            },
            r#"review_requested {"reviewer":"qa","round":1,"summary":"s","verified_cards":["one","two"]}"#,
        ),
        (
            E::ReviewRequested {
                reviewer: "human",
                round: 4,
                summary: None,
                why: Some("w"),
                verified_cards: &[],
            },
            r#"review_requested {"reviewer":"human","round":4,"why":"w"}"#,
        ),
        (E::Approved { summary: None, round: 2 }, r#"approved {"round":2,"summary":null}"#),
        (
            E::ChangesRequested { what: Some("w"), round: 1, status: TaskStatus::Ready },
            r#"changes_requested {"round":1,"status":"ready","what":"w"}"#,
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
        (
            E::Blocked { reason: None, kind: None, question: None, retry_at: None, status: None },
            r#"blocked {"reason":null}"#,
        ),
        (
            E::Asked {
                question,
                text: "which?",
                choices: words,
                default: Some("one"),
                deadline_at: Some(9),
                blocks: true,
            },
            r#"asked {"blocks":true,"choices":["one","two"],"deadline_at":9,"default":"one","question":"q_00000003","text":"which?"}"#,
        ),
        (
            E::Asked {
                question,
                text: "which?",
                choices: &[],
                default: None,
                deadline_at: None,
                blocks: false,
            },
            r#"asked {"blocks":false,"question":"q_00000003","text":"which?"}"#,
        ),
        (
            E::Answered {
                question,
                answer: "one",
                source: "person",
                status: Some(TaskStatus::Ready),
            },
            r#"answered {"answer":"one","question":"q_00000003","source":"person","status":"ready"}"#,
        ),
        (
            E::Answered { question, answer: "one", source: "default", status: None },
            r#"answered {"answer":"one","question":"q_00000003","source":"default"}"#,
        ),
        (
            E::AskOverdue { question, deadline_at: Some(9) },
            r#"ask_overdue {"deadline_at":9,"question":"q_00000003"}"#,
        ),
        (
            E::AskEnded { question, outcome: "withdrawn" },
            r#"ask_ended {"outcome":"withdrawn","question":"q_00000003"}"#,
        ),
        (
            E::Blocked {
                reason: Some("key"),
                kind: Some("needs_input"),
                question: Some(question),
                retry_at: None,
                status: None,
            },
            r#"blocked {"kind":"needs_input","question":"q_00000003","reason":"key"}"#,
        ),
        (
            E::Blocked {
                reason: Some("net"),
                kind: Some("transient"),
                question: None,
                retry_at: Some(9),
                status: Some(TaskStatus::Ready),
            },
            r#"blocked {"kind":"transient","reason":"net","retry_at":9,"status":"ready"}"#,
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
            E::ClosedByForce { run_id: 7, exit_code: (), signal: (), forced: true, reason: None },
            r#"closed {"exit_code":null,"forced":true,"reason":null,"run_id":7,"signal":null}"#,
        ),
    ]
}

#[test]
fn every_kind_of_event_is_stored_under_its_old_keys() {
    let (parent, child) =
        (TaskId::parse("t_00000001").unwrap(), TaskId::parse("t_00000002").unwrap());
    let question = QuestionId::parse("q_00000003").unwrap();
    let words = ["one".to_owned(), "two".to_owned()];
    let shapes = shapes(&parent, &child, &question, &words);
    for (body, expected) in &shapes {
        let payload = body.payload().map(|keys| format!(" {}", Value::Object(keys)));
        let stored = format!("{}{}", body.kind().as_str(), payload.unwrap_or_default());
        assert_eq!(stored, *expected, "{body:?}");
    }
    for kind in EventKind::ALL {
        assert!(shapes.iter().any(|(body, _)| body.kind() == *kind), "{kind:?} has no shape");
    }
}
