//! `supersede_outbox`: what a restore does to messages.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::notice::Class;
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::notice_text::plain;
use crate::kernel::store;
use crate::kernel::store::outbox::NewRow;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_retry::OutboxCount;

/// Takes back everything that is still to be sent, after a restore: it may have been sent since. Each route gets one line about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SupersedeOutbox {
    /// The new life of the board.
    pub life: String,
}

impl Verb for SupersedeOutbox {
    type Reply = OutboxCount;
    const NAME: &'static str = "supersede_outbox";

    fn run(&self, tx: &mut Tx<'_>) -> Result<OutboxCount, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let newest = store::events::newest_time(tx.store())?.unwrap_or(tx.now);
        let count = store::outbox::supersede_open(tx.store(), tx.now)?;
        store::chat_messages::delete_all(tx.store())?;
        store::chat_tokens::delete_all(tx.store())?;
        let from = jiff::Timestamp::from_second(newest)
            .map_or_else(|_| newest.to_string(), |at| at.to_string());
        let headline = format!(
            "The board was restored from a backup of {from}: {count} messages that waited then are not sent."
        );
        for route in store::routes::list(tx.store())? {
            let (key, dedupe) = (format!("restored:{}", self.life), dedupe(tx.random()));
            let row = NewRow {
                route_id: route.id,
                task_id: None,
                event_id: None,
                notice_key: Some(&key),
                notice: &plain(Class::News, "restored", &headline, tx.now),
                dedupe: &dedupe,
                not_before_ms: 0,
                now: tx.now,
            };
            store::outbox::insert(tx.store(), &row)?;
        }
        Ok(OutboxCount { count })
    }
}
