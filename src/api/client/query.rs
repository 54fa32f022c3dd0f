//! The fields of a read request as a query string.

use serde::Serialize;
use serde_json::Value;

use crate::api::client::error::ClientError;

/// A path with the fields of `query`; those that are null are left out.
///
/// # Errors
/// The query is not made of fields.
pub(super) fn with_query(path: &str, query: &impl Serialize) -> Result<String, ClientError> {
    let unwritable = |error: &dyn std::fmt::Display| {
        ClientError::Local(format!("cannot encode the query: {error}"))
    };
    // A number of a JSON value is text that only a JSON writer knows, so it is made text before.
    let query = serde_json::to_value(query).map_err(|error| unwritable(&error))?;
    let pairs = match query {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, text(value))).collect()
        }
        Value::Array(pairs) => pairs.into_iter().filter_map(pair).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let pairs: Vec<(String, String)> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let pairs = serde_urlencoded::to_string(&pairs).map_err(|error| unwritable(&error))?;
    Ok(if pairs.is_empty() { path.to_owned() } else { format!("{path}?{pairs}") })
}

/// A value as it stands in a query; none when it is null.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn pair(pair: Value) -> Option<(String, Option<String>)> {
    let Value::Array(pair) = pair else { return None };
    let [Value::String(name), value] = <[Value; 2]>::try_from(pair).ok()? else { return None };
    Some((name, text(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_is_not_null() {
        let values = serde_json::json!({"a": "x y", "b": 5, "c": null, "d": true});
        assert_eq!(with_query("/p", &values).unwrap(), "/p?a=x+y&b=5&d=true");
        assert_eq!(with_query("/p", &[("a", "1"), ("b", "")]).unwrap(), "/p?a=1&b=");
        assert_eq!(with_query("/p", &[("", ""); 0]).unwrap(), "/p");
    }
}
