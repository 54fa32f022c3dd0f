//! What a line of input is: JSON-RPC 2.0 as the Model Context Protocol has it, one message a line.
//!
//! Pure. The protocol library behind this reads well-formed messages only: it passes over a line that it cannot read, answers
//! nothing, and its sender waits without end. Here every line that is, or may have been, a request gets an answer.
//!
//! | line | answer |
//! |---|---|
//! | no JSON: bytes that are no UTF-8, half a surrogate pair, NaN, a number that no reader holds, nested too deep | -32700 |
//! | longer than the limit | -32600 |
//! | an array (a batch) | -32600 for each id in it; nothing of it is done |
//! | `jsonrpc` is not "2.0", no `method`, an id that is neither string nor integer, a request without an id | -32600 |
//! | a notification that has an id | -32601 |
//! | `params` that are no object, or not those of the method | -32602 |
//! | a response, a notification, a blank line | none |
//!
//! An answer has the id of its message wherever that can be found, even in a line that is no JSON (see [`message_id`]).

pub mod message_id;

use rmcp::model::{InitializeRequestParams, PaginatedRequestParams};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::mcp::clipped;
use message_id::IdScanner;

/// Bytes that make no JSON.
pub const PARSE_ERROR: i32 = -32700;
/// JSON that is no request.
pub const INVALID_REQUEST: i32 = -32600;
/// A method that is not there.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// A method that is there, with parameters that it does not take.
pub const INVALID_PARAMS: i32 = -32602;

/// Longest line that is read, bytes. The daemon takes requests of 8 MiB; as JSON text a byte may be written in six.
pub const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Requests of one batch that are answered by their ids.
const BATCH_ANSWERS_MAX: usize = 10_000;

/// Characters of an error's message.
const MESSAGE_CHARS_MAX: usize = 500;

/// What a line, or a part of one, is.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A request, whose parameters are an object.
    Request(Request),
    /// To be answered with an error.
    Refused(Refused),
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// A string or an integer.
    pub id: Value,
    /// The method.
    pub method: String,
    /// Its parameters.
    pub params: Map<String, Value>,
}

/// An error.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The id of the message; none where it has none that could be found.
    pub id: Option<Value>,
    /// One of the four codes.
    pub code: i32,
    /// What is wrong, in one line.
    pub message: String,
}

impl Refused {
    /// An error whose message is cut to a bounded length.
    pub fn new(id: Option<Value>, code: i32, message: &str) -> Self {
        Self { id, code, message: clipped(message, MESSAGE_CHARS_MAX) }
    }

    /// A line that is longer than the limit.
    pub fn too_long(id: Option<Value>) -> Self {
        let message = format!("the message is longer than {LINE_BYTES_MAX} bytes");
        Self::new(id, INVALID_REQUEST, &message)
    }

    /// As a line of output.
    pub fn line(&self) -> String {
        let id = self.id.clone().unwrap_or_default();
        let error = json!({ "code": self.code, "message": self.message });
        json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string()
    }
}

/// Whether a request may have this id. A number with a fraction cannot be compared safely, so it is none.
pub fn is_valid_id(id: &Value) -> bool {
    match id {
        Value::String(_) => true,
        Value::Number(number) => {
            number.is_i64()
                || number.is_u64()
                || number.as_f64().is_some_and(|it| it.fract() == 0.0)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// What a line is. Several messages on a line are several messages.
pub fn read(line: &[u8]) -> Vec<Incoming> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Vec::new();
    }
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => {
            let report = format!("parse error: invalid UTF-8 at byte {}", error.valid_up_to());
            return vec![unreadable(line, &report)];
        }
    };
    let mut read = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let rest = line.get(values.byte_offset()..).unwrap_or_default();
        match values.next() {
            None => return read,
            Some(Ok(value)) => read.extend(of_value(value)),
            Some(Err(error)) => {
                read.push(unreadable(rest, &format!("parse error: {error}")));
                return read;
            }
        }
    }
}

fn unreadable(message: &[u8], report: &str) -> Incoming {
    Incoming::Refused(Refused::new(IdScanner::scan(message), PARSE_ERROR, report))
}

