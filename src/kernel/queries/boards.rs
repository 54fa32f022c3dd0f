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
        if let Caller::Worker { board, .. } = snapshot.caller {
            boards.retain(|row| row.name == *board);
        }
        Ok(boards)
    }
}
