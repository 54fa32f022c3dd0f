//! `lease_commands`: hands out what the daemon sends itself, by programs that it starts.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::lease_outbox::{LeaseReply, lease_of_daemon};

/// Asks for what is to be sent by programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseCommands {
    /// At most so many rows.
    pub max: u32,
    /// Now, epoch milliseconds.
    pub now_ms: i64,
}

impl Verb for LeaseCommands {
    type Reply = LeaseReply;
    const NAME: &'static str = "lease_commands";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<LeaseReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        lease_of_daemon(tx, self.max, self.now_ms)
    }
}
