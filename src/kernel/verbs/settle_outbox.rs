//! `settle_outbox`: says what became of what was handed out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::host_notices::{HostNotice, tell_watchers};
use crate::kernel::notice::{Class, Outcome, RateScope, Settled};
use crate::kernel::notify_policy::{ChannelKind, ChannelPolicy};
use crate::kernel::random::below;
use crate::kernel::rules::outbox::{Failed, REFUSALS_MAX, pause_ms, route_pause_ms};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::store::chat_messages::{Changed, ChatMessage};
use crate::kernel::store::outbox::{After, OutboxRow};
use crate::kernel::store::routes::{ChannelState, Route, Standing};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;

/// Rows that are over stay as long, seconds.
const DONE_KEPT_SECONDS: i64 = 7 * 86_400;

/// Rows that were given up stay as long, seconds.
const DEAD_KEPT_SECONDS: i64 = 90 * 86_400;

/// Attempts at one change of a message; then it waits for the next one.
const EDIT_ATTEMPTS_MAX: u32 = 5;

/// What became of several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SettleOutbox {
    /// One entry for each.
    pub results: Vec<Settled>,
    /// Now, epoch milliseconds.
    pub now_ms: i64,
}

/// How many were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettleReply {
    /// Results that were taken.
    pub taken: usize,
    /// Results of leases that were over, or of rows that are gone.
    pub ignored: usize,
}

impl Verb for SettleOutbox {
    type Reply = SettleReply;
    const NAME: &'static str = "settle_outbox";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<SettleReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let mut reply = SettleReply::default();
        for settled in &self.results {
            let is_taken = if settled.is_edit {
                settle_edit(tx, settled, self.now_ms)?
            } else {
                settle_row(tx, settled, self.now_ms)?
            };
            if is_taken {
                reply.taken += 1;
            } else {
                reply.ignored += 1;
            }
        }
        let kept = (tx.now - DONE_KEPT_SECONDS, tx.now - DEAD_KEPT_SECONDS);
        store::outbox::prune(tx.store(), kept)?;
        // The next row of the same route may go.
        tx.signal(Signal::OutboxMoved);
        Ok(reply)
    }
}

fn settle_row(tx: &mut Tx<'_>, settled: &Settled, now_ms: i64) -> Result<bool, VerbError> {
    let Some(row) = store::outbox::get(tx.store(), settled.id)? else { return Ok(false) };
    let is_current = row.state == "leased" && row.lease.as_deref() == Some(&settled.lease);
    // That it was sent is the truth, whatever became of its lease.
    let was_sent = matches!(settled.outcome, Outcome::Sent { .. });
    let is_undecided = matches!(row.state.as_str(), "waiting" | "leased" | "dead");
    let is_taken = is_current || (was_sent && is_undecided);
    if !is_taken {
        return Ok(false);
    }
    let Some(route) = store::routes::get(tx.store(), row.route_id)? else { return Ok(false) };
    let policy = tx.policy;
    let channel = policy.notify.channels.get(&route.channel);
    Settling { row: &row, route: &route, channel, now_ms }.settle(tx, &settled.outcome)?;
    Ok(true)
}

/// A row that is being settled.
struct Settling<'a> {
    row: &'a OutboxRow,
    route: &'a Route,
    channel: Option<&'a ChannelPolicy>,
    now_ms: i64,
}

