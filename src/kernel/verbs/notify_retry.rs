//! `notify_retry`: sends messages again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::store;
use crate::kernel::store::routes::{ChannelState, Standing};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;

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

pub(super) fn no_message(id: i64) -> VerbError {
    let problem = "no such message that waits or was given up (`kanban notify list` and `kanban notify dead` show them)";
    Refusal::InvalidValue { field: "id", problem, value: id.to_string() }.into()
}
