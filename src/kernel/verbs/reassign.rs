//! `reassign`: assigns a task to another profile, also while it runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::assignee::{Admitted, assign, checked_assignee};
use crate::kernel::verbs::reclaim::{ReclaimReply, reclaim};

/// Gives a task to another profile, reclaiming it first when it is running.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReassignTask {
    /// The task.
    pub id: String,
    /// The profile; null clears the assignee.
    pub assignee: Option<String>,
    /// Reason, recorded in the run and the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for ReassignTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "reassign";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let Admitted { name: assignee, warnings } = checked_assignee(tx, self.assignee.as_deref())?;
        let mut reply = if task.status == TaskStatus::Running {
            reclaim(tx, &task, Self::NAME, reason.as_deref())?
        } else {
            ReclaimReply {
                id: task.id.to_string(),
                board: task.board.clone(),
                status: task.status,
                assignee: None,
                run_id: None,
                stopping: false,
                held: Vec::new(),
                warnings: Vec::new(),
            }
        };
        let task = tx.reread(&task.id)?;
        assign(tx, &task, assignee.as_deref())?;
        reply.assignee = assignee;
        reply.warnings = warnings;
        Ok(reply)
    }
}