impl Settling<'_> {
    fn settle(&self, tx: &mut Tx<'_>, outcome: &Outcome) -> Result<(), VerbError> {
        match outcome {
            Outcome::Sent { provider_id } => self.sent(tx, provider_id.as_deref()),
            Outcome::Rate { after_ms, scope } => self.rate(tx, *after_ms, *scope),
            Outcome::Temporary { code, error } => self.failed(tx, code, error, false),
            Outcome::Unknown { code, error } => self.failed(tx, code, error, true),
            Outcome::Permanent { code, error } => self.refused(tx, code, error),
            Outcome::ChannelDead { code, error } => {
                self.back(tx, Some((code, error)))?;
                break_channel(tx, &self.route.channel, (code, error), self.now_ms)
            }
            Outcome::Moved { address } => {
                self.back(tx, None)?;
                let address = address.trim();
                if !address.is_empty() && address != self.route.address {
                    store::routes::set_address(tx.store(), self.route, address, tx.now)?;
                    tx.listeners.forget();
                }
                Ok(())
            }
            Outcome::Gone => self.back(tx, None),
        }
    }

    /// It goes again, and the attempt does not count.
    fn back(&self, tx: &Tx<'_>, why: Option<(&String, &String)>) -> Result<(), VerbError> {
        let error = why.map(|(_, error)| shorten_error(error));
        let after = After {
            state: "waiting",
            attempts: self.row.attempts.saturating_sub(1),
            maybe_sent: self.row.maybe_sent,
            not_before_ms: 0,
            code: why.map(|(code, _)| code.as_str()),
            error: error.as_deref(),
            provider_id: None,
            done_at: None,
        };
        Ok(store::outbox::set_after(tx.store(), self.row.id, &after)?)
    }

    fn sent(&self, tx: &Tx<'_>, provider_id: Option<&str>) -> Result<(), VerbError> {
        let (row, route) = (self.row, self.route);
        let after = After {
            state: "sent",
            attempts: row.attempts,
            maybe_sent: row.maybe_sent,
            not_before_ms: 0,
            code: None,
            error: None,
            provider_id,
            done_at: Some(tx.now),
        };
        store::outbox::set_after(tx.store(), row.id, &after)?;
        if route.refusals > 0 || route.broken_since.is_some() || route.paused_until_ms > 0 {
            let standing =
                Standing { refusals: 0, broken_since: None, reason: None, paused_until_ms: 0 };
            store::routes::set_standing(tx.store(), route.id, &standing)?;
        }
        store::routes::heal_channel(tx.store(), &route.channel)?;
        let Some(task_id) = &row.task_id else { return Ok(()) };
        if let Some(event_id) = row.event_id {
            let target = (route.channel.as_str(), route.address.as_str(), route.thread.as_str());
            store::subscriptions::advance(tx.store(), task_id, target, event_id)?;
        }
        let Some(kind) = self.channel.map(|channel| channel.kind) else { return Ok(()) };
        // What cannot be changed is kept without its id: to be asked again, and for the list of the day.
        let provider_id = provider_id.filter(|_| kind.edits(&route.address));
        let first = tx.policy.notify.remind_ms.first();
        // A reminder is not reminded of: the first message is.
        let first = first.filter(|_| row.event_id.is_some());
        let is_of_use = provider_id.is_some() || first.is_some();
        if row.class != Class::Ask || kind.is_machine() || !is_of_use {
            return Ok(());
        }
        let remind_at_ms = first.map(|pause| self.now_ms.saturating_add(*pause));
        let question = row.notice().and_then(|notice| notice.question).map(|question| question.id);
        let message = (provider_id, row.event_id, question.as_deref());
        store::chat_messages::insert_ask(tx.store(), (route.id, task_id), message, remind_at_ms)?;
        Ok(())
    }

    fn rate(&self, tx: &Tx<'_>, after_ms: u64, scope: RateScope) -> Result<(), VerbError> {
        self.back(tx, None)?;
        let until_ms = self.now_ms.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX));
        match scope {
            RateScope::Route => {
                let standing = Standing {
                    refusals: self.route.refusals,
                    broken_since: self.route.broken_since,
                    reason: self.route.reason.as_deref(),
                    paused_until_ms: until_ms,
                };
                Ok(store::routes::set_standing(tx.store(), self.route.id, &standing)?)
            }
            RateScope::Channel => {
                Ok(store::routes::pause_channel(tx.store(), &self.route.channel, until_ms)?)
            }
        }
    }

    fn failed(
        &self,
        tx: &mut Tx<'_>,
        code: &str,
        error: &str,
        maybe_sent: bool,
    ) -> Result<(), VerbError> {
        let kind = self.channel.map_or(ChannelKind::Webhook, |channel| channel.kind);
        let retry = self.channel.map(|channel| channel.retry_ms.as_slice()).unwrap_or_default();
        let failed = Failed {
            attempts: self.row.attempts,
            created_ms: self.row.created_at.saturating_mul(1_000),
            now_ms: self.now_ms,
            jitter: below(tx.random(), 1_000),
        };
        let pause = pause_ms(failed, kind, retry, &tx.policy.notify);
        let error = shorten_error(error);
        let after = After {
            state: if pause.is_some() { "waiting" } else { "dead" },
            attempts: self.row.attempts,
            maybe_sent: self.row.maybe_sent || maybe_sent,
            not_before_ms: pause.map_or(0, |pause| self.now_ms.saturating_add(pause)),
            code: Some(code),
            error: Some(&error),
            provider_id: None,
            done_at: pause.is_none().then_some(tx.now),
        };
        store::outbox::set_after(tx.store(), self.row.id, &after)?;
        let route_pause = route_pause_ms(kind, pause.unwrap_or(0));
        if route_pause > 0 {
            let standing = Standing {
                refusals: self.route.refusals,
                broken_since: self.route.broken_since,
                reason: self.route.reason.as_deref(),
                paused_until_ms: self.now_ms.saturating_add(route_pause),
            };
            store::routes::set_standing(tx.store(), self.route.id, &standing)?;
        }
        Ok(())
    }

    fn refused(&self, tx: &Tx<'_>, code: &str, error: &str) -> Result<(), VerbError> {
        let error = shorten_error(error);
        let after = After {
            state: "dead",
            attempts: self.row.attempts,
            maybe_sent: self.row.maybe_sent,
            not_before_ms: 0,
            code: Some(code),
            error: Some(&error),
            provider_id: None,
            done_at: Some(tx.now),
        };
        store::outbox::set_after(tx.store(), self.row.id, &after)?;
        let refusals = self.route.refusals.saturating_add(1);
        let is_broken = refusals >= REFUSALS_MAX;
        let probe_at_ms = self.now_ms.saturating_add(tx.policy.notify.probe_ms);
        let standing = Standing {
            refusals,
            broken_since: self.route.broken_since.or(is_broken.then_some(tx.now)),
            reason: Some(&error),
            // Its rows wait; one at a time tries whether it goes again.
            paused_until_ms: if is_broken { probe_at_ms } else { 0 },
        };
        Ok(store::routes::set_standing(tx.store(), self.route.id, &standing)?)
    }
}

