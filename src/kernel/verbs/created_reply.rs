//! What is kept of the reply to a create: what neither its request says nor is the same for almost every new task. The row of such a
//! request is a tenth of the reply, so that many of them share a page.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::kernel::task::{Task, TaskStatus, WorkspaceKind};
use crate::kernel::verb::without_nulls;
use crate::kernel::verbs::create::{CreateReply, CreateTask};

/// Marks a reply of which only a part is kept.
const PART: &str = "part";

/// Fields of the reply that say what the request said, as a rule.
fn said(request: &CreateTask) -> [(&'static str, Value); 13] {
    [
        ("title", json!(request.title)),
        ("body", json!(request.body)),
        ("assignee", json!(request.assignee)),
        ("priority", json!(request.priority)),
        ("tenant", json!(request.tenant)),
        ("workspace_path", json!(request.workspace_path)),
        ("idempotency_key", json!(request.idempotency_key)),
        ("max_runtime_seconds", json!(request.max_runtime_seconds)),
        ("no_max_runtime", json!(request.no_max_runtime)),
        ("model", json!(request.model)),
        ("effort", json!(request.effort)),
        ("args", json!(request.args)),
        ("labels", json!(request.labels)),
    ]
}

/// Fields that are so in almost every new task. Kept replies are read by them: nothing here may change, only fields that are new may
/// be added.
fn usual() -> [(&'static str, Value); 16] {
    [
        ("board", json!("default")),
        ("status", json!("ready")),
        ("workspace_kind", json!("scratch")),
        ("created", json!(true)),
        ("auto_starts", json!(0)),
        ("spawn_failures", json!(0)),
        ("protocol_violations", json!(0)),
        ("parked", json!(false)),
        ("review_open", json!(false)),
        ("reviewer_chosen", json!(false)),
        ("review_round", json!(1)),
        ("review_failures", json!(0)),
        ("review_violations", json!(0)),
        ("version", json!(0)),
        ("warnings", json!([])),
        ("skills", Value::Null),
    ]
}

/// A part of a reply on its way into its row.
#[derive(Default)]
struct Part {
    fields: Map<String, Value>,
    fault: Option<serde_json::Error>,
}

impl Part {
    /// Keeps a field that is not what is known of it without the reply. A null says that it is nothing although something is known.
    fn keep_unless(&mut self, is_known: bool, name: &str, value: &impl Serialize) {
        if !is_known {
            match serde_json::to_value(value) {
                Ok(value) => drop(self.fields.insert(name.to_owned(), value)),
                Err(fault) => self.fault = Some(fault),
            }
        }
    }
}

/// Keeps each of these fields that is something.
macro_rules! keep_what_is_something {
    ($part:ident: $($field:ident)*) => {
        $( $part.keep_unless($field.is_none(), stringify!($field), $field); )*
    };
}

/// Keeps each of these fields that is not what was asked for.
macro_rules! keep_what_was_not_asked {
    ($part:ident, $request:ident: $($field:ident)*) => {
        $( $part.keep_unless(*$field == $request.$field, stringify!($field), $field); )*
    };
}

/// Keeps each of these fields that is not as in almost every new task.
macro_rules! keep_what_is_unusual {
    ($part:ident: $($field:ident = $usual:expr,)*) => {
        $( $part.keep_unless(*$field == $usual, stringify!($field), $field); )*
    };
}

/// What is kept of a reply.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn kept(request: &CreateTask, reply: &CreateReply) -> serde_json::Result<Value> {
    let CreateReply { task, created, warnings, held } = reply;
    // Each field by its name: one that is new has to be kept too.
    #[rustfmt::skip]
    let Task {
        id, board, title, body, assignee, status, priority, tenant, workspace_kind, workspace_path, created_by, created_at,
        started_at, completed_at, result, skills, claim_lock, claim_expires, idempotency_key, spawn_failures, worker_pid,
        last_spawn_error, max_runtime_seconds, no_max_runtime, last_heartbeat_at, current_run_id, workflow_template_id,
        current_step_key, not_before, ready_at, auto_starts, labels, archived_at, protocol_violations, model, effort, args,
        resume_run_id, branch_name, start_at, parked, due_at, review_open, reviewer, reviewer_chosen, review_round,
        review_failures, review_violations, review_why, block_kind, schedule_id, occurrence_at, archived_from, version, seq: _,
    } = task;
    let mut part = Part::default();
    part.keep_unless(false, PART, &1);
    part.keep_unless(false, "id", id);
    part.keep_unless(false, "created_at", created_at);
    part.keep_unless(board.as_str() == "default", "board", board);
    part.keep_unless(warnings.is_empty(), "warnings", warnings);
    keep_what_was_not_asked!(part, request:
        title body assignee priority tenant workspace_path idempotency_key max_runtime_seconds no_max_runtime model effort args
        labels);
    keep_what_is_unusual!(part:
        status = TaskStatus::Ready,
        workspace_kind = WorkspaceKind::Scratch,
        created = true,
        auto_starts = 0,
        spawn_failures = 0,
        protocol_violations = 0,
        parked = false,
        review_open = false,
        reviewer_chosen = false,
        review_round = 1,
        review_failures = 0,
        review_violations = 0,
        version = 0,
    );
    keep_what_is_something!(part:
        created_by started_at completed_at result skills claim_lock claim_expires worker_pid last_spawn_error
        last_heartbeat_at current_run_id workflow_template_id current_step_key not_before ready_at archived_at resume_run_id
        branch_name start_at due_at reviewer review_why block_kind schedule_id occurrence_at archived_from held);
    part.fault.map_or(Ok(Value::Object(part.fields)), Err)
}

/// The reply of which this was kept.
pub(super) fn whole(request: &CreateTask, kept: Value) -> Value {
    let Value::Object(mut fields) = kept else { return kept };
    if fields.remove(PART).is_none() {
        return Value::Object(fields);
    }
    for (name, known) in said(request).into_iter().chain(usual()).map(owned) {
        fields.entry(name).or_insert(known);
    }
    without_nulls(Value::Object(fields))
}

fn owned((name, value): (&'static str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CreateTask {
        CreateTask {
            title: " a title ".to_owned(),
            body: Some("a body".to_owned()),
            assignee: Some(String::new()),
            labels: vec!["b".to_owned(), "a".to_owned()],
            ..CreateTask::default()
        }
    }

    /// As the task became: the title trimmed, no assignee, the labels sorted.
    fn reply() -> Value {
        json!({
            "id": "t_1", "board": "default", "title": "a title", "body": "a body", "assignee": null, "status": "todo",
            "priority": 0, "tenant": null, "labels": ["a", "b"], "args": [], "skills": ["x"], "created": true,
            "created_at": 7, "auto_starts": 0, "no_max_runtime": false, "spawn_failures": 0, "protocol_violations": 0,
            "parked": false, "review_open": false, "reviewer_chosen": false, "review_round": 1, "review_failures": 0,
            "review_violations": 0, "version": 0, "workspace_kind": "scratch", "warnings": ["w"],
        })
    }

    #[test]
    fn what_is_kept_is_little_and_gives_the_reply_back() {
        let typed = |reply: Value| serde_json::from_value::<CreateReply>(reply).unwrap();
        let kept_part = kept(&request(), &typed(reply())).unwrap();
        let expected = json!({
            "part": 1, "id": "t_1", "title": "a title", "assignee": null, "status": "todo", "labels": ["a", "b"],
            "skills": ["x"], "created_at": 7, "warnings": ["w"],
        });
        assert_eq!(kept_part, expected);
        assert_eq!(whole(&request(), kept_part), without_nulls(reply()));
        let mut silent = reply();
        silent.as_object_mut().unwrap().remove("warnings");
        let mut again = whole(&request(), kept(&request(), &typed(silent.clone())).unwrap());
        assert_eq!(again.as_object_mut().unwrap().remove("warnings"), Some(json!([])));
        assert_eq!(again, without_nulls(silent));
    }

    #[test]
    fn a_reply_that_an_earlier_release_has_kept_is_the_reply() {
        let earlier = without_nulls(reply());
        assert_eq!(whole(&request(), earlier.clone()), earlier);
    }
}
