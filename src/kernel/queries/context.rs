//! `context`: shows the text that a worker reads first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::context;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::query::Query;
use crate::kernel::snapshot::Snapshot;

/// Shows what a worker reads before it begins.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetContext {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Context of a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContextReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Markdown.
    pub context: String,
}

impl Query for GetContext {
    type Reply = ContextReply;
    const NAME: &'static str = "context";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<ContextReply, VerbError> {
        self.read_knowing(snapshot, &|_run| None)
    }
}

impl GetContext {
    /// The same, with what the files of the open run say about its workspace: the board may not have it yet, and has not all of it.
    ///
    /// # Errors
    /// As [`Query::read`].
    pub fn read_knowing(
        &self,
        snapshot: &Snapshot<'_>,
        of_run: &dyn Fn(RunId) -> Option<context::WorkspaceFacts>,
    ) -> Result<ContextReply, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let material = context::Material::read(snapshot.connection, task, of_run)?;
        Ok(ContextReply {
            id: material.task.id.to_string(),
            board: material.task.board.clone(),
            context: context::render(&material, snapshot.local_time),
        })
    }
}
