//! `notify_drop`: gives up a message for good.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::store;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_retry::{OutboxCount, no_message};

/// Gives up a message that waits, or one that was given up already: it is not sent and not listed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DropOutbox {
    /// Its number.
    pub id: i64,
}

impl Verb for DropOutbox {
    type Reply = OutboxCount;
    const NAME: &'static str = "notify_drop";

    fn run(&self, tx: &mut Tx<'_>) -> Result<OutboxCount, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        if !store::outbox::drop_row(tx.store(), self.id, tx.now)? {
            return Err(no_message(self.id));
        }
        tx.signal(Signal::OutboxMoved);
        Ok(OutboxCount { count: 1 })
    }
}