/// Notes that a channel works for nobody. Its rows wait; one tries again after a while, or when its configuration changes. Those who
/// subscribe by other channels get one notice.
pub(super) fn break_channel(
    tx: &mut Tx<'_>,
    channel: &str,
    (code, reason): (&str, &str),
    now_ms: i64,
) -> Result<(), VerbError> {
    let known = store::routes::list_channels(tx.store())?;
    let is_new = !known.iter().any(|it| it.channel == channel && it.broken_since.is_some());
    let reason = shorten_error(reason);
    let headline = format!("The channel {channel} cannot be used: {reason}");
    let state = ChannelState {
        channel: channel.to_owned(),
        broken_since: Some(tx.now),
        code: Some(code.to_owned()),
        reason: Some(reason),
        paused_until_ms: now_ms.saturating_add(tx.policy.notify.probe_ms),
    };
    store::routes::set_channel(tx.store(), &state)?;
    if is_new {
        let class = Class::Ask;
        let (headline, but) = (headline.as_str(), Some(channel));
        tell_watchers(tx, HostNotice { key: "channel_broken", class, headline, but })?;
    }
    Ok(())
}

/// An error is one line.
pub(super) fn shorten_error(error: &str) -> String {
    let line: String = error.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    if line.len() <= 300 { line } else { shorten(&line) }
}

