//! `unschedule`: takes the start time off a task, or lets a parked one go on; parents and failure counts stay as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::schedule::{ScheduleReply, set_start_time};
use crate::kernel::verbs::start_time::refuse_start_time;

/// Removes the start time of a task, or lets a parked one go on: it lands where its parents allow.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnscheduleTask {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for UnscheduleTask {
    type Reply = ScheduleReply;
    const NAME: &'static str = "unschedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        refuse_start_time(&task, Self::NAME)?;
        if task.start_at.is_none() && !task.parked {
            return Err(Tx::wrong_status(&task, Self::NAME, " (it has no start time)").into());
        }
        let timed = Task { start_at: None, parked: false, ..task };
        set_start_time(tx, &timed, Self::NAME, |status| EventBody::Unscheduled { status })?;
        Ok(ScheduleReply::of(tx.reread(&timed.id)?, Vec::new()))
    }
}
