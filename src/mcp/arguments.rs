//! From what a model wrote to a request. Models make the same few mistakes; those that leave no doubt are taken as meant, the
//! others get a line that says what to write instead.

use serde_json::{Map, Value};

use crate::mcp::tools::Tool;
use crate::mcp::{clipped, predecessor, protocol};

/// Characters of a name that is quoted.
const NAME_CHARS_MAX: usize = 80;

/// What is wrong with the arguments, in one line.
pub type Problem = String;

/// The fields of the request that the arguments stand for. `own_task` is the task when none is named.
///
/// # Errors
/// One line for the model.
pub fn to_request(
    tool: &Tool,
    arguments: &Map<String, Value>,
    own_task: Option<&str>,
) -> Result<Map<String, Value>, Problem> {
    let schema = tool.input_schema();
    let mut request = Map::new();
    for (name, value) in arguments {
        if !tool.fields.iter().any(|field| field.name == name) {
            request.extend(of_before(tool, name, value)?);
        }
    }
    for field in tool.fields {
        let kind = schema.get("properties").and_then(|all| all.get(field.name)?.get("type"));
        let kind = kind.and_then(Value::as_str).unwrap_or("string");
        match arguments.get(field.name).filter(|value| !value.is_null()) {
            Some(value) => {
                request.insert(field.of.to_owned(), typed(field.name, kind, value)?);
            }
            // A note or an unblock must say whose task it is about: forgetting it is no wish for one's own.
            None if field.of == "id" && !field.is_required => {
                let id =
                    own_task.ok_or("task_id is required: this process has no task of its own")?;
                request.insert(field.of.to_owned(), id.into());
            }
            None if field.is_required => return Err(format!("{} is required", field.name)),
            None => {}
        }
    }
    let is_blank = |name: &str| {
        request.get(name).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
    };
    if tool.operation == "complete" && is_blank("summary") && is_blank("result") {
        return Err(
            "summary or result is required: say in one to three sentences what was done".to_owned()
        );
    }
    if tool.operation == "block" && is_blank("reason") && is_blank("question") {
        return Err("reason is required: say in one sentence what you need".to_owned());
    }
    Ok(request)
}

/// The field that an argument of the predecessor stands for, which is no argument here.
fn of_before(tool: &Tool, name: &str, value: &Value) -> Result<Option<(String, Value)>, Problem> {
    let Some(meaning) = predecessor::argument(tool, name) else {
        let name = clipped(name, NAME_CHARS_MAX);
        let names: Vec<&str> = tool.fields.iter().map(|field| field.name).collect();
        return Err(format!("unknown argument `{name}`; {} takes {}", tool.name, names.join(", ")));
    };
    let field = predecessor::translated(meaning, value);
    let field = field.map_err(|instead| format!("unknown argument `{name}`: {instead}"))?;
    Ok(field.map(|(field, value)| (field.to_owned(), value)))
}

/// The value as the type that is wanted, when there is no doubt about it.
fn typed(name: &str, kind: &str, value: &Value) -> Result<Value, Problem> {
    let wrong = || {
        let found = protocol::kind_of(value);
        let wanted = match kind {
            "array" => "a list of strings",
            "object" => "an object",
            "integer" => "an integer",
            "boolean" => "true or false",
            _ => "a string",
        };
        format!("{name} must be {wanted}, not {found}")
    };
    match (kind, value) {
        ("array", Value::String(one)) => Ok(Value::from(vec![one.clone()])),
        ("array", Value::Array(items)) if items.iter().all(Value::is_string) => Ok(value.clone()),
        ("array", Value::Array(_)) => Err(format!("{name} must be a list of strings")),
        ("object", Value::Object(_))
        | ("boolean", Value::Bool(_))
        | ("string", Value::String(_)) => Ok(value.clone()),
        ("integer", Value::Number(number)) if number.is_i64() => Ok(value.clone()),
        ("integer", Value::String(text)) => {
            text.parse::<i64>().map(Value::from).map_err(|_| wrong())
        }
        ("boolean", Value::String(text)) => match text.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mcp::tools::find;

    fn request(tool: &str, arguments: Value) -> Result<Value, Problem> {
        let Value::Object(arguments) = arguments else { panic!("an object") };
        to_request(find(tool).unwrap(), &arguments, Some("t_00000001")).map(Value::from)
    }

    #[test]
    fn what_leaves_no_doubt_is_taken_as_meant() {
        for (tool, arguments, expected) in [
            ("kanban_show", json!({}), json!({"id": "t_00000001"})),
            ("kanban_show", json!({"task_id": null}), json!({"id": "t_00000001"})),
            ("kanban_show", json!({"task_id": "t_2"}), json!({"id": "t_2"})),
            (
                "kanban_create",
                json!({"title": "t", "assignee": "a", "parents": "t_1", "priority": "3", "triage": "false"}),
                json!({"title": "t", "assignee": "a", "parents": ["t_1"], "priority": 3, "triage": false}),
            ),
            (
                "kanban_complete",
                json!({"result": "ok", "metadata": {"n": 1}}),
                json!({"id": "t_00000001", "result": "ok", "metadata": {"n": 1}}),
            ),
        ] {
            assert_eq!(request(tool, arguments.clone()), Ok(expected), "{tool} {arguments}");
        }
    }

    #[test]
    fn the_rest_is_told_in_one_line() {
        for (tool, arguments, phrase) in [
            ("kanban_complete", json!({}), "summary or result is required"),
            ("kanban_complete", json!({"summary": " "}), "summary or result is required"),
            (
                "kanban_complete",
                json!({"summary": "s", "metadata": "x"}),
                "metadata must be an object, not a string",
            ),
            (
                "kanban_complete",
                json!({"summary": "s", "metadata": [1]}),
                "metadata must be an object, not a list",
            ),
            ("kanban_block", json!({}), "reason is required"),
            ("kanban_block", json!({"reason": "\n"}), "reason is required"),
            ("kanban_comment", json!({"body": "b"}), "task_id is required"),
            ("kanban_create", json!({"title": "t"}), "assignee is required"),
            (
                "kanban_create",
                json!({"title": "t", "assignee": "a", "parents": [1]}),
                "parents must be a list of strings",
            ),
            (
                "kanban_create",
                json!({"title": "t", "assignee": "a", "parents": 7}),
                "parents must be a list of strings, not a number",
            ),
            (
                "kanban_create",
                json!({"title": "t", "assignee": "a", "priority": 1.5}),
                "priority must be an integer",
            ),
            (
                "kanban_create",
                json!({"title": 5, "assignee": "a"}),
                "title must be a string, not a number",
            ),
            (
                "kanban_create",
                json!({"title": "t", "assignee": "a", "created_by": "x"}),
                "unknown argument `created_by`",
            ),
            ("kanban_link", json!({"parent_id": "t_1"}), "child_id is required"),
        ] {
            let problem = request(tool, arguments.clone()).unwrap_err();
            assert!(
                problem.contains(phrase) && !problem.contains('\n'),
                "{tool} {arguments}: {problem}"
            );
        }
    }
}
