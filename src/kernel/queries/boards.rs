//! `boards`: lists boards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::boards::BoardRow;

/// Lists boards.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListBoards {}

impl Query for ListBoards {
    type Reply = Vec<BoardRow>;
    const NAME: &'static str = "boards";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<BoardRow>, VerbError> {
        let mut boards = store::boards::list(snapshot.connection)?;
        match snapshot.caller {
            Caller::Worker { board, .. } => boards.retain(|row| row.name == *board),
            Caller::Chat(by) if !by.may.boards.is_empty() => {
                boards.retain(|row| by.may.boards.contains(row.name.as_str()));
            }
            Caller::Chat(_) | Caller::Operator { .. } | Caller::Courier | Caller::System { .. } => {
            }
        }
        Ok(boards)
    }
}
