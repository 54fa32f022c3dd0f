//! `runs`: lists the runs of a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::queries::paged::{PageOf, Paged};
use crate::kernel::run::Run;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::PageBounds;

/// Lists the runs of a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRuns {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

impl Paged for ListRuns {
    type Item = Run;
    /// The task, and the last run that was read.
    type Rest = (TaskId, RunId);
    const NAME: &'static str = "runs";

    fn first(
        &self,
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Run, (TaskId, RunId)>, VerbError> {
        let task = snapshot.task(&self.id, self.board.as_deref(), <Self as Paged>::NAME)?;
        Self::next((task.id, 0), snapshot, bounds)
    }

    fn next(
        (task_id, after): (TaskId, RunId),
        snapshot: &Snapshot<'_>,
        bounds: PageBounds,
    ) -> Result<PageOf<Run, (TaskId, RunId)>, VerbError> {
        let page = store::runs::page_after(snapshot.connection, &task_id, after, bounds)?;
        let last = page.runs.last().map(|run| run.id).filter(|_| page.has_more);
        Ok((page.runs, last.map(|last| (task_id, last))))
    }
}
