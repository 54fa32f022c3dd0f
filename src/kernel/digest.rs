//! Digests of requests: two requests with one id are the same when their digests are.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Arguments without the fields that say nothing, so that a request is the same one to a newer program that knows more fields.
/// The members of a list of requests are looked at too; what is deeper is the caller's own.
fn without_defaults(arguments: Value) -> Value {
    let mut arguments = without_empty_fields(arguments);
    let fields = arguments.as_object_mut().into_iter().flat_map(|fields| fields.values_mut());
    for item in fields.filter_map(Value::as_array_mut).flatten() {
        *item = without_empty_fields(item.take());
    }
    arguments
}

fn without_empty_fields(mut value: Value) -> Value {
    let says_something = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    };
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| says_something(value));
    }
    value
}

/// Hex SHA-256 over a verb's name, its caller and its arguments.
pub fn of(name: &str, actor: &str, arguments: Value) -> String {
    let arguments = without_defaults(arguments).to_string();
    hex(&[name.as_bytes(), actor.as_bytes(), arguments.as_bytes()])
}

/// The same over all arguments in the order of the verb's fields.
pub fn full(name: &str, actor: &str, verb: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_vec(verb)?;
    Ok(hex(&[name.as_bytes(), actor.as_bytes(), &json]))
}

/// Hex SHA-256 over parts, each preceded by its length so that no two lists of parts read the same.
pub fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
