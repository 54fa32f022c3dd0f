//! `report_channel`: what the courier says of its channels.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::notice::{ChannelReport, ChannelState as Reported};
use crate::kernel::store;
use crate::kernel::store::routes::{ChannelState, DEAF, PARTLY_DEAF};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::notify_retry::OutboxCount;
use crate::kernel::verbs::settle_outbox::{break_channel, shorten_error};

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
            Reported::Deaf => hear_less(tx, channel, DEAF, reason.as_deref())?,
            Reported::PartlyDeaf => hear_less(tx, channel, PARTLY_DEAF, reason.as_deref())?,
            Reported::Hears => {
                let known = store::routes::list_channels(tx.store())?;
                let is_it = |state: &ChannelState| {
                    let is_deaf = state.deaf_reason().or(state.partly_deaf_reason()).is_some();
                    state.channel == *channel && is_deaf
                };
                if known.iter().any(is_it) {
                    let state = ChannelState { channel: channel.clone(), ..Default::default() };
                    store::routes::set_channel(tx.store(), &state)?;
                }
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

/// No `broken_since`: its messages go. One that is broken stays that; it hears nothing anyway.
fn hear_less(
    tx: &Tx<'_>,
    channel: &str,
    code: &str,
    reason: Option<&str>,
) -> Result<(), VerbError> {
    let known = store::routes::list_channels(tx.store())?;
    if known.iter().any(|it| it.channel == channel && it.broken_since.is_some()) {
        return Ok(());
    }
    let state = ChannelState {
        channel: channel.to_owned(),
        code: Some(code.to_owned()),
        reason: Some(shorten_error(reason.unwrap_or("no reason given"))),
        ..Default::default()
    };
    Ok(store::routes::set_channel(tx.store(), &state)?)
}
