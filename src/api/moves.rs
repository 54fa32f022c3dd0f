//! `moves`: the table of [`crate::kernel::rules::moves`] with the path of each operation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::operation::Method;
use crate::api::operations::OPERATIONS;
use crate::kernel::rules::moves::{self, Move};

/// What a person can do to a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Moves {
    /// By operation and the status that each starts from.
    pub moves: Vec<MoveWithPath>,
}

/// A move with the path of its operation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MoveWithPath {
    /// Path of the operation, to be posted to; `{id}` stands for the task.
    pub path: String,
    /// The move.
    #[serde(flatten)]
    pub what: Move,
}

/// All moves.
pub fn moves() -> Moves {
    let path_of = |operation: &str| {
        let found =
            OPERATIONS.iter().find(|one| one.name == operation && one.method == Method::Post);
        found.map(|one| one.path.to_owned())
    };
    let with_path = |what: Move| Some(MoveWithPath { path: path_of(&what.operation)?, what });
    Moves { moves: moves::moves().into_iter().filter_map(with_path).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_move_is_an_operation_and_what_it_asks_for_is_a_field_of_it() {
        let all = moves().moves;
        assert_eq!(all.len(), moves::moves().len());
        for one in all {
            let operation = OPERATIONS
                .iter()
                .find(|other| other.name == one.what.operation && other.method == Method::Post)
                .unwrap();
            let mut generator = schemars::SchemaGenerator::default();
            let schema = (operation.request)(&mut generator);
            let reference = schema.as_value()["$ref"].as_str().unwrap().to_owned();
            let name = reference.rsplit('/').next().unwrap();
            let definition = &generator.definitions()[name];
            let asked = one.what.asks.iter().map(|ask| ask.field.clone());
            let fixed = one.what.with.as_object().unwrap().keys().cloned();
            for field in asked.chain(fixed) {
                assert!(definition["properties"].get(&field).is_some(), "{}.{field}", one.path);
            }
        }
    }
}
