//! Requests that the courier sends for a person of a chat: who that is, and whether they confirmed what is asked back.
//!
//! At the courier's socket alone. At every other one the headers are refused: they cannot make anybody more than they are, and who sends
//! them there is mistaken.

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::api::auth::Door;
use crate::api::error::ApiError;
use crate::api::input::{bad_request, header};
use crate::api::operation::{Method, Operation};
use crate::kernel::caller::{Caller, ChatCaller};
use crate::kernel::chat::{CONFIRM_HEADER, FOR_HEADER, For, REQUEST_PREFIX};
use crate::kernel::digest;
use crate::kernel::error::ErrorCode;
use crate::kernel::rules::chat_groups::{CHAT_GROUPS, ChatGroup, chat_group};
use crate::kernel::verbs::AskBack;
use crate::service::chat;

/// The caller: the person for whom the courier asks, where it asks for one.
///
/// # Errors
/// The header came in at another door, cannot be read, or names a person whom no operator has allowed.
pub async fn caller_for(
    api: &Api,
    door: Door,
    headers: &HeaderMap,
    caller: Caller,
) -> Result<Caller, ApiError> {
    let given = header(headers, FOR_HEADER)?;
    if given.is_none() && !headers.contains_key(CONFIRM_HEADER) {
        return Ok(caller);
    }
    if door != Door::Courier || caller != Caller::Courier {
        let message = format!("header {FOR_HEADER} is taken at the courier's socket only");
        return Err(ApiError::new(ErrorCode::Forbidden, message));
    }
    let Some(given) = given else {
        return Err(bad_request(format!("header {CONFIRM_HEADER} needs {FOR_HEADER} beside it")));
    };
    let ask: For =
        given.parse().map_err(|error| bad_request(format!("header {FOR_HEADER}: {error}")))?;
    Ok(chat::person(&api.service, ask).await?)
}

/// A request of a person of a chat.
pub struct Asked<'a> {
    /// What they ask for.
    pub operation: &'static Operation,
    /// The task of the path.
    pub task: Option<&'a str>,
    /// The path.
    pub path: &'a str,
    /// The body.
    pub fields: &'a Bytes,
    /// Under which id it may be repeated.
    pub request_id: Option<&'a str>,
}

/// Refuses an id of requests of people in chats from others: it would take the room of one that is still to come.
///
/// # Errors
/// [`ErrorCode::BadRequest`].
pub fn refuse_taken(caller: &Caller, request_id: Option<&str>) -> Result<(), ApiError> {
    let is_theirs = matches!(caller, Caller::Chat(_));
    if !is_theirs && request_id.is_some_and(|id| id.starts_with(REQUEST_PREFIX)) {
        return Err(bad_request(format!(
            "ids of requests that begin with {REQUEST_PREFIX} are those of people in chats"
        )));
    }
    Ok(())
}

/// Refuses a request that is to be confirmed first, and one that writes without the id under which a repeat acts once.
///
/// # Errors
/// [`ErrorCode::ConfirmNeeded`] with the question, or why it is refused.
pub async fn check(
    api: &Api,
    by: &ChatCaller,
    headers: &HeaderMap,
    asked: Asked<'_>,
) -> Result<(), ApiError> {
    if asked.operation.method == Method::Get {
        return Ok(());
    }
    let prefix = by.ask.request_prefix();
    if !asked.request_id.is_some_and(|id| id.starts_with(&prefix)) {
        let message =
            format!("a request for a person of a chat needs an id that begins with {prefix}");
        return Err(bad_request(message));
    }
    // Read as the operation reads it, so that nothing passes here that is done there.
    let fields = match asked.fields.as_ref() {
        [] => Map::new(),
        fields => match crate::kernel::json::from_slice(fields) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => return Err(bad_request("the body is no JSON object".to_owned())),
        },
    };
    let Some(operation) = meant(asked.operation.name, &fields) else { return Ok(()) };
    by.may_ask(operation)?;
    if fields.get("force").is_some_and(|force| *force == Value::Bool(true)) && operation == "stop" {
        let message =
            "`force` is not available in a chat: it closes a run whose processes may still live";
        return Err(ApiError::new(ErrorCode::Forbidden, message));
    }
    if chat_group(operation) != Some(ChatGroup::Operate) {
        return Ok(());
    }
    let digest = digest(asked.path, &fields);
    if let Some(token) = header(headers, CONFIRM_HEADER)? {
        if chat::is_confirmed(&api.service, by, token, (operation, digest)).await? {
            return Ok(());
        }
        let message =
            format!("`{operation}` was not what was confirmed: only the first of a line is");
        return Err(ApiError::new(ErrorCode::Forbidden, message)
            .with_hint("ask for it with a command of its own"));
    }
    let (tasks, about) = about(asked.task, operation, asked.path, &fields);
    let verb = AskBack { operation, digest, tasks, about };
    let caller = Caller::Chat(Box::new(by.clone()));
    let (question, confirm) = chat::ask_back(&api.service, caller, verb).await?;
    Err(ApiError::confirm_needed(question, confirm))
}

