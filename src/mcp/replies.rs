//! From a reply of the daemon to the few fields that a model needs. Nulls are omitted: every word costs. Each is of
//! bounded size, see [`crate::mcp::parts`].

use serde_json::{Map, Value, json};

use crate::api::client::seen::AskReply;
use crate::kernel::rules::question::QuestionOutcome;
use crate::mcp::clipped;
use crate::mcp::parts::{REPLY_BYTES_MAX, Section, cost};

/// Events that `kanban_show` gives back: the last of them.
const EVENTS_SHOWN: usize = 50;

const TASK: &[&str] = &[
    "id",
    "title",
    "body",
    "assignee",
    "status",
    "tenant",
    "priority",
    "workspace_kind",
    "workspace_path",
    "created_by",
    "created_at",
    "started_at",
    "completed_at",
    "result",
    "current_run_id",
];
const COMMENT: &[&str] = &["author", "body", "created_at"];
const EVENT: &[&str] = &["kind", "payload", "created_at", "run_id"];
const RUN: &[&str] = &[
    "id",
    "profile",
    "role",
    "review_verdict",
    "status",
    "outcome",
    "summary",
    "error",
    "metadata",
    "artifacts",
    "created_cards",
    "started_at",
    "ended_at",
];
const ATTACHMENT: &[&str] = &["filename", "size_bytes", "sha256", "uploaded_by"];
const CHANGES: &[&str] = &[
    "base_branch",
    "base_commit",
    "branch",
    "head",
    "has_uncommitted",
    "file_count",
    "added",
    "deleted",
    "notes",
];
const CHANGED_FILE: &[&str] =
    &["path", "old_path", "change", "added", "deleted", "is_binary", "is_submodule"];
const LISTED: &[&str] = &["id", "title", "status", "assignee", "priority", "tenant"];

/// A text of a task that takes more than this comes behind what a worker has to know, bytes.
const TASK_FIELD_BYTES_MAX: usize = 4000;

/// Characters of a title, a name or another short text in a reply that has no parts.
const TEXT_CHARS_MAX: usize = 200;

/// Bytes that the tasks of a list may take in its reply.
const LIST_BYTES_MAX: usize = REPLY_BYTES_MAX - 1000;

/// The reply of `kanban_show`, from the task's details and its context, in the order in which a model needs it: its parts are
/// cut from this.
pub fn of_show(details: &Value, context: &Value) -> Vec<Section> {
    let list =
        |name: &str| details.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let each = |items: &[Value], names: &[&str]| -> Vec<Value> {
        items.iter().map(|item| only(item, names)).collect()
    };
    let events = each(&list("events"), EVENT);
    let skipped = events.len().saturating_sub(EVENTS_SHOWN);
    let task = details.get("task").map_or(Value::Null, |task| only(task, TASK));
    let (task, long) = without_long_fields(task);
    vec![
        Section::single("task", task),
        Section::single("worker_context", context.get("context").cloned().unwrap_or_default()),
        Section::single("task_texts", long),
        Section::list("parents", list("parents")),
        Section::list("children", list("children")),
        Section::list("comments", each(&list("comments"), COMMENT)),
        Section::list("attachments", each(&list("attachments"), ATTACHMENT)),
        Section::list("runs", each(&list("runs"), RUN)),
        Section { skipped, ..Section::list("events", events) },
    ]
}

/// The reply of `kanban_diff`: what is compared, then each file, then the diff of the one that was named.
pub fn of_diff(reply: &Value) -> Vec<Section> {
    let list = |name: &str| reply.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let files = list("files").iter().map(|file| only(file, CHANGED_FILE)).collect();
    let mut changes = only(reply, CHANGES);
    if let (Value::Object(changes), Some(left_out)) = (&mut changes, reply.get("left_out"))
        && left_out.get("cut_bytes").and_then(Value::as_u64).is_some_and(|bytes| bytes > 0)
            | left_out.get("file_count").and_then(Value::as_u64).is_some_and(|count| count > 0)
    {
        changes.insert("left_out".to_owned(), left_out.clone());
    }
    vec![
        Section::single("changes", changes),
        Section::list("files", files),
        Section::single("diff", reply.get("patch").cloned().unwrap_or_default()),
    ]
}

