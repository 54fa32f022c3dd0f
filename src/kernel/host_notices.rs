//! Notices without a task, to those who subscribe to many: the disk is nearly full, starts are paused, a channel cannot be used.

use crate::kernel::error::VerbError;
use crate::kernel::listeners::Listeners;
use crate::kernel::notice::{Class, Mention, Notice};
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::notice_text::plain;
use crate::kernel::store;
use crate::kernel::store::filters::Filter;
use crate::kernel::store::outbox::NewRow;
use crate::kernel::tx::{Signal, Tx};

/// A notice about the host or the whole board.
#[derive(Debug, Clone, Copy)]
pub(in crate::kernel) struct HostNotice<'a> {
    /// What it is, as a word.
    pub key: &'static str,
    /// What it asks of people.
    pub class: Class,
    /// One sentence.
    pub headline: &'a str,
    /// A channel that it does not go by.
    pub but: Option<&'a str>,
}

/// Whether a subscription hears of more than some tasks of one kind.
fn is_wide(filter: &Filter) -> bool {
    let narrow = [&filter.assignee, &filter.tenant, &filter.label];
    filter.kinds.is_empty() && narrow.iter().all(|it| it.is_none())
}

/// Whether anybody would hear of it.
pub(in crate::kernel) fn has_watchers(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    if tx.policy.notify.channels.is_empty() {
        return Ok(false);
    }
    if tx.policy.notify.hearing_all().next().is_some() {
        return Ok(true);
    }
    let connection = tx.connection;
    let listeners: &mut Listeners = tx.listeners;
    Ok(listeners.filters(connection)?.iter().any(is_wide))
}

/// One who hears of everything, or of all of a board.
struct Watcher {
    route_id: i64,
    channel: String,
    person: Option<String>,
}

fn watchers(tx: &mut Tx<'_>) -> Result<Vec<Watcher>, VerbError> {
    let (connection, policy) = (tx.connection, tx.policy);
    let of_filter = |filter: &Filter| Watcher {
        route_id: filter.route_id,
        channel: filter.channel.clone(),
        person: filter.person.clone(),
    };
    let filters = tx.listeners.filters(connection)?.iter();
    let mut found: Vec<Watcher> = filters.filter(|it| is_wide(it)).map(of_filter).collect();
    for channel in policy.notify.hearing_all() {
        found.push(Watcher {
            route_id: tx.listeners.route_of_all(connection, channel, tx.now)?,
            channel: channel.to_owned(),
            person: None,
        });
    }
    Ok(found)
}

/// Writes a notice for each address that subscribes to all tasks, or to all of a board.
pub(in crate::kernel) fn tell_watchers(
    tx: &mut Tx<'_>,
    notice: HostNotice<'_>,
) -> Result<(), VerbError> {
    if !has_watchers(tx)? {
        return Ok(());
    }
    let watchers = watchers(tx)?;
    let connection = tx.connection;
    let key = format!("{}:{}", notice.key, dedupe(tx.random()));
    for watcher in watchers.iter().filter(|it| notice.but != Some(it.channel.as_str())) {
        let policy = tx.policy;
        let Some(channel) = policy.notify.channels.get(&watcher.channel) else { continue };
        let is_asking = notice.class == Class::Ask;
        let person = watcher.person.as_deref().or(policy.notify.on_call.as_deref());
        let mention = person.and_then(|name| {
            let address = policy.notify.address(name, channel.kind)?.to_owned();
            Some(Mention { name: name.to_owned(), address })
        });
        let of = (&policy.notify, watcher.person.as_deref(), Some(channel));
        let quiet = tx.listeners.quiet_of(connection, watcher.route_id, of)?;
        let quiet_until = quiet.and_then(|quiet| quiet.end(tx.now));
        let mut message = Notice {
            mention: mention.filter(|_| is_asking),
            is_silent: !is_asking || quiet_until.is_some(),
            ..plain(notice.class, notice.key, notice.headline, tx.now)
        };
        policy.notify.secrets.clear_notice(&mut message);
        let waits = !is_asking && !channel.kind.is_machine();
        let dedupe = dedupe(tx.random());
        let row = NewRow {
            route_id: watcher.route_id,
            task_id: None,
            event_id: None,
            notice_key: Some(&key),
            notice: &message,
            dedupe: &dedupe,
            not_before_ms: quiet_until
                .filter(|_| waits)
                .map_or(0, |until| until.saturating_mul(1_000)),
            now: tx.now,
        };
        store::outbox::insert(tx.connection, &row)?;
    }
    tx.signal(Signal::OutboxMoved);
    Ok(())
}
