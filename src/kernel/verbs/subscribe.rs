//! Notification subscriptions: who wants to hear of a task, and up to which event they have heard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::board::Verb;
use crate::kernel::caller::Right;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, EventId};
use crate::kernel::store;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verbs::room;

/// Where notifications go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Subscribe {
    /// The task.
    pub id: String,
    /// Chat platform or channel kind.
    pub platform: String,
    /// Chat on that platform.
    pub chat_id: String,
    /// Thread in that chat; empty = none.
    pub thread_id: String,
    /// Who asked.
    pub user_id: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

/// The subscription as it stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SubscribeReply {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// False when it was there already.
    pub created: bool,
}

fn required(field: &'static str, given: &str) -> Result<String, Refusal> {
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
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
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

/// Ends a subscription.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Unsubscribe {
    /// The task.
    pub id: String,
    /// Chat platform or channel kind.
    pub platform: String,
    /// Chat on that platform.
    pub chat_id: String,
    /// Thread in that chat; empty = none.
    pub thread_id: String,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

/// What was ended.
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
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let platform = self.platform.trim().to_lowercase();
        let (chat, thread) = (self.chat_id.trim(), self.thread_id.trim());
        if store::subscriptions::delete(tx.store(), &task.id, &platform, chat, thread)? {
            Ok(UnsubscribeReply { id: task.id.to_string(), board: task.board })
        } else {
            Err(Refusal::UnknownSubscription { id: task.id.to_string() }.into())
        }
    }
}

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
