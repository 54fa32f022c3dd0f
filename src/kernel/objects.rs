//! Lists of objects in requests. A struct can be read from a list of its values too, field by field; in a request that is never
//! meant, so each item has to be an object.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// Reads a list whose items are objects; for `deserialize_with`.
///
/// # Errors
/// An item is something else, or not what is wanted.
pub fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = Vec::<Value>::deserialize(deserializer)?;
    let read = |(place, item): (usize, Value)| match item {
        Value::Object(_) => serde_json::from_value(item).map_err(D::Error::custom),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(D::Error::custom(format!("item {place} of a list must be a JSON object")))
        }
    };
    items.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kernel::verbs::{CompleteTask, CreateTasks};

    #[test]
    fn no_struct_in_a_request_is_read_from_a_list_of_its_values() {
        for (tasks, is_read) in [
            (json!([{"title": "t"}]), true),
            (json!([]), true),
            (json!([["t", "body"]]), false),
            (json!([{"title": "t"}, "t"]), false),
            (json!([null]), false),
        ] {
            let request = json!({ "tasks": tasks });
            assert_eq!(serde_json::from_value::<CreateTasks>(request).is_ok(), is_read, "{tasks}");
        }
        let sha = "0".repeat(64);
        let request = json!({"id": "t_1", "artifacts": [["/x", 1, sha]]});
        assert!(serde_json::from_value::<CompleteTask>(request).is_err());
    }
}