/// A task whose fields are all short, and its long texts: what a worker has to know comes before they do.
fn without_long_fields(task: Value) -> (Value, Value) {
    let Value::Object(fields) = task else { return (Value::Null, Value::Null) };
    let is_long = |value: &Value| cost(value) > TASK_FIELD_BYTES_MAX;
    let (long, mut short): (Map<_, _>, Map<_, _>) =
        fields.into_iter().partition(|(_, value)| is_long(value));
    if long.is_empty() {
        return (short.into(), Value::Null);
    }
    let names: Vec<Value> = long.keys().map(|name| name.clone().into()).collect();
    short.insert("in_task_texts".to_owned(), names.into());
    (short.into(), long.into())
}

/// The reply of any other tool.
pub fn of_operation(operation: &str, reply: &Value) -> Value {
    let pick = |pairs: &[(&str, &str)]| {
        let mut out = Map::new();
        out.insert("ok".to_owned(), true.into());
        for (name, of) in pairs {
            if let Some(value) = reply.get(of).filter(|value| !value.is_null()) {
                out.insert((*name).to_owned(), short(value));
            }
        }
        Value::Object(out)
    };
    match operation {
        "complete" | "block" | "approve" | "request_changes" => pick(&[
            ("question", "question"),
            ("retry_at", "retry_at"),
            ("task_id", "id"),
            ("run_id", "run_id"),
            ("status", "status"),
            ("reviewer", "reviewer"),
        ]),
        "heartbeat" => pick(&[("task_id", "id")]),
        "comment" => pick(&[("task_id", "task_id"), ("comment_id", "comment_id")]),
        "create" => with_notes(
            pick(&[
                ("task_id", "id"),
                ("status", "status"),
                ("created", "created"),
                ("held", "held"),
            ]),
            reply,
        ),
        "add_schedule" => {
            with_notes(pick(&[("name", "name"), ("state", "state"), ("next_at", "next_at")]), reply)
        }
        "link" => pick(&[("parent_id", "parent_id"), ("child_id", "child_id")]),
        "attach" => pick(&[
            ("task_id", "task_id"),
            ("filename", "filename"),
            ("size_bytes", "size_bytes"),
            ("sha256", "sha256"),
        ]),
        _ => pick(&[("task_id", "id"), ("status", "status")]),
    }
}

