//! `run_schedule`: an occurrence of a schedule now, beside those of its expression.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::caller_schedules::{refuse_schedule, schedule_of_caller};
use crate::kernel::verbs::create::CreateReply;
use crate::kernel::verbs::occurrences::{Asked, make};

/// Makes the task of a schedule now. With `skip` it is made even while the one before is not over; a paused schedule stays paused.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSchedule {
    /// The schedule.
    pub name: String,
    /// Board of the schedule.
    pub board: Option<String>,
}

impl Verb for RunSchedule {
    type Reply = CreateReply;
    const NAME: &'static str = "run_schedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<CreateReply, VerbError> {
        let (_, mut schedule) =
            schedule_of_caller(tx, &self.name, self.board.as_deref(), Self::NAME)?;
        refuse_schedule(tx.caller, &schedule)?;
        let clockwork = Clockwork::of(&schedule)?;
        if schedule.left() == Some(0) {
            return Err(Refusal::NoOccurrence { name: schedule.name }.into());
        }
        let at = tx.now;
        match make(tx, &mut schedule, &clockwork, at, Asked::ByPerson)? {
            Ok(Some(reply)) => {
                if schedule.left() == Some(0) {
                    schedule.next_at = None;
                }
                store::schedules::set_progress(tx.store(), &schedule)?;
                Ok(reply)
            }
            Ok(None) => Err(Refusal::OccurrenceExists { name: schedule.name }.into()),
            Err(error) => Err(error),
        }
    }
}
