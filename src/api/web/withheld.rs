//! What the web may not ask for.

use bytes::Bytes;
use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::operation::Operation;
use crate::kernel::error::ErrorCode;

/// Refuses an operation that is not served over TCP.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn must_be_for_web(operation: &Operation) -> Result<(), ApiError> {
    if operation.is_for_web() {
        return Ok(());
    }
    let message = format!("operation `{}` is not available on the web", operation.name);
    Err(ApiError::new(ErrorCode::Forbidden, message)
        .with_hint("use `kanban` on the host of the daemon"))
}

/// Refuses a stop that takes a person's word for the end of processes: such a word is given where the processes can be looked at.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn must_not_force(operation: &Operation, fields: &Bytes) -> Result<(), ApiError> {
    if !matches!(operation.name, "stop" | "bulk") {
        return Ok(());
    }
    // What is no JSON is refused where it is read.
    let Ok(fields) = serde_json::from_slice::<Value>(fields) else { return Ok(()) };
    if !forces_stop(operation.name == "stop", &fields) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::Forbidden,
        "`force` is not available on the web: it closes a run whose processes may still live",
    )
    .with_hint("look at the processes, then `kanban stop --force` on the host of the daemon"))
}

/// Whether something in a request is a stop with `force`.
fn forces_stop(is_stop: bool, fields: &Value) -> bool {
    match fields {
        Value::Object(fields) => {
            let names_stop = fields.values().any(|value| value == "stop");
            let is_forced = fields.get("force").is_some_and(|value| *value != Value::Bool(false));
            ((is_stop || names_stop) && is_forced)
                || fields.iter().any(|(name, value)| {
                    forces_stop(is_stop || names_stop || name == "stop", value)
                })
        }
        Value::Array(items) => items.iter().any(|item| forces_stop(is_stop, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::operation::NOT_FOR_WEB;
    use crate::api::operations::OPERATIONS;

    #[test]
    fn every_name_that_is_withheld_is_that_of_an_operation() {
        for name in NOT_FOR_WEB {
            assert!(OPERATIONS.iter().any(|one| one.name == *name), "{name}");
        }
        for operation in OPERATIONS {
            let refused = must_be_for_web(operation).is_err();
            assert_eq!(refused, NOT_FOR_WEB.contains(&operation.name), "{}", operation.name);
        }
    }

    #[test]
    fn force_is_seen_wherever_it_belongs_to_a_stop() {
        use serde_json::json;
        for (is_stop, fields, expected) in [
            (true, json!({ "force": true }), true),
            (true, json!({ "force": false }), false),
            (true, json!({ "reason": "x" }), false),
            (false, json!({ "operation": "stop", "force": true }), true),
            (false, json!({ "do": { "stop": { "force": true } } }), true),
            (false, json!({ "do": [{ "verb": "stop", "with": { "force": true } }] }), true),
            (false, json!({ "operation": "promote", "force": true }), false),
        ] {
            assert_eq!(forces_stop(is_stop, &fields), expected, "{fields}");
        }
    }
}
