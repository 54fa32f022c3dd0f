//! `advance_subscription`: keeps up to which event a subscriber was notified.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::EventId;
use crate::kernel::store;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// Notes up to which event a subscriber has heard. Never moves backwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdvanceSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// The last event that was delivered.
    pub last_event_id: EventId,
}

impl Verb for AdvanceSubscription {
    type Reply = EventId;
    const NAME: &'static str = "advance_subscription";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<EventId, VerbError> {
        store::subscriptions::advance(tx.store(), &self.subscription, self.last_event_id)?;
        Ok(store::subscriptions::get(tx.store(), &self.subscription)?.last_event_id)
    }
}
