//! What is kept of the reply to a create: what neither its request says nor is the same for almost every new task. The row of such a
//! request is a tenth of the reply, so that many of them share a page.

use serde_json::{Map, Value, json};

use crate::kernel::verb::without_nulls;
use crate::kernel::verbs::create::CreateTask;

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

/// What is kept of a reply.
pub(super) fn kept(request: &CreateTask, reply: Value) -> Value {
    let Value::Object(mut fields) = reply else { return reply };
    let known: Map<String, Value> = said(request).into_iter().chain(usual()).map(owned).collect();
    for (name, known) in &known {
        match fields.get(name) {
            Some(value) if value == known => drop(fields.remove(name)),
            // What is missing would be read as what is known.
            None if !known.is_null() && *name != "warnings" => {
                fields.insert(name.clone(), Value::Null);
            }
            Some(_) | None => {}
        }
    }
    // A null says that the field is not what the request said; where that said nothing either, it says nothing.
    fields.retain(|name, value| !value.is_null() || known.get(name).is_some_and(|v| !v.is_null()));
    fields.insert(PART.to_owned(), json!(1));
    Value::Object(fields)
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
        let kept_part = kept(&request(), reply());
        let expected = json!({
            "part": 1, "id": "t_1", "title": "a title", "assignee": null, "status": "todo", "labels": ["a", "b"],
            "skills": ["x"], "created_at": 7, "warnings": ["w"],
        });
        assert_eq!(kept_part, expected);
        assert_eq!(whole(&request(), kept_part), without_nulls(reply()));
        let mut silent = reply();
        silent.as_object_mut().unwrap().remove("warnings");
        let mut again = whole(&request(), kept(&request(), silent.clone()));
        assert_eq!(again.as_object_mut().unwrap().remove("warnings"), Some(json!([])));
        assert_eq!(again, without_nulls(silent));
    }

    #[test]
    fn a_reply_that_an_earlier_release_has_kept_is_the_reply() {
        let earlier = without_nulls(reply());
        assert_eq!(whole(&request(), earlier.clone()), earlier);
    }
}
