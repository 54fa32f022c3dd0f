//! `restart`: stops the run of a task and starts the task again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::reclaim::ReclaimReply;
use crate::kernel::verbs::stop::{AfterStop, reply, stop};

/// Stops the work on a running task and makes the task ready again. Its run ends `stopped`, which is no failure; the next one
/// starts when the processes are gone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestartTask {
    /// The task.
    pub id: String,
    /// Reason, recorded in the run and the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for RestartTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "restart";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if task.status != TaskStatus::Running {
            return Err(Tx::wrong_status(&task, Self::NAME, " (not running)").into());
        }
        let stopped = stop(tx, &task, AfterStop::Requeue, reason, false)?;
        reply(tx, &task.id, stopped)
    }
}
