//! `archive`: puts a task away. Its children are released.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Right;
use crate::kernel::error::VerbError;
use crate::kernel::event::EventKind;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::run::RunOutcome;
use crate::kernel::store;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::release::promote_released_children;

/// Puts a task away. A running one is a verdict: its run ends `reclaimed` at once and closes when its processes are gone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveTask {
    /// The task.
    pub id: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// What the archiving did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The run that it ended.
    pub run_id: Option<RunId>,
    /// Children that became ready.
    pub released: usize,
}

impl Verb for ArchiveTask {
    type Reply = ArchiveReply;
    const NAME: &'static str = "archive";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ArchiveReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let to = Tx::step(&task, TaskStep::Archive, Self::NAME, "")?;
        let ending = Ending {
            summary: Some("the task was archived while this run was active"),
            ..Ending::of(RunOutcome::Reclaimed)
        };
        let run_id = end_current_run(tx, &task, &ending)?;
        store::tasks::set_status(tx.store(), &task.id, task.status, to, None, tx.now)?;
        store::tasks::set_archived_at(tx.store(), &task.id, tx.now)?;
        tx.count(&task, Some(task.status), Some(to));
        tx.event(&task, run_id, EventKind::Archived, None)?;
        let released = promote_released_children(tx, &task.id)?;
        Ok(ArchiveReply { id: task.id.to_string(), board: task.board, run_id, released })
    }
}
