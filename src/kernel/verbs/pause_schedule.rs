//! `pause_schedule`: a schedule makes no tasks until it is resumed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::schedule::ScheduleState;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::add_schedule::{ScheduleChange, found};
use crate::kernel::verbs::caller_schedules::schedule_of_caller;
use crate::kernel::{store, validate};

/// Pauses a schedule. The occurrences that come meanwhile are not made later either.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PauseSchedule {
    /// The schedule.
    pub name: String,
    /// Reason, shown with the schedule.
    pub reason: Option<String>,
    /// Board of the schedule.
    pub board: Option<String>,
}

impl Verb for PauseSchedule {
    type Reply = ScheduleChange;
    const NAME: &'static str = "pause_schedule";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleChange, VerbError> {
        let (board, schedule) =
            schedule_of_caller(tx, &self.name, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        if schedule.state == ScheduleState::Paused {
            return Ok(ScheduleChange { schedule, changed: false, warnings: Vec::new() });
        }
        let by = tx.caller.author().to_owned();
        let why = reason.unwrap_or_else(|| format!("paused by {by}"));
        store::schedules::set_paused(tx.store(), schedule.id, &why, (&by, tx.now))?;
        Ok(ScheduleChange {
            schedule: found(tx, &board, &schedule.name)?,
            changed: true,
            warnings: Vec::new(),
        })
    }
}
