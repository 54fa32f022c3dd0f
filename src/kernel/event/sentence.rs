//! An event in words, for a person who reads the history of a task.

use serde_json::Value;

use crate::kernel::event::{Event, EventKind};

/// Characters of one detail.
const DETAIL_CHARS_MAX: usize = 200;

/// What happened, without who did it: "blocked: no access to the repository". A kind that this program does not know is its name with
/// the texts of its payload.
pub fn sentence(event: &Event) -> String {
    let known = EventKind::ALL.iter().find(|kind| kind.as_str() == event.kind);
    let (words, keys) = match known {
        Some(kind) => phrase(*kind),
        None => return with_details(&event.kind.replace('_', " "), &all_texts(event)),
    };
    let details: Vec<String> = keys.iter().filter_map(|key| detail(event, key)).collect();
    with_details(words, &details)
}

fn with_details(words: &str, details: &[String]) -> String {
    if details.is_empty() { words.to_owned() } else { format!("{words}: {}", details.join(" · ")) }
}

fn detail(event: &Event, key: &str) -> Option<String> {
    let text = match event.payload.as_ref()?.get(key)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => return None,
    };
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(DETAIL_CHARS_MAX).collect();
    let named = match key {
        // The lock of a run that kanband started ends with the profile.
        "lock" => cut.strip_prefix("kanband/").unwrap_or(&cut).to_owned(),
        "pid" => format!("pid {cut}"),
        "exit_code" => format!("exit code {cut}"),
        "signal" => format!("signal {cut}"),
        _ => cut.clone(),
    };
    (!cut.is_empty()).then_some(named)
}

fn all_texts(event: &Event) -> Vec<String> {
    let payload = event.payload.iter().flatten();
    payload.filter_map(|(key, value)| value.as_str().and(detail(event, key))).collect()
}

/// The words of a kind, and the keys of its payload that say more.
fn phrase(kind: EventKind) -> (&'static str, &'static [&'static str]) {
    use EventKind as K;
    match kind {
        K::Created => ("created the task", &["assignee", "schedule"]),
        K::Linked => ("added a dependency", &["parent"]),
        K::Promoted => ("made it ready", &["reason"]),
        K::Assigned => ("assigned it", &["assignee"]),
        K::Unlinked => ("removed a dependency", &["parent"]),
        K::Archived => ("archived it", &["reason"]),
        K::Edited => ("edited", &["fields"]),
        K::Reprioritized => ("set the priority", &["priority"]),
        K::Demoted => ("waits for a parent again", &["parent"]),
        K::Claimed => ("claimed it", &["lock"]),
        K::Spawned => ("started the worker", &["pid"]),
        K::Heartbeat => ("sign of life", &["note"]),
        K::Commented => ("commented", &[]),
        K::Attached => ("attached a file", &["filename"]),
        K::AttachmentRemoved => ("removed a file", &["filename"]),
        K::CompletionBlockedHallucination => (
            "a completion was refused, because it lists tasks that the run did not create",
            &["phantom_cards"],
        ),
        K::Completed => ("completed it", &["summary"]),
        K::ReviewRequested => ("sent it to review", &["reviewer", "why"]),
        K::Approved => ("approved it", &["summary"]),
        K::ChangesRequested => ("requested changes", &["what"]),
        K::Blocked => ("blocked it", &["reason"]),
        K::Asked => ("asked", &["text"]),
        K::Answered => ("answered", &["answer"]),
        K::AskOverdue => ("the deadline of the question passed", &[]),
        K::AskEnded => ("the question ended without an answer", &["outcome"]),
        K::Unblocked => ("unblocked it", &[]),
        K::Reopened => ("reopened it", &["status"]),
        K::Unarchived => ("unarchived it", &["status"]),
        K::Scheduled => ("scheduled it", &[]),
        K::Unscheduled => ("removed its start time", &["status"]),
        K::StartDue => ("its start time came", &["status"]),
        K::Overdue => ("its due time passed", &[]),
        K::Triaged => ("put it back into triage", &["reason"]),
        K::Reclaimed => ("reclaimed it", &["reason"]),
        K::Crashed => ("the worker failed", &["error"]),
        K::Oom => ("the worker ran out of memory", &[]),
        K::TimedOut => ("the run exceeded its time limit", &["error"]),
        K::SpawnFailed => ("the worker could not be started", &["error"]),
        K::ProtocolViolation => ("the worker exited without a verdict", &[]),
        K::RateLimited => ("a rate limit was reached", &["reason"]),
        K::Lost => ("the run was lost", &["reason"]),
        K::Stopped => ("stopped the run", &["reason"]),
        K::WaitingLong => ("has waited long", &["explanation"]),
        K::BreakerOpened => ("opened a breaker", &["key", "error"]),
        K::BreakerClosed => ("closed a breaker", &["key"]),
        K::GaveUp => ("gave up", &["error"]),
        K::Unkillable => ("the processes of the run cannot be killed", &[]),
        K::Closed => ("all processes of the run are gone", &["exit_code", "signal", "reason"]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::ids::{BoardName, TaskId};

    fn event(kind: &str, payload: Value) -> Event {
        let Value::Object(payload) = payload else { panic!("not an object") };
        Event {
            id: 1,
            task_id: TaskId::parse("t_00000001").unwrap(),
            board: BoardName::default(),
            run_id: None,
            kind: kind.to_owned(),
            payload: Some(payload),
            created_at: 1,
            actor: None,
        }
    }

    #[test]
    fn an_event_is_put_into_words_also_one_of_a_later_release() {
        for (kind, payload, expected) in [
            ("blocked", json!({ "reason": "no access\nat all" }), "blocked it: no access"),
            ("assigned", json!({ "assignee": null }), "assigned it"),
            ("edited", json!({ "fields": ["title", "body"] }), "edited: title, body"),
            ("reprioritized", json!({ "priority": 3 }), "set the priority: 3"),
            (
                "breaker_opened",
                json!({ "key": "host", "error": "disk", "until": 5 }),
                "opened a breaker: host · disk",
            ),
            ("moved_to_moon", json!({ "crew": "two", "at": 7 }), "moved to moon: two"),
            ("unblocked", json!({}), "unblocked it"),
            ("spawned", json!({ "pid": 9755 }), "started the worker: pid 9755"),
            (
                "closed",
                json!({ "run_id": 7, "exit_code": 3, "signal": null }),
                "all processes of the run are gone: exit code 3",
            ),
        ] {
            assert_eq!(sentence(&event(kind, payload)), expected, "{kind}");
        }
    }

    #[test]
    fn a_long_detail_is_cut() {
        let long = event("blocked", json!({ "reason": "x".repeat(9_000) }));
        assert!(sentence(&long).len() < 300);
    }
}
