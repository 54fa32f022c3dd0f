//! `archive`: archives a task. The children of one that is not done are held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::run::RunOutcome;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::{Left, leave_children};

/// Archives a task. A running one is a verdict: its run ends `reclaimed` at once and closes when its processes are gone. Children
/// that wait for a task that is not done become `blocked`, until a person unblocks them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveTask {
    /// The task.
    pub id: String,
    /// Lets children that wait for an unfinished task go on instead of holding them.
    pub release_children: bool,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `archive`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The run it ended.
    pub run_id: Option<RunId>,
    /// Number of children that became ready.
    pub released: usize,
    /// Children that were held: they wait for a person.
    #[serde(default)]
    pub held: Vec<String>,
}

impl Verb for ArchiveTask {
    type Reply = ArchiveReply;
    const NAME: &'static str = "archive";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ArchiveReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        Tx::step(&task, TaskStep::Archive, Self::NAME, "")?;
        let ending = Ending {
            summary: Some("the task was archived while this run was active"),
            ..Ending::of(RunOutcome::Reclaimed)
        };
        let run_id = end_current_run(tx, &task, &ending)?;
        let arrival = Arrival::Archived { from: task.status };
        let cause = Cause::of(Self::NAME, run_id, EventBody::Archived).with(arrival);
        tx.move_task(&task, TaskStep::Archive, &cause)?;
        let Left { released, held } = leave_children(tx, &task, self.release_children)?;
        Ok(ArchiveReply { id: task.id.to_string(), board: task.board, run_id, released, held })
    }
}
