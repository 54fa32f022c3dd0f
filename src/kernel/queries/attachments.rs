//! `attachments`: lists the files that are attached to a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::attachments::Attachment;

/// Lists the files that are attached to a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAttachments {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

impl Query for ListAttachments {
    type Reply = Vec<Attachment>;
    const NAME: &'static str = "attachments";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<Attachment>, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        Ok(store::attachments::list(snapshot.connection, &task.id)?)
    }
}
