//! `notify_unsubscribe`: ends a notification subscription.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::meant;

/// Ends a subscription.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Unsubscribe {
    /// The task.
    pub id: String,
    /// Chat platform.
    pub platform: String,
    /// Chat on the platform.
    pub chat_id: String,
    /// Thread in the chat; empty: none.
    pub thread_id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `notify_unsubscribe`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UnsubscribeReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
}

impl Verb for Unsubscribe {
    type Reply = UnsubscribeReply;
    const NAME: &'static str = "notify_unsubscribe";

    fn run(&self, tx: &mut Tx<'_>) -> Result<UnsubscribeReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let platform = self.platform.trim().to_lowercase();
        let chat = meant(tx, &platform, self.chat_id.trim().to_owned())?;
        let thread = self.thread_id.trim();
        if store::subscriptions::delete(tx.store(), &task.id, &platform, &chat, thread)? {
            tx.listeners.forget();
            Ok(UnsubscribeReply { id: task.id.to_string(), board: task.board })
        } else {
            Err(Refusal::UnknownSubscription { id: task.id.to_string() }.into())
        }
    }
}
