//! `lease_outbox`: hands out what is to be sent now, at most one message of each route.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::Event;
use crate::kernel::notice::{Class, Edit, Leased, Notice, Row};
use crate::kernel::notify_policy::ChannelPolicy;
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::live::{LiveFacts, is_final, live, minute_of};
use crate::kernel::rules::notice_text::digest;
use crate::kernel::rules::outbox::{self, Open};
use crate::kernel::store;
use crate::kernel::store::chat_messages::ChatMessage;
use crate::kernel::store::outbox::{After, NewRow, OutboxRow};
use crate::kernel::store::routes::Route;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::asks_again::remind;

/// Messages of one channel that are under way at a time.
const CHANNEL_LEASES_MAX: u32 = 4;

/// Rows of a person's route that are looked at: those that wait longer are folded.
const PERSON_ROWS_MAX: u32 = 5_000;

/// Rows of a program's route that are looked at.
const MACHINE_ROWS_MAX: u32 = 200;

/// Changes of messages that are looked at.
const EDITS_MAX: u32 = 1_000;

/// Asks for what is to be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaseOutbox {
    /// At most so many rows and edits.
    pub max: u32,
    /// Now, epoch milliseconds.
    pub now_ms: i64,
}

/// What is to be sent, and when to ask again if that is nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LeaseReply {
    /// What is to be sent.
    pub leased: Leased,
    /// When something may be due next, epoch milliseconds.
    pub next_ms: Option<i64>,
}

impl Verb for LeaseOutbox {
    type Reply = LeaseReply;
    const NAME: &'static str = "lease_outbox";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<LeaseReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let mut round = Round::new(tx, (self.max, self.now_ms), false)?;
        round.rows(tx)?;
        round.edits(tx)?;
        round.end(tx)
    }
}

/// Hands out what the daemon sends itself.
pub(super) fn lease_of_daemon(
    tx: &mut Tx<'_>,
    max: u32,
    now_ms: i64,
) -> Result<LeaseReply, VerbError> {
    let mut round = Round::new(tx, (max, now_ms), true)?;
    round.rows(tx)?;
    round.end(tx)
}

/// What was leased and not settled in time may have been sent: it goes again, marked.
fn end_leases(tx: &Tx<'_>, now_ms: i64) -> Result<(), VerbError> {
    for row in store::outbox::list_lease_over(tx.store(), now_ms)? {
        let after = After {
            state: "waiting",
            attempts: row.attempts,
            maybe_sent: true,
            not_before_ms: 0,
            code: Some("lease_over"),
            error: Some("nothing was heard of it"),
            provider_id: None,
            done_at: None,
        };
        store::outbox::set_after(tx.store(), row.id, &after)?;
    }
    store::chat_messages::end_leases(tx.store(), now_ms)?;
    Ok(())
}

/// One look at all routes.
struct Round {
    /// Whether it is about what the daemon sends itself, and not about what the courier sends.
    is_of_daemon: bool,
    now_ms: i64,
    max: usize,
    until_ms: i64,
    /// How long each channel is paused, epoch milliseconds.
    paused: BTreeMap<String, i64>,
    under_way: BTreeMap<String, u32>,
    leased: Leased,
    next_ms: Option<i64>,
}

impl Round {
    fn new(
        tx: &mut Tx<'_>,
        (max, now_ms): (u32, i64),
        is_of_daemon: bool,
    ) -> Result<Self, VerbError> {
        end_leases(tx, now_ms)?;
        remind(tx, now_ms)?;
        let paused = store::routes::list_channels(tx.store())?;
        Ok(Self {
            is_of_daemon,
            now_ms,
            max: usize::try_from(max).unwrap_or(usize::MAX),
            until_ms: now_ms.saturating_add(tx.policy.notify.lease_ms),
            paused: paused.into_iter().map(|it| (it.channel, it.paused_until_ms)).collect(),
            under_way: store::outbox::count_leased_by_channel(tx.store())?.into_iter().collect(),
            leased: Leased::default(),
            next_ms: None,
        })
    }

