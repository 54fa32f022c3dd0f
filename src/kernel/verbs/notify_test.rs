//! `notify_test`: sends a message to an address, to see whether it arrives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::notice::Class;
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::notice_text::plain;
use crate::kernel::store;
use crate::kernel::store::outbox::NewRow;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_subscribe::{check_address, meant, required};

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
        let address = meant(tx, &channel, required("address", &self.address)?)?;
        if !tx.policy.notify.channels.contains_key(&channel) {
            return Err(Refusal::InvalidValue {
                field: "channel",
                problem: "no such channel in the configuration",
                value: channel,
            }
            .into());
        }
        check_address(tx, &channel, &address)?;
        let target = (channel.as_str(), address.as_str(), self.thread.trim());
        let route_id = store::routes::ensure(tx.store(), target, tx.now)?;
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
