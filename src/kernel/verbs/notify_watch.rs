//! `notify_watch`: subscribes an address of a channel to the tasks that a filter names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::rules::notify::Level;
use crate::kernel::store::filters::Filter;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::{
    check_address, kinds_of, meant, required, warnings_of,
};
use crate::kernel::{store, validate};

/// Subscriptions to many tasks of one installation.
const FILTERS_MAX: usize = 1_000;

/// Subscribes an address to the tasks that a filter names, those of later on among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WatchTasks {
    /// The channel.
    pub platform: String,
    /// Address on the channel.
    pub chat_id: String,
    /// Thread there; empty: none.
    pub thread_id: String,
    /// Only tasks of this board; none: of every board.
    pub board: Option<String>,
    /// Only tasks of this assignee.
    pub assignee: Option<String>,
    /// Only tasks of this tenant.
    pub tenant: Option<String>,
    /// Only tasks with this label.
    pub label: Option<String>,
    /// How much is sent: `quiet` (default), `normal` or `verbose`.
    pub level: Option<Level>,
    /// Only these kinds of events, each as a message; empty: as the level says.
    pub kinds: Vec<String>,
    /// Person to name when something asks, from `[people]`.
    pub person: Option<String>,
    /// End the subscription instead.
    pub remove: bool,
}

/// The subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchReply {
    /// False when it already existed, or was removed.
    pub created: bool,
    /// What stands in the way of it.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Verb for WatchTasks {
    type Reply = WatchReply;
    const NAME: &'static str = "notify_watch";

    fn run(&self, tx: &mut Tx<'_>) -> Result<WatchReply, VerbError> {
        let board = match &self.board {
            Some(name) => Some(tx.board(Some(name), Self::NAME)?.name),
            None => {
                tx.caller.may_ask(Self::NAME)?;
                None
            }
        };
        let channel = required("platform", &self.platform)?.to_lowercase();
        let address = meant(tx, &channel, required("chat_id", &self.chat_id)?)?;
        let thread = validate::name("thread_id", Some(&self.thread_id))?.unwrap_or_default();
        if !self.remove {
            check_address(tx, &channel, &address)?;
        }
        let filter = Filter {
            id: 0,
            route_id: store::routes::ensure(tx.store(), (&channel, &address, &thread), tx.now)?,
            board,
            assignee: validate::name("assignee", self.assignee.as_deref())?,
            tenant: validate::name("tenant", self.tenant.as_deref())?,
            label: validate::name("label", self.label.as_deref())?,
            kinds: kinds_of(&self.kinds)?,
            level: self.level.unwrap_or(Level::Quiet),
            person: validate::name("person", self.person.as_deref())?,
            created_by: tx.caller.actor().to_string(),
            created_at: tx.now,
            from_event_id: store::events::newest_id(tx.store())?,
            channel,
            address,
            thread,
        };
        tx.listeners.forget();
        if self.remove {
            if store::filters::delete(tx.store(), &filter)? {
                return Ok(WatchReply::default());
            }
            let id = format!("{}:{}", filter.channel, filter.address);
            return Err(Refusal::UnknownSubscription { id }.into());
        }
        let created = store::filters::insert(tx.store(), &filter)?.is_some();
        if created && store::filters::list(tx.store())?.len() > FILTERS_MAX {
            return Err(Refusal::InvalidValue {
                field: "chat_id",
                problem: "too many subscriptions",
                value: FILTERS_MAX.to_string(),
            }
            .into());
        }
        Ok(WatchReply { created, warnings: warnings_of(tx, &filter.channel) })
    }
}