fn of_value(value: Value) -> Vec<Incoming> {
    match value {
        Value::Object(message) => of_message(message).into_iter().collect(),
        Value::Array(batch) => of_batch(&batch),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let report = format!("a message must be an object, not {}", kind_of(&value));
            vec![Incoming::Refused(Refused::new(None, INVALID_REQUEST, &report))]
        }
    }
}

/// The protocol has had no batches since 2025-06-18.
fn of_batch(batch: &[Value]) -> Vec<Incoming> {
    let report = "batches are not supported: send one message per line";
    let ids = batch.iter().filter_map(|message| message.get("id")).filter(|id| is_valid_id(id));
    let refused = |id| Incoming::Refused(Refused::new(id, INVALID_REQUEST, report));
    let mut answers: Vec<Incoming> =
        ids.take(BATCH_ANSWERS_MAX).map(|id| refused(Some(id.clone()))).collect();
    if answers.is_empty() {
        answers.push(refused(None));
    }
    answers
}

fn of_message(mut message: Map<String, Value>) -> Option<Incoming> {
    // This side asks nothing, so no response belongs to anything; and an answer to an answer would have no end.
    if !message.contains_key("method")
        && (message.contains_key("result") || message.contains_key("error"))
    {
        return None;
    }
    let given = message.remove("id");
    let id = given.clone().filter(is_valid_id);
    let refused =
        |code, report: &str| Some(Incoming::Refused(Refused::new(id.clone(), code, report)));
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return refused(INVALID_REQUEST, "jsonrpc must be \"2.0\"");
    }
    let Some(Value::String(method)) = message.remove("method") else {
        return refused(INVALID_REQUEST, "method must be a string");
    };
    let is_notification = method.starts_with("notifications/");
    match (&given, &id) {
        // None of them means anything here: nothing can be cancelled, and nothing of the client's is asked for.
        (None, _) if is_notification => return None,
        (None, _) => return refused(INVALID_REQUEST, &format!("{method} requires an id")),
        (Some(given @ Value::Number(_)), None) => {
            let report = "id must be a string or an integer, not a number with a fraction";
            return Some(Incoming::Refused(Refused::new(
                Some(given.clone()),
                INVALID_REQUEST,
                report,
            )));
        }
        (Some(given), None) => {
            let report = format!("id must be a string or an integer, not {}", kind_of(given));
            return refused(INVALID_REQUEST, &report);
        }
        (Some(_), Some(_)) if is_notification => {
            return refused(METHOD_NOT_FOUND, &format!("{method} is a notification: omit the id"));
        }
        (Some(_), Some(_)) => {}
    }
    let params = match message.remove("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(other) => {
            let report = format!("params must be an object, not {}", kind_of(&other));
            return refused(INVALID_PARAMS, &report);
        }
    };
    if let Err(report) = check(&method, &params) {
        return refused(INVALID_PARAMS, &format!("{method}: {report}"));
    }
    id.map(|id| Incoming::Request(Request { id, method, params }))
}

/// Whether a method takes these parameters. The library takes a known method with other parameters for an unknown one.
fn check(method: &str, params: &Map<String, Value>) -> Result<(), String> {
    match method {
        "tools/call" => {
            let wrong = |name: &str, wanted: &str, value: &Value| {
                Err(format!("{name} must be {wanted}, not {}", kind_of(value)))
            };
            match params.get("name") {
                None => return Err("name is required".to_owned()),
                Some(Value::String(_)) => {}
                Some(other) => return wrong("name", "a string", other),
            }
            match params.get("arguments") {
                None | Some(Value::Null | Value::Object(_)) => {}
                Some(other) => return wrong("arguments", "an object", other),
            }
            typed::<rmcp::model::CallToolRequestParams>(params)
        }
        "tools/list" => typed::<PaginatedRequestParams>(params),
        "initialize" => typed::<InitializeRequestParams>(params),
        _ => Ok(()),
    }
}

fn typed<T: DeserializeOwned>(params: &Map<String, Value>) -> Result<(), String> {
    let read = serde_json::from_value::<T>(Value::Object(params.clone()));
    read.map(drop).map_err(|error| error.to_string())
}

/// A kind of value, with its article.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
