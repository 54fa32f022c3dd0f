//! `make_occurrences`: the schedules that are due make their tasks.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fire_timer::{TimerReply, is_dispatch_on, what_comes};
use crate::kernel::verbs::occurrences::make_due;

/// Makes the tasks of the occurrences that have come, while dispatch is on. The timer sends it behind `fire_timer`, apart from it: on a
/// full disk it is refused like every `create`, and what is wrong with it holds up nothing else. Safe to repeat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MakeOccurrences;

impl Verb for MakeOccurrences {
    type Reply = TimerReply;
    const NAME: &'static str = "make_occurrences";

    fn run(&self, tx: &mut Tx<'_>) -> Result<TimerReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let has_more = is_dispatch_on(tx)? && make_due(tx)?;
        what_comes(tx, has_more)
    }
}
