//! From a reply of the daemon to the few fields that a model needs. What is null is left out: every word is paid for.

use serde_json::{Map, Value, json};

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
const LISTED: &[&str] = &["id", "title", "status", "assignee", "priority", "tenant"];

/// The reply of `kanban_show`, from the task's details and its context.
pub fn of_show(details: &Value, context: &Value) -> Value {
    let list =
        |name: &str| details.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let each = |items: &[Value], names: &[&str]| -> Vec<Value> {
        items.iter().map(|item| only(item, names)).collect()
    };
    let events = list("events");
    let recent = events.get(events.len().saturating_sub(EVENTS_SHOWN)..).unwrap_or_default();
    json!({
        "task": details.get("task").map(|task| only(task, TASK)),
        "parents": list("parents"),
        "children": list("children"),
        "comments": each(&list("comments"), COMMENT),
        "attachments": each(&list("attachments"), ATTACHMENT),
        "events": each(recent, EVENT),
        "runs": each(&list("runs"), RUN),
        "worker_context": context.get("context"),
    })
}

/// The reply of any other tool.
pub fn of_operation(operation: &str, reply: &Value) -> Value {
    let pick = |pairs: &[(&str, &str)]| {
        let mut out = Map::new();
        out.insert("ok".to_owned(), true.into());
        for (name, of) in pairs {
            if let Some(value) = reply.get(of).filter(|value| !value.is_null()) {
                out.insert((*name).to_owned(), value.clone());
            }
        }
        Value::Object(out)
    };
    match operation {
        "complete" | "block" => pick(&[("task_id", "id"), ("run_id", "run_id")]),
        "heartbeat" => pick(&[("task_id", "id")]),
        "comment" => pick(&[("task_id", "task_id"), ("comment_id", "comment_id")]),
        "create" => pick(&[("task_id", "id"), ("status", "status"), ("created", "created")]),
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

/// The reply of `kanban_list`, from one task more than are to be shown: with it, that there is one is known.
pub fn of_list(reply: &Value, limit: usize) -> Value {
    let tasks = reply.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = tasks.get(..limit).unwrap_or(tasks);
    let mut out = json!({
        "ok": true,
        "tasks": shown.iter().map(|task| only(task, LISTED)).collect::<Vec<_>>(),
        "count": shown.len(),
        "truncated": tasks.len() > shown.len(),
    });
    if let (true, Value::Object(out)) = (tasks.len() > shown.len(), &mut out) {
        let last = shown.last().and_then(|task| task.get("id")).cloned().unwrap_or_default();
        out.insert("next_cursor".to_owned(), last);
    }
    out
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

    #[test]
    fn a_reply_holds_what_the_tool_promises_and_no_nulls() {
        for (operation, reply, expected) in [
            (
                "complete",
                json!({"id": "t_1", "run_id": 7, "status": "done", "already": false}),
                json!({"ok": true, "task_id": "t_1", "run_id": 7}),
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
        let shown = of_show(&details, &json!({"context": "# t"}));
        assert_eq!(shown["task"], json!({"id": "t_1", "title": "t"}));
        assert_eq!(shown["events"].as_array().unwrap().len(), 50);
        assert_eq!(shown["events"][0]["created_at"], 10);
        assert_eq!(shown["comments"], json!([{"author": "a", "body": "b", "created_at": 3}]));
        assert_eq!(shown["worker_context"], "# t");
    }
}
