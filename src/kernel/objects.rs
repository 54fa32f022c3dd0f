//! Lists of objects in requests. A struct can be read from a list of its values too, field by field; in a request that is never
//! meant, so each item has to be an object.

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// Reads a list whose items are objects; for `deserialize_with`. The items are read where they stand: on the way from a value to a
/// type a number can lose the sign of a zero.
///
/// # Errors
/// An item is something else, or not what is wanted.
pub fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let items = Vec::<Item<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Item(item)| item).collect())
}

/// A struct that is read from an object only.
struct Item<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(ObjectOnly(deserializer)).map(Self)
    }
}

/// Asks for an object where a struct is asked for.
struct ObjectOnly<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
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
