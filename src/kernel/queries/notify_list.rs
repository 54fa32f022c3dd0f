//! `notify_list`: lists notification subscriptions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::subscriptions::Subscription;

/// Lists notification subscriptions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListSubscriptions {
    /// Only subscriptions to this task.
    pub task: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Query for ListSubscriptions {
    type Reply = Vec<Subscription>;
    const NAME: &'static str = "notify_list";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Subscription>, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?.name;
        Ok(match &self.task {
            Some(id) => {
                let task = snapshot.task(id, self.board.as_deref(), Self::NAME)?;
                store::subscriptions::list_of_task(snapshot.connection, &task.id)?
            }
            None => store::subscriptions::list_of_board(snapshot.connection, &board)?,
        })
    }
}
