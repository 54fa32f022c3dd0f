//! What is asked and not answered: each question is asked again a few times, and then listed once a day.

use std::collections::BTreeSet;

use crate::kernel::error::VerbError;
use crate::kernel::notice::{Item, Notice};
use crate::kernel::notifying::dedupe;
use crate::kernel::rules::daily::day_of;
use crate::kernel::rules::notice_text::daily;
use crate::kernel::rules::quiet::QuietHours;
use crate::kernel::store;
use crate::kernel::store::chat_messages::ChatMessage;
use crate::kernel::store::outbox::{NewRow, OutboxRow};
use crate::kernel::tx::Tx;

/// Asks again what is due for that.
pub(super) fn remind(tx: &mut Tx<'_>, now_ms: i64) -> Result<(), VerbError> {
    let mut listed = BTreeSet::new();
    for message in store::chat_messages::list_to_remind(tx.store(), now_ms)? {
        let has_had = usize::try_from(message.reminders).unwrap_or(usize::MAX);
        if has_had < tx.policy.notify.remind_ms.len() {
            repeat(tx, &message, now_ms)?;
        } else if listed.insert(message.route_id) {
            list_open(tx, message.route_id, now_ms)?;
        }
    }
    Ok(())
}

/// When a message that has been repeated so often is due again.
fn next_at_ms(
    tx: &mut Tx<'_>,
    route_id: i64,
    reminders: u32,
    now_ms: i64,
) -> Result<Option<i64>, VerbError> {
    let policy = tx.policy;
    let notify = &policy.notify;
    let next = usize::try_from(reminders).unwrap_or(usize::MAX);
    if let Some(pause) = notify.remind_ms.get(next) {
        return Ok(Some(now_ms.saturating_add(*pause)));
    }
    let quiet = quiet_of(tx, route_id)?;
    Ok(notify.next_digest_ms(quiet.as_ref(), now_ms))
}

/// The quiet hours of an address, apart from any person.
fn quiet_of(tx: &mut Tx<'_>, route_id: i64) -> Result<Option<QuietHours>, VerbError> {
    let (connection, policy) = (tx.connection, tx.policy);
    let route = store::routes::get(connection, route_id)?;
    let channel = route.and_then(|route| policy.notify.channels.get(&route.channel));
    Ok(tx.listeners.quiet_of(connection, route_id, (&policy.notify, None, channel))?)
}

fn repeat(tx: &mut Tx<'_>, message: &ChatMessage, now_ms: i64) -> Result<(), VerbError> {
    let reminders = message.reminders + 1;
    let next_at = next_at_ms(tx, message.route_id, reminders, now_ms)?;
    store::chat_messages::set_reminded(tx.store(), message.id, next_at)?;
    let Some(event_id) = message.event_id else { return Ok(()) };
    let Some(mut notice) = asked(tx, message)? else { return Ok(()) };
    notice.headline = format!("Still waits: {}", notice.headline);
    let (key, dedupe) = (format!("reminder:{event_id}:{reminders}"), dedupe(tx.random()));
    let row = NewRow {
        route_id: message.route_id,
        task_id: Some(&message.task_id),
        event_id: None,
        notice_key: Some(&key),
        notice: &notice,
        dedupe: &dedupe,
        not_before_ms: 0,
        now: tx.now,
    };
    store::outbox::insert(tx.store(), &row)?;
    Ok(())
}

/// What a message said; none when its row has been removed since.
fn asked(tx: &Tx<'_>, message: &ChatMessage) -> Result<Option<Notice>, VerbError> {
    let Some(event_id) = message.event_id else { return Ok(None) };
    let asked = store::outbox::get_of_event(tx.store(), message.route_id, event_id)?;
    Ok(asked.as_ref().and_then(OutboxRow::notice))
}

/// Lists the open questions of a route, once a day.
fn list_open(tx: &mut Tx<'_>, route_id: i64, now_ms: i64) -> Result<(), VerbError> {
    let policy = tx.policy;
    let notify = &policy.notify;
    let quiet = quiet_of(tx, route_id)?;
    let quiet_until = quiet.as_ref().and_then(|quiet| quiet.end(tx.now));
    let day = day_of(now_ms, notify.zone_of(quiet.as_ref()));
    let next_at = notify.next_digest_ms(quiet.as_ref(), now_ms);
    let repeated = u32::try_from(notify.remind_ms.len()).unwrap_or(u32::MAX);
    let (mut items, mut board) = (Vec::new(), String::new());
    for message in store::chat_messages::list_open_asks(tx.store(), route_id, repeated)? {
        store::chat_messages::set_reminded(tx.store(), message.id, next_at)?;
        let task = tx.reread(&message.task_id)?;
        let sentence = match asked(tx, &message)? {
            Some(notice) => notice.headline,
            None => "Still waits for a person.".to_owned(),
        };
        if board.is_empty() {
            board = task.board.to_string();
        }
        items.push(Item { task: task.id.to_string(), title: task.title, sentence });
    }
    if items.is_empty() {
        return Ok(());
    }
    let mut notice = daily(items, &board, tx.now);
    tx.policy.notify.secrets.clear_notice(&mut notice);
    let dedupe = dedupe(tx.random());
    let row = NewRow {
        route_id,
        task_id: None,
        event_id: None,
        notice_key: Some(&format!("daily:{day}")),
        notice: &notice,
        dedupe: &dedupe,
        not_before_ms: quiet_until.map_or(0, |until| until.saturating_mul(1_000)),
        now: tx.now,
    };
    store::outbox::insert(tx.store(), &row)?;
    Ok(())
}