fn settle_edit(tx: &mut Tx<'_>, settled: &Settled, now_ms: i64) -> Result<bool, VerbError> {
    let Some(message) = store::chat_messages::get(tx.store(), settled.id)? else {
        return Ok(false);
    };
    let is_current = message.lease.as_deref() == Some(&settled.lease);
    // A message that was made must be known, or a second one is made.
    let was_made = matches!(settled.outcome, Outcome::Sent { .. }) && message.provider_id.is_none();
    if !is_current && !was_made {
        return Ok(false);
    }
    let notify = &tx.policy.notify;
    let edit_after_ms = now_ms.saturating_add(notify.edit_pause_ms);
    let again = |after_ms: i64, attempts: u32, is_wanted: bool| Changed {
        provider_id: message.provider_id.as_deref(),
        shown: message.shown.as_deref(),
        is_wanted,
        edit_after_ms: now_ms.saturating_add(after_ms),
        attempts,
    };
    let may_try = message.attempts < EDIT_ATTEMPTS_MAX;
    let pause_ms = notify.backoff_base_ms.saturating_mul(1 << message.attempts.min(10));
    let changed = match &settled.outcome {
        Outcome::Sent { provider_id } => Changed {
            provider_id: provider_id.as_deref().or(message.provider_id.as_deref()),
            shown: message.leased_text.as_deref(),
            is_wanted: false,
            edit_after_ms,
            attempts: 0,
        },
        Outcome::Rate { after_ms, scope } => {
            let wait_ms = i64::try_from(*after_ms).unwrap_or(i64::MAX);
            if *scope == RateScope::Channel {
                let channel = channel_of(tx, &message)?;
                store::routes::pause_channel(tx.store(), &channel, now_ms.saturating_add(wait_ms))?;
            }
            again(wait_ms, message.attempts.saturating_sub(1), true)
        }
        Outcome::Temporary { .. } | Outcome::Unknown { .. } => {
            again(pause_ms, message.attempts, may_try)
        }
        Outcome::Gone if message.is_live => Changed {
            provider_id: None,
            shown: None,
            is_wanted: may_try,
            edit_after_ms,
            attempts: message.attempts,
        },
        Outcome::ChannelDead { code, error } => {
            let channel = channel_of(tx, &message)?;
            break_channel(tx, &channel, (code, error), now_ms)?;
            again(notify.probe_ms, message.attempts, true)
        }
        Outcome::Moved { address } => return move_message(tx, &message, address.trim()),
        Outcome::Gone | Outcome::Permanent { .. } => again(0, 0, false),
    };
    store::chat_messages::set_changed(tx.store(), message.id, &changed)?;
    Ok(true)
}

/// What the old address knows of messages goes with it; the live one of the task is made at the new one.
fn move_message(tx: &mut Tx<'_>, message: &ChatMessage, address: &str) -> Result<bool, VerbError> {
    let Some(route) = store::routes::get(tx.store(), message.route_id)? else { return Ok(false) };
    if address.is_empty() || address == route.address {
        store::chat_messages::clear_wanted(tx.store(), message.id)?;
        return Ok(true);
    }
    store::routes::set_address(tx.store(), &route, address, tx.now)?;
    tx.listeners.forget();
    let target = (route.channel.as_str(), address, route.thread.as_str());
    let moved = store::routes::ensure(tx.store(), target, tx.now)?;
    if message.is_live {
        store::chat_messages::want_live(tx.store(), moved, &message.task_id)?;
    }
    Ok(true)
}

fn channel_of(tx: &Tx<'_>, message: &ChatMessage) -> Result<String, VerbError> {
    let route = store::routes::get(tx.store(), message.route_id)?;
    Ok(route.map(|route| route.channel).unwrap_or_default())
}