/// The operation that a request means: that of its parts, where it is one for many tasks. None where no such operation is known: that is
/// refused where it is read.
fn meant(operation: &'static str, fields: &Map<String, Value>) -> Option<&'static str> {
    if operation != "bulk" {
        return Some(operation);
    }
    let verb = fields.get("verb").and_then(Value::as_str)?;
    CHAT_GROUPS.iter().map(|(name, _)| *name).find(|name| *name == verb)
}

/// Digest of a request, without its times: a line that says `in two hours` says another time when it is run again.
fn digest(path: &str, fields: &Map<String, Value>) -> String {
    let mut fields = fields.clone();
    without_times(&mut fields);
    if let Some(Value::Object(inner)) = fields.get_mut("fields") {
        without_times(inner);
    }
    digest::hex(&[path.as_bytes(), Value::Object(fields).to_string().as_bytes()])
}

fn without_times(fields: &mut Map<String, Value>) {
    fields.retain(|name, value| !(name.ends_with("_at") && value.is_number()));
}

/// What a question is about: tasks, or words.
fn about(
    task: Option<&str>,
    operation: &str,
    path: &str,
    fields: &Map<String, Value>,
) -> (Vec<String>, String) {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    if operation == "set_dispatch" {
        return (Vec::new(), format!("Set dispatch to {}?", text("to")));
    }
    if operation == "set_pause" {
        let verb =
            if fields.get("paused") == Some(&Value::Bool(true)) { "Pause" } else { "Resume" };
        let of = if text("profile").is_empty() { "board" } else { "profile" };
        return (Vec::new(), format!("{verb} {of} {}?", text(of)));
    }
    if let Some(ids) = fields.get("ids").and_then(Value::as_array).filter(|ids| !ids.is_empty()) {
        return (ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(), String::new());
    }
    if let Some(filter) = fields.get("where").filter(|filter| filter.is_object()) {
        return (Vec::new(), format!("every task with {filter}"));
    }
    if !text("child_id").is_empty() {
        let words = format!("{} behind {}", text("child_id"), text("parent_id"));
        return (Vec::new(), words);
    }
    if !text("key").is_empty() {
        return (Vec::new(), text("key").to_owned());
    }
    match task {
        Some(id) if path.starts_with("/v1/tasks/") => (vec![id.to_owned()], String::new()),
        Some(name) => (Vec::new(), name.to_owned()),
        None => (Vec::new(), "it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn what_is_confirmed_is_the_request_without_its_times() {
        let first = fields(&json!({ "start_at": 5, "reason": "x" }));
        let later = fields(&json!({ "start_at": 9, "reason": "x" }));
        let other = fields(&json!({ "start_at": 5, "reason": "y" }));
        let path = "/v1/tasks/t_1/schedule";
        assert_eq!(digest(path, &first), digest(path, &later));
        assert_ne!(digest(path, &first), digest(path, &other));
        assert_ne!(digest(path, &first), digest("/v1/tasks/t_2/schedule", &first));
        let bulk = |at| fields(&json!({ "verb": "schedule", "fields": { "start_at": at } }));
        assert_eq!(digest("/v1/tasks/bulk", &bulk(1)), digest("/v1/tasks/bulk", &bulk(2)));
    }

    #[test]
    fn a_request_for_many_tasks_means_the_operation_of_its_parts() {
        for (operation, given, expected) in [
            ("stop", json!({}), Some("stop")),
            ("bulk", json!({ "verb": "stop" }), Some("stop")),
            ("bulk", json!({ "verb": "gc" }), Some("gc")),
            ("bulk", json!({ "verb": "fly" }), None),
            ("bulk", json!({}), None),
        ] {
            assert_eq!(meant(operation, &fields(&given)), expected, "{operation}");
        }
    }

    #[test]
    fn a_question_is_about_what_the_request_names() {
        let path = "/v1/tasks/t_1/stop";
        for (task, operation, path, given, expected) in [
            (Some("t_1"), "stop", path, json!({}), (vec!["t_1"], "")),
            (
                None,
                "stop",
                "/v1/tasks/bulk",
                json!({ "ids": ["t_1", "t_2"] }),
                (vec!["t_1", "t_2"], ""),
            ),
            (
                None,
                "set_dispatch",
                "/v1/dispatch/switch",
                json!({ "to": "paused" }),
                (vec![], "Set dispatch to paused?"),
            ),
            (
                None,
                "link",
                "/v1/links",
                json!({ "parent_id": "t_1", "child_id": "t_2" }),
                (vec![], "t_2 behind t_1"),
            ),
            (
                Some("nightly"),
                "run_schedule",
                "/v1/schedules/nightly/run",
                json!({}),
                (vec![], "nightly"),
            ),
            (
                None,
                "reset_breaker",
                "/v1/breakers/reset",
                json!({ "key": "host" }),
                (vec![], "host"),
            ),
        ] {
            let (tasks, words) = about(task, operation, path, &fields(&given));
            assert_eq!(
                (tasks.iter().map(String::as_str).collect::<Vec<_>>(), words.as_str()),
                expected
            );
        }
    }
}
