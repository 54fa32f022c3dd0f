//! `notify_retry`, `notify_drop`, `notify_test`: what a person does about messages; `report_channel`, what the courier says of its
//! channels; `supersede_outbox`, what a restore does to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::notice::{ChannelReport, ChannelState as Reported, Class};
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::notice_text::plain;
use crate::kernel::store;
use crate::kernel::store::outbox::NewRow;
use crate::kernel::store::routes::{ChannelState, Standing};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::required;
use crate::kernel::verbs::settle_outbox::break_channel;

/// Sends messages again: one, or everything that waits on a channel or is broken there.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryOutbox {
    /// Number of a message that was given up.
    pub id: Option<i64>,
    /// A channel: what was given up there goes again, and what waits is tried at once.
    pub channel: Option<String>,
}

/// How many messages it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutboxCount {
    /// Messages.
    pub count: usize,
}

/// Messages that one request sends again at most.
const RETRIED_MAX: u32 = 1_000;

impl Verb for RetryOutbox {
    type Reply = OutboxCount;
    const NAME: &'static str = "notify_retry";

    fn run(&self, tx: &mut Tx<'_>) -> Result<OutboxCount, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let mut count = 0;
        match (self.id, self.channel.as_deref()) {
            (Some(id), None) => {
                if !store::outbox::revive(tx.store(), id)? {
                    return Err(no_message(id));
                }
                count = 1;
            }
            (None, Some(channel)) => {
                let routes = store::routes::list(tx.store())?;
                let dead = store::outbox::list_dead(tx.store(), RETRIED_MAX)?;
                for route in routes.iter().filter(|route| route.channel == channel) {
                    for row in dead.iter().filter(|row| row.route_id == route.id) {
                        count += usize::from(store::outbox::revive(tx.store(), row.id)?);
                    }
                    store::outbox::hurry(tx.store(), route.id)?;
                    let standing = Standing {
                        refusals: 0,
                        broken_since: None,
                        reason: None,
                        paused_until_ms: 0,
                    };
                    store::routes::set_standing(tx.store(), route.id, &standing)?;
                }
                let state = ChannelState { channel: channel.to_owned(), ..Default::default() };
                store::routes::set_channel(tx.store(), &state)?;
            }
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refusal::InvalidValue {
                    field: "id",
                    problem: "name either a message or a channel",
                    value: String::new(),
                }
                .into());
            }
        }
        tx.signal(Signal::OutboxMoved);
        Ok(OutboxCount { count })
    }
}

fn no_message(id: i64) -> VerbError {
    let problem = "no such message that waits or was given up (`kanban notify list` and `kanban notify dead` show them)";
    Refusal::InvalidValue { field: "id", problem, value: id.to_string() }.into()
}

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

/// Sends a message to an address, to see whether it arrives.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestRoute {
    /// The channel.
    pub channel: String,
    /// Where on the channel.
    pub address: String,
    /// Thread or topic there; empty: none.
    pub thread: String,
}

/// The message that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestReply {
    /// Its number.
    pub id: i64,
}

impl Verb for TestRoute {
    type Reply = TestReply;
    const NAME: &'static str = "notify_test";

    fn run(&self, tx: &mut Tx<'_>) -> Result<TestReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        let channel = required("channel", &self.channel)?;
        let address = required("address", &self.address)?;
        if !tx.policy.notify.channels.contains_key(&channel) {
            return Err(Refusal::InvalidValue {
                field: "channel",
                problem: "no such channel in the configuration",
                value: channel,
            }
            .into());
        }
        let place = (channel.as_str(), address.as_str(), self.thread.trim());
        let route_id = store::routes::ensure(tx.store(), place, tx.now)?;
        let dedupe = dedupe(tx.random());
        let headline =
            format!("A test of the channel {channel}, asked for by {}.", tx.caller.author());
        let row = NewRow {
            route_id,
            task_id: None,
            event_id: None,
            notice_key: Some(&format!("test:{dedupe}")),
            notice: &plain(Class::Test, "test", &headline, tx.now),
            dedupe: &dedupe,
            not_before_ms: 0,
            now: tx.now,
        };
        let id = store::outbox::insert(tx.store(), &row)?.unwrap_or_default();
        tx.signal(Signal::OutboxMoved);
        Ok(TestReply { id })
    }
}

/// What the courier says of a channel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportChannel {
    /// The report.
    pub report: ChannelReport,
    /// Now, epoch milliseconds.
    pub now_ms: i64,
}

impl Verb for ReportChannel {
    type Reply = OutboxCount;
    const NAME: &'static str = "report_channel";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<OutboxCount, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let ChannelReport { channel, state, reason } = &self.report;
        match state {
            Reported::Ok => {
                let state = ChannelState { channel: channel.clone(), ..Default::default() };
                store::routes::set_channel(tx.store(), &state)?;
            }
            Reported::Broken => {
                let reason = reason.as_deref().unwrap_or("no reason given");
                break_channel(tx, channel, ("not_usable", reason), self.now_ms)?;
            }
        }
        tx.signal(Signal::OutboxMoved);
        Ok(OutboxCount { count: 1 })
    }
}

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