    fn end(mut self, tx: &Tx<'_>) -> Result<LeaseReply, VerbError> {
        self.at(store::outbox::next_time_ms(tx.store(), self.now_ms)?);
        Ok(LeaseReply { leased: self.leased, next_ms: self.next_ms })
    }

    /// Notes a time at which something may be due.
    fn at(&mut self, ms: Option<i64>) {
        let ahead = ms.map(|ms| ms.max(self.now_ms.saturating_add(1)));
        self.next_ms = [self.next_ms, ahead].into_iter().flatten().min();
    }

    fn is_full(&self) -> bool {
        self.leased.rows.len() + self.leased.edits.len() >= self.max
    }

    /// Whether something may go to a route now.
    fn is_open(&mut self, route: &Route, channel: &ChannelPolicy) -> bool {
        let paused_until = self.paused.get(&route.channel).copied().unwrap_or(0);
        let paused_until = paused_until.max(route.paused_until_ms);
        if paused_until > self.now_ms {
            self.at(Some(paused_until));
            return false;
        }
        let minute = minute_of(self.now_ms);
        if route.minute.0 == minute && route.minute.1 >= channel.limit_per_minute {
            self.at(Some((minute + 1).saturating_mul(60_000)));
            return false;
        }
        self.under_way.get(&route.channel).copied().unwrap_or(0) < CHANNEL_LEASES_MAX
    }

    fn count(&mut self, tx: &Tx<'_>, route: &Route) -> Result<(), VerbError> {
        let minute = minute_of(self.now_ms);
        let count = if route.minute.0 == minute { route.minute.1 + 1 } else { 1 };
        store::routes::set_minute(tx.store(), route.id, (minute, count))?;
        *self.under_way.entry(route.channel.clone()).or_default() += 1;
        Ok(())
    }

    fn rows(&mut self, tx: &mut Tx<'_>) -> Result<(), VerbError> {
        let policy = tx.policy;
        for route in store::routes::list_with_open(tx.store())? {
            let channel = policy.notify.channels.get(&route.channel);
            let is_meant = |it: &&ChannelPolicy| it.kind.is_of_daemon() == self.is_of_daemon;
            let Some(channel) = channel.filter(is_meant) else { continue };
            if self.is_full() {
                return Ok(());
            }
            if !self.is_open(&route, channel) {
                continue;
            }
            let is_machine = channel.kind.is_machine();
            let limit = if is_machine { MACHINE_ROWS_MAX } else { PERSON_ROWS_MAX };
            let mut rows = store::outbox::list_open_of_route(tx.store(), route.id, limit)?;
            if !is_machine && fold(tx, &route, &rows, self.now_ms)? {
                rows = store::outbox::list_open_of_route(tx.store(), route.id, limit)?;
            }
            let open: Vec<Open> = rows.iter().map(open_of).collect();
            match outbox::next(&open, self.now_ms).map(|row| row.id) {
                Some(id) => {
                    if let Some(row) = rows.iter().find(|row| row.id == id) {
                        self.lease_row(tx, &route, row)?;
                    }
                }
                None => self.at(outbox::next_at_ms(&open, self.now_ms)),
            }
        }
        Ok(())
    }

    fn lease_row(
        &mut self,
        tx: &mut Tx<'_>,
        route: &Route,
        row: &OutboxRow,
    ) -> Result<(), VerbError> {
        let Some(notice) = row.notice() else {
            // Another program has written it; it can never be sent.
            store::outbox::drop_row(tx.store(), row.id, tx.now)?;
            return Ok(());
        };
        let lease = dedupe(tx.random());
        store::outbox::lease(tx.store(), row.id, &lease, self.until_ms)?;
        self.count(tx, route)?;
        let reply_to = match &row.task_id {
            Some(task) => store::chat_messages::anchor(tx.store(), route.id, task)?,
            None => None,
        };
        self.leased.rows.push(Row {
            id: row.id,
            lease,
            channel: route.channel.clone(),
            address: route.address.clone(),
            thread: Some(route.thread.clone()).filter(|thread| !thread.is_empty()),
            dedupe: row.dedupe.clone(),
            attempt: i64::from(row.attempts) + 1,
            is_repeat: row.maybe_sent,
            reply_to,
            notice,
        });
        Ok(())
    }

