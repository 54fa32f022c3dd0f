//! `resume_schedule`: a paused schedule makes tasks again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::schedule::ScheduleState;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::add_schedule::{ScheduleChange, found};
use crate::kernel::verbs::caller_schedules::{refuse_schedule, schedule_of_caller};
use crate::kernel::verbs::occurrences::arm;

/// Resumes a schedule, from its next occurrence on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResumeSchedule {
    /// The schedule.
    pub name: String,
    /// Board of the schedule.
    pub board: Option<String>,
}

impl Verb for ResumeSchedule {
    type Reply = ScheduleChange;
    const NAME: &'static str = "resume_schedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleChange, VerbError> {
        let (board, mut schedule) =
            schedule_of_caller(tx, &self.name, self.board.as_deref(), Self::NAME)?;
        refuse_schedule(tx.caller, &schedule)?;
        if schedule.state != ScheduleState::Paused {
            return Ok(ScheduleChange { schedule, changed: false, warnings: Vec::new() });
        }
        let clockwork = Clockwork::of(&schedule)?;
        schedule.last_at = schedule.last_at.max(tx.now);
        schedule.next_at =
            clockwork.times().next(schedule.last_at).filter(|_| schedule.left() != Some(0));
        if schedule.next_at.is_none() {
            return Err(Refusal::NoOccurrence { name: schedule.name }.into());
        }
        store::schedules::set_resumed(tx.store(), &schedule, (tx.caller.author(), tx.now))?;
        arm(tx, &schedule);
        Ok(ScheduleChange {
            schedule: found(tx, &board, &schedule.name)?,
            changed: true,
            warnings: Vec::new(),
        })
    }
}
