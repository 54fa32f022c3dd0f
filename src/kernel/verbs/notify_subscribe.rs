//! `notify_subscribe`: subscribes a chat to the notifications of a task.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::room;
use crate::kernel::{store, validate};

/// Where notifications go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Subscribe {
    /// The task.
    pub id: String,
    /// Chat platform.
    pub platform: String,
    /// Chat on the platform.
    pub chat_id: String,
    /// Thread in the chat; empty: none.
    pub thread_id: String,
    /// User who subscribed.
    pub user_id: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// The subscription.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeReply {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// False when it already existed.
    pub created: bool,
}

pub(super) fn required(field: &'static str, given: &str) -> Result<String, Refusal> {
    validate::name(field, Some(given))?.ok_or(Refusal::InvalidValue {
        field,
        problem: "cannot be blank",
        value: String::new(),
    })
}

impl Verb for Subscribe {
    type Reply = SubscribeReply;
    const NAME: &'static str = "notify_subscribe";

    fn run(&self, tx: &mut Tx<'_>) -> Result<SubscribeReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let subscription = Subscription {
            task_id: task.id,
            board: task.board,
            platform: required("platform", &self.platform)?.to_lowercase(),
            chat_id: required("chat_id", &self.chat_id)?,
            thread_id: validate::name("thread_id", Some(&self.thread_id))?.unwrap_or_default(),
            user_id: validate::name("user_id", self.user_id.as_deref())?,
            created_at: tx.now,
            // It begins now: nobody wants to be told what happened before they asked.
            last_event_id: store::events::newest_id(tx.store())?,
        };
        let created = store::subscriptions::insert(tx.store(), &subscription)?;
        if created {
            room::after_subscription(tx.store(), &subscription.task_id)?;
        }
        let subscription = store::subscriptions::get(tx.store(), &subscription)?;
        Ok(SubscribeReply { subscription, created })
    }
}
