//! `notify_watch`: subscribes an address of a channel to the tasks that a filter names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::rules::notify::Level;
use crate::kernel::store::filters::Filter;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::{
    check_address, kinds_of, meant, required, set_quiet, warnings_of,
};
use crate::kernel::{store, validate};

/// Subscriptions to many tasks of one installation.
const FILTERS_MAX: usize = 1_000;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// The newest events that are counted for a rate.
const EVENTS_COUNTED_MAX: u32 = 20_000;

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
    /// Quiet hours of the address, such as `22:00-07:00 Europe/Berlin`; empty: none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<String>,
    /// End the subscription instead.
    pub remove: bool,
    /// Only say what would stand in the way of it, and how much it would hear.
    pub dry_run: bool,
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

impl WatchTasks {
    /// Whether it hears each step of every task of a board, or of all boards.
    pub fn is_storm(&self) -> bool {
        let narrow = [&self.assignee, &self.tenant, &self.label];
        self.level == Some(Level::Verbose)
            && self.kinds.is_empty()
            && narrow.iter().all(|it| it.is_none())
    }

    /// How many events of the last day it would have heard of.
    fn rate(&self, tx: &Tx<'_>, board: Option<&BoardName>) -> Result<Option<String>, VerbError> {
        if !self.is_storm() {
            return Ok(None);
        }
        let since = tx.now.saturating_sub(DAY_SECONDS);
        let count = store::events::count_since(tx.store(), board, since, EVENTS_COUNTED_MAX)?;
        let count = if count < EVENTS_COUNTED_MAX {
            count.to_string()
        } else {
            format!("more than {count}")
        };
        let of = board.map_or_else(|| "all boards".to_owned(), |board| format!("board {board}"));
        Ok(Some(format!(
            "a verbose subscription to {of} is sent each step: there were {count} events in the last day"
        )))
    }
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
        if self.dry_run {
            let mut warnings = warnings_of(tx, &channel);
            warnings.extend(self.rate(tx, board.as_ref())?);
            return Ok(WatchReply { created: false, warnings });
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
        set_quiet(tx, filter.route_id, self.quiet.as_deref())?;
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