    fn edits(&mut self, tx: &mut Tx<'_>) -> Result<(), VerbError> {
        let policy = tx.policy;
        let wanted = store::chat_messages::list_wanted(tx.store(), self.now_ms, EDITS_MAX)?;
        for message in wanted {
            if self.is_full() {
                return Ok(());
            }
            let Some(route) = store::routes::get(tx.store(), message.route_id)? else { continue };
            let channel = policy.notify.channels.get(&route.channel);
            match channel.filter(|channel| channel.kind.edits(&route.address)) {
                // Nothing can be changed there, now or ever.
                None => store::chat_messages::clear_wanted(tx.store(), message.id)?,
                Some(channel) if self.is_open(&route, channel) => {
                    self.lease_edit(tx, &route, &message)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn lease_edit(
        &mut self,
        tx: &mut Tx<'_>,
        route: &Route,
        message: &ChatMessage,
    ) -> Result<(), VerbError> {
        let task = tx.reread(&message.task_id)?;
        let is_new = message.provider_id.is_none();
        if is_new && (!message.is_live || is_final(task.status)) {
            return Ok(store::chat_messages::clear_wanted(tx.store(), message.id)?);
        }
        let newest: Option<Event> = store::events::newest_of_task(tx.store(), &task.id)?;
        let facts = LiveFacts {
            task: &task,
            attempts: task.auto_starts,
            newest: newest.as_ref(),
            ending: message.ending.as_deref(),
        };
        let mut live = live(facts);
        tx.policy.notify.secrets.clear_live(&mut live);
        let text = serde_json::to_string(&live).unwrap_or_default();
        if message.shown.as_deref() == Some(&text) {
            return Ok(store::chat_messages::clear_wanted(tx.store(), message.id)?);
        }
        let lease = dedupe(tx.random());
        store::chat_messages::lease(tx.store(), message.id, (&lease, self.until_ms), &text)?;
        self.count(tx, route)?;
        self.leased.edits.push(Edit {
            id: message.id,
            lease,
            channel: route.channel.clone(),
            address: route.address.clone(),
            thread: Some(route.thread.clone()).filter(|thread| !thread.is_empty()),
            provider_id: message.provider_id.clone(),
            live,
        });
        Ok(())
    }
}

fn open_of(row: &OutboxRow) -> Open {
    Open {
        id: row.id,
        task_id: row.task_id.clone(),
        class: row.class,
        is_leased: row.state == "leased",
        is_untried: row.attempts == 0,
        maybe_sent: row.maybe_sent,
        not_before_ms: row.not_before_ms,
        created_ms: row.created_at.saturating_mul(1_000),
    }
}

/// Makes digests of what waits on a person's route; whether there were any to make.
fn fold(
    tx: &mut Tx<'_>,
    route: &Route,
    rows: &[OutboxRow],
    now_ms: i64,
) -> Result<bool, VerbError> {
    let open: Vec<Open> = rows.iter().map(open_of).collect();
    let folded = outbox::to_fold(&open, now_ms);
    for (ids, is_asking) in [(&folded.news, false), (&folded.asks, true)] {
        if ids.is_empty() {
            continue;
        }
        let of: Vec<&OutboxRow> = rows.iter().filter(|row| ids.contains(&row.id)).collect();
        let notices: Vec<Notice> = of.iter().filter_map(|row| row.notice()).collect();
        let (notice, dedupe) = (digest(&notices, is_asking, tx.now), dedupe(tx.random()));
        // A digest of what asks goes before news, like each of its parts.
        let notice = Notice { class: if is_asking { Class::Ask } else { Class::Digest }, ..notice };
        let row = NewRow {
            route_id: route.id,
            task_id: None,
            event_id: None,
            notice_key: None,
            notice: &notice,
            dedupe: &dedupe,
            not_before_ms: 0,
            now: tx.now,
        };
        let Some(into) = store::outbox::insert(tx.store(), &row)? else { continue };
        for row in of {
            store::outbox::fold(tx.store(), row.id, into, tx.now)?;
        }
    }
    Ok(!folded.news.is_empty() || !folded.asks.is_empty())
}
