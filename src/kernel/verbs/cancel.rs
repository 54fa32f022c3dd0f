//! `cancel`: a task that is not to be done. It is archived; its run, if it has one, is stopped; its children are held.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::reclaim::ReclaimReply;
use crate::kernel::verbs::release::leave_children;
use crate::kernel::verbs::stop::{AfterStop, Stopped, reply, stop};

/// Cancels a task: archives it, and stops its run when it has one. Children that wait for it become `blocked`, until a person
/// unblocks them. Refused for a task that is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelTask {
    /// The task.
    pub id: String,
    /// Reason, recorded in the run and the event.
    pub reason: Option<String>,
    /// Lets children that wait for the task go on instead of holding them.
    pub release_children: bool,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for CancelTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "cancel";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if task.status == TaskStatus::Running {
            let stopped = stop(tx, &task, AfterStop::Cancel, reason, self.release_children)?;
            return reply(tx, &task.id, stopped);
        }
        // What is done cannot be undone by that; `archive` hides it.
        Tx::step(&task, TaskStep::Archive, Self::NAME, "")?;
        if task.status == TaskStatus::Done {
            return Err(Tx::wrong_status(&task, Self::NAME, " (archive it instead)").into());
        }
        let message = EventBody::Cancelled { reason, cancelled: true };
        let arrival = Arrival::Archived { from: task.status };
        let cause = Cause::of(Self::NAME, None, message).with(arrival);
        tx.move_task(&task, TaskStep::Archive, &cause)?;
        let held = leave_children(tx, &task, self.release_children)?.held;
        reply(tx, &task.id, Stopped { run_id: None, held })
    }
}
