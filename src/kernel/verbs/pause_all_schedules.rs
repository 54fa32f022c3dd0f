//! `pause_all_schedules`: after a restore every schedule waits for a person: what the restored board says of the past is not what was.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// Pauses every schedule of every board; replies how many were not paused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PauseAllSchedules {
    /// Why, shown with each.
    pub why: String,
}

impl Verb for PauseAllSchedules {
    type Reply = usize;
    const NAME: &'static str = "pause_all_schedules";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<usize, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        Ok(store::schedules::pause_all(tx.store(), &self.why, (tx.caller.author(), tx.now))?)
    }
}
