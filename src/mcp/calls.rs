//! The operation of the daemon that a call of a tool stands for.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::api::client::seen::ErrorDetail;
use crate::api::client::{Client, ClientError, artifacts_field, task_path};
use crate::api::operation::{Carries, Method, Operation};
use crate::config::Ambient;
use crate::kernel::error::{Edge, ErrorCode};
use crate::kernel::verbs::AskTask;
use crate::mcp::parts::{Position, part};
use crate::mcp::replies;
use crate::mcp::tools::{Given, Tool};

/// The operation of the tool that waits for a person.
pub(super) const ASK: &str = "ask";

/// Tasks that are listed when a model does not say how many, and at most: a reply is paid for by the word.
const LIST_DEFAULT: usize = 50;
/// See [`LIST_DEFAULT`].
const LIST_MAX: usize = 200;

/// Calls the operation of a tool; returns what the model gets to read.
///
/// # Errors
/// What the daemon says, or why it could not be asked.
pub(super) fn call(
    ambient: &Ambient,
    tool: &Tool,
    fields: &Map<String, Value>,
) -> Result<Value, ClientError> {
    let unknown =
        || ClientError::Local(format!("{} calls an operation that is not there", tool.name));
    let operation = tool.operation().ok_or_else(unknown)?;
    let client = Client::new(ambient)?.at_edge(Edge::Tools);
    let mut fields = fields.clone();
    if tool.operation == "show" {
        return show(&client, &mut fields);
    }
    if tool.operation == ASK {
        return ask(&client, fields);
    }
    if tool.operation == "diff" {
        return diff(&client, &mut fields);
    }
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let id = text("id").unwrap_or_default().to_owned();
    if operation.carries == Carries::File {
        let file = Path::new(text("path").unwrap_or_default());
        let reply = client.attach(&id, file, text("filename"), text("board"))?;
        return Ok(replies::of_operation(tool.operation, &json!(reply)));
    }
    let path = addressed(operation, &id, &mut fields)?;
    take_files(tool, &mut fields)?;
    let list_limit = (tool.operation == "list").then(|| take_limit(&mut fields)).transpose()?;
    let reply: Value = match operation.method {
        Method::Get => client.get(&path, &fields)?,
        Method::Post => client.post(&path, &fields)?,
        Method::Patch => client.patch(&path, &fields)?,
    };
    Ok(match list_limit {
        Some(limit) => replies::of_list(&reply, limit),
        None => replies::of_operation(tool.operation, &reply),
    })
}

/// Asks a question and waits for its answer as long as the daemon says; a client may give up a call that takes longer.
fn ask(client: &Client, fields: Map<String, Value>) -> Result<Value, ClientError> {
    let request: AskTask = serde_json::from_value(fields.into())
        .map_err(|error| invalid(error.to_string(), "pass question as a text"))?;
    let reply = client.ask(&request, |reply| Some(Duration::from_millis(reply.wait_ms)))?;
    Ok(replies::of_ask(&reply))
}

/// A part of all that is known of a task.
fn show(client: &Client, fields: &mut Map<String, Value>) -> Result<Value, ClientError> {
    let from = take_cursor(fields)?;
    let id = fields.remove("id");
    let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
    let details: Value = client.get(&task_path(id, "")?, &*fields)?;
    let context = match &from {
        Some(from) if !from.is_in(&["task", "worker_context"]) => Value::Null,
        Some(_) | None => client.get(&task_path(id, "context")?, &*fields)?,
    };
    part(&replies::of_show(&details, &context), from.as_ref()).ok_or_else(no_such_part)
}

/// A part of what was changed.
fn diff(client: &Client, fields: &mut Map<String, Value>) -> Result<Value, ClientError> {
    let from = take_cursor(fields)?;
    let id = fields.remove("id");
    let id = id.as_ref().and_then(Value::as_str).unwrap_or_default();
    let reply: Value = client.get(&task_path(id, "diff")?, &*fields)?;
    part(&replies::of_diff(&reply), from.as_ref()).ok_or_else(no_such_part)
}

/// Where the part begins that is asked for.
fn take_cursor(fields: &mut Map<String, Value>) -> Result<Option<Position>, ClientError> {
    let cursor = fields.remove("cursor");
    let cursor = cursor.as_ref().and_then(Value::as_str).filter(|cursor| !cursor.trim().is_empty());
    cursor.map(|text| Position::parse(text).ok_or_else(no_such_part)).transpose()
}

fn no_such_part() -> ClientError {
    invalid(
        "cursor: no such part".to_owned(),
        "pass next_cursor of the previous reply, or omit cursor to start over",
    )
}

fn invalid(message: String, hint: &str) -> ClientError {
    let (code, hint) = (ErrorCode::InvalidValue, Some(hint.to_owned()));
    ClientError::Refused(ErrorDetail { hint, ..ErrorDetail::new(code, message) })
}

/// Puts what is recorded of files in the place of their paths.
fn take_files(tool: &Tool, fields: &mut Map<String, Value>) -> Result<(), ClientError> {
    for field in tool.fields.iter().filter(|field| field.given == Given::Paths) {
        if let Some(Value::Array(paths)) = fields.get(field.of) {
            let taken = artifacts_field(paths.iter().filter_map(Value::as_str))?;
            fields.insert(field.of.to_owned(), taken);
        }
    }
    Ok(())
}

/// How many tasks are listed; the request asks for one more, to know whether there is one.
fn take_limit(fields: &mut Map<String, Value>) -> Result<usize, ClientError> {
    let limit = match fields.get("limit").and_then(Value::as_u64) {
        None if fields.contains_key("limit") => None,
        None => Some(LIST_DEFAULT),
        Some(limit) => usize::try_from(limit).ok().filter(|limit| (1..=LIST_MAX).contains(limit)),
    };
    let limit = limit.ok_or_else(|| {
        let report = format!("limit must be between 1 and {LIST_MAX}");
        invalid(report, "pass next_cursor for more")
    })?;
    fields.insert("limit".to_owned(), (limit + 1).into());
    Ok(limit)
}

/// The path of a request with the id in its place. The fields keep what is not in it.
fn addressed(
    operation: &Operation,
    id: &str,
    fields: &mut Map<String, Value>,
) -> Result<String, ClientError> {
    let Some(rest) = operation.path.strip_prefix("/v1/tasks/{id}") else {
        return Ok(operation.path.to_owned());
    };
    fields.remove("id");
    task_path(id, rest.trim_start_matches('/'))
}