/// A message with what is otherwise than it was asked for, and what an agent can do about it.
fn with_notes(mut message: Value, reply: &Value) -> Value {
    let warnings = reply.get("warnings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut notes: Vec<String> = warnings
        .iter()
        .take(NOTES_MAX)
        .filter_map(|warning| Some(clipped(warning.as_str()?, NOTE_CHARS_MAX)))
        .collect();
    if reply.get("held").is_some_and(|held| !held.is_null()) {
        notes.push(
            "A person has to promote it, you cannot; work on without it, or block your task"
                .to_owned(),
        );
    }
    if let (false, Value::Object(fields)) = (notes.is_empty(), &mut message) {
        fields.insert("note".to_owned(), notes.join(". ").into());
    }
    message
}

/// Characters of a warning in a reply.
const NOTE_CHARS_MAX: usize = 400;

/// Warnings of a create that a reply carries.
const NOTES_MAX: usize = 8;

/// Calls without an answer after which an agent is advised to end its run.
const PENDING_MAX: u32 = 10;

/// Characters of an answer that a reply carries: each takes six bytes at most. The whole answer is in the context.
const ANSWER_CHARS_MAX: usize = REPLY_BYTES_MAX / 12;

/// The reply of `kanban_ask`.
pub fn of_ask(reply: &AskReply) -> Value {
    let token = &reply.question;
    let mut out = json!({ "ok": true, "status": reply.outcome.as_str(), "token": token });
    let note = match reply.outcome.known() {
        Some(QuestionOutcome::Open) if reply.is_last_call => Some(format!(
            "your run is at its time limit: call kanban_block with question \"{token}\" now and stop; the answer starts the next attempt"
        )),
        Some(QuestionOutcome::Open) if reply.calls >= PENDING_MAX => Some(format!(
            "nobody has answered: call kanban_block with question \"{token}\" and stop; the answer starts the next attempt"
        )),
        Some(QuestionOutcome::Open) => {
            Some("call kanban_ask again with the same question, or work on meanwhile".to_owned())
        }
        Some(QuestionOutcome::Answered) if reply.already => Some(
            "the answer to the same question of this run; ask in other words to ask again"
                .to_owned(),
        ),
        Some(QuestionOutcome::Answered) => None,
        Some(QuestionOutcome::TimedOut | QuestionOutcome::Withdrawn | QuestionOutcome::RunOver)
        | None => Some("there is no answer to it".to_owned()),
    };
    let Value::Object(fields) = &mut out else { return out };
    if reply.outcome == QuestionOutcome::Open {
        fields.insert("status".to_owned(), "pending".into());
    }
    if let Some(answer) = &reply.answer {
        fields.insert("answer".to_owned(), clipped(answer, ANSWER_CHARS_MAX).into());
        fields.insert("source".to_owned(), reply.answer_source.clone().into());
    }
    if let Some(note) = note {
        fields.insert("note".to_owned(), note.into());
    }
    out
}

/// The reply of `kanban_list`, from one task more than are to be shown: with it, that there is one is known. Fewer are shown
/// when they would take more room than a reply has.
pub fn of_list(reply: &Value, limit: usize) -> Value {
    let tasks = reply.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown = Vec::new();
    let mut used = 0;
    for task in tasks.iter().take(limit) {
        let task = short_fields(&only(task, LISTED));
        used += cost(&task) + 1;
        if used > LIST_BYTES_MAX && !shown.is_empty() {
            break;
        }
        shown.push(task);
    }
    let is_truncated = tasks.len() > shown.len();
    let last = shown.last().and_then(|task| task.get("id")).cloned().unwrap_or_default();
    let mut out = json!({
        "ok": true, "count": shown.len(), "tasks": shown, "truncated": is_truncated,
    });
    if let (true, Value::Object(out)) = (is_truncated, &mut out) {
        out.insert("next_cursor".to_owned(), last);
    }
    out
}

/// A value that takes little room: of a text its beginning, of anything else that takes much nothing.
fn short(value: &Value) -> Value {
    match value {
        Value::String(text) => clipped(text, TEXT_CHARS_MAX).into(),
        Value::Array(_) | Value::Object(_) => Value::Null,
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn short_fields(value: &Value) -> Value {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.clone(), short(value))).collect::<Map<_, _>>().into()
}

/// Says nothing: null, or a list of nothing.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn only(value: &Value, names: &[&str]) -> Value {
    let mut out = Map::new();
    for name in names {
        if let Some(value) = value.get(name).filter(|value| !is_nothing(value)) {
            out.insert((*name).to_owned(), value.clone());
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::parts::part;

    #[test]
    fn a_reply_holds_what_the_tool_promises_and_no_nulls() {
        for (operation, reply, expected) in [
            (
                "complete",
                json!({"id": "t_1", "run_id": 7, "status": "done", "already": false}),
                json!({"ok": true, "task_id": "t_1", "run_id": 7, "status": "done"}),
            ),
            ("block", json!({"id": "t_1", "run_id": null}), json!({"ok": true, "task_id": "t_1"})),
            (
                "heartbeat",
                json!({"id": "t_1", "claim_expires": 1}),
                json!({"ok": true, "task_id": "t_1"}),
            ),
            (
                "create",
                json!({"id": "t_1", "status": "ready", "created": true, "body": "b"}),
                json!({"ok": true, "task_id": "t_1", "status": "ready", "created": true}),
            ),
            (
                "create",
                json!({"id": "t_1", "status": "triage", "created": true, "held": "may_assign", "warnings": ["waits in triage"]}),
                json!({
                    "ok": true, "task_id": "t_1", "status": "triage", "created": true, "held": "may_assign",
                    "note": "waits in triage. A person has to promote it, you cannot; work on without it, or block your task",
                }),
            ),
            (
                "attach",
                json!({"task_id": "t_1", "id": 3, "filename": "a", "size_bytes": 3, "sha256": "0", "already": false}),
                json!({"ok": true, "task_id": "t_1", "filename": "a", "size_bytes": 3, "sha256": "0"}),
            ),
        ] {
            assert_eq!(of_operation(operation, &reply), expected);
        }
    }

    #[test]
    fn a_list_says_whether_there_is_more_and_how_to_go_on() {
        let task = |id: &str| json!({"id": id, "title": "t", "status": "ready", "assignee": null, "body": "b"});
        let shown = |id: &str| json!({"id": id, "title": "t", "status": "ready"});
        assert_eq!(
            of_list(&json!([task("t_1"), task("t_2"), task("t_3")]), 2),
            json!({
                "ok": true, "tasks": [shown("t_1"), shown("t_2")], "count": 2, "truncated": true, "next_cursor": "t_2",
            })
        );
        assert_eq!(
            of_list(&json!([task("t_1")]), 2),
            json!({"ok": true, "tasks": [shown("t_1")], "count": 1, "truncated": false})
        );
    }

    #[test]
    fn a_shown_task_has_its_last_events_and_its_context() {
        let events: Vec<Value> =
            (0..60).map(|n| json!({"kind": "heartbeat", "created_at": n})).collect();
        let details = json!({
            "task": {"id": "t_1", "title": "t", "claim_lock": "x", "body": null},
            "parents": ["t_0"], "children": [], "comments": [{"id": 1, "author": "a", "body": "b", "created_at": 3}],
            "events": events, "runs": [],
        });
        let shown = part(&of_show(&details, &json!({"context": "# t"})), None).unwrap();
        assert_eq!(shown["task"], json!({"id": "t_1", "title": "t"}));
        assert_eq!(shown["events"].as_array().unwrap().len(), 50);
        assert_eq!(shown["events"][0]["created_at"], 10);
        assert_eq!(shown["comments"], json!([{"author": "a", "body": "b", "created_at": 3}]));
        assert_eq!(shown["runs"], json!([]));
        assert_eq!(shown["worker_context"], "# t");
    }

    #[test]
    fn no_reply_without_parts_is_long_whatever_the_daemon_says() {
        let long = "\u{1}\"".repeat(100_000);
        let task = |n: usize| json!({"id": format!("t_{n:08x}"), "title": long, "assignee": long, "tenant": long, "status": "ready"});
        let tasks: Vec<Value> = (0..201).map(task).collect();
        let listed = of_list(&tasks.into(), 200);
        assert!(cost(&listed) < REPLY_BYTES_MAX, "{}", cost(&listed));
        let count = listed["tasks"].as_array().unwrap().len();
        assert!(count > 3 && listed["truncated"] == true, "{count}");
        assert_eq!(listed["next_cursor"], listed["tasks"][count - 1]["id"]);
        for operation in ["complete", "heartbeat", "comment", "create", "link", "attach", "unblock"]
        {
            let reply = json!({
                "id": long, "task_id": long, "run_id": [long], "status": long, "created": true, "filename": long,
                "parent_id": long, "child_id": long, "sha256": long, "comment_id": {"a": long}, "size_bytes": 1,
            });
            let message = of_operation(operation, &reply);
            assert!(cost(&message) < REPLY_BYTES_MAX / 2, "{operation}: {}", cost(&message));
        }
    }
}
