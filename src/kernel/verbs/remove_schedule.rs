//! `remove_schedule`: removes a schedule; the tasks that it made stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::BoardName;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::caller_schedules::schedule_of_caller;

/// Removes a schedule. Its name is free again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveSchedule {
    /// The schedule.
    pub name: String,
    /// Board of the schedule.
    pub board: Option<String>,
}

/// Result of `remove_schedule`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RemoveScheduleReply {
    /// The schedule.
    pub name: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// True.
    pub removed: bool,
}

impl Verb for RemoveSchedule {
    type Reply = RemoveScheduleReply;
    const NAME: &'static str = "remove_schedule";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RemoveScheduleReply, VerbError> {
        let (_, schedule) = schedule_of_caller(tx, &self.name, self.board.as_deref(), Self::NAME)?;
        let by = tx.caller.author();
        store::schedules::set_removed(tx.store(), schedule.id, (by, tx.now))?;
        Ok(RemoveScheduleReply { name: schedule.name, board: schedule.board, removed: true })
    }
}
