//! Writing the outbox: at the end of each request, in its transaction, what its events say to those who subscribe to them.
//!
//! Nothing is read where no channel is configured or nobody subscribes. Otherwise the subscriptions of a task are one look into an
//! index, and those of many tasks a list that the writer keeps.

use std::collections::BTreeMap;

use crate::kernel::buttons::{Asked, buttons};
use crate::kernel::caller::{Caller, ChatRoute};
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::{Event, EventKind};
use crate::kernel::ids::TaskId;
use crate::kernel::notice::Class;
use crate::kernel::notify_policy::ChannelPolicy;
use crate::kernel::question::Question;
use crate::kernel::random::{Random, letters};
use crate::kernel::rules::live;
use crate::kernel::rules::notice_text::{Facts, asks_a_question, notice};
use crate::kernel::rules::notify::{Level, Reach, ends_asks, is_failed_attempt, is_urgent, reach};
use crate::kernel::store::attachments::Attachment;
use crate::kernel::store::outbox::NewRow;
use crate::kernel::store::subscriptions::TaskSubscription;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};

/// Characters of the stable id of a message.
const DEDUPE_CHARS: usize = 20;

/// Its letters.
const DEDUPE_LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A new stable id of a message: 20 characters of a-z and 2-7.
pub(in crate::kernel) fn dedupe(random: &mut dyn Random) -> String {
    letters(random, DEDUPE_LETTERS, DEDUPE_CHARS)
}

/// One who hears of an event, by one route.
struct Listener {
    route_id: i64,
    channel: String,
    address: String,
    level: Level,
    kinds: Vec<String>,
    person: Option<String>,
    is_over: bool,
    /// Whether every event is news for it.
    hears_all: bool,
}

/// Writes what the events of this request say to those who subscribe to them.
///
/// # Errors
/// A fault of the database.
pub(in crate::kernel) fn tell(tx: &mut Tx<'_>) -> Result<(), VerbError> {
    if tx.policy.notify.channels.is_empty() || tx.effects.events.is_empty() {
        return Ok(());
    }
    let connection = tx.connection;
    let has_filters = !tx.listeners.filters(connection)?.is_empty();
    let has_all = tx.policy.notify.hearing_all().next().is_some();
    if !has_filters && !has_all && !tx.listeners.has_task_subscriptions(connection)? {
        return Ok(());
    }
    tx.effects.spoken_on = match spoken_in(tx) {
        Some((channel, address, thread)) => {
            store::routes::find(tx.connection, (&channel, &address, &thread))?
        }
        None => None,
    };
    let events = std::mem::take(&mut tx.effects.events);
    let has_any = tell_all(tx, &events);
    tx.effects.events = events;
    if has_any? {
        tx.signal(Signal::OutboxMoved);
    }
    Ok(())
}

/// The chat in which a person asked for what this request does.
fn spoken_in(tx: &Tx<'_>) -> Option<ChatRoute> {
    match tx.caller {
        Caller::Chat(by) => Some(by.route()),
        Caller::Operator { .. }
        | Caller::Worker { .. }
        | Caller::Courier
        | Caller::System { .. } => tx.effects.spoken_in.clone(),
    }
}

fn tell_all(tx: &mut Tx<'_>, events: &[Event]) -> Result<bool, VerbError> {
    let mut tasks: BTreeMap<&TaskId, (Task, Vec<TaskSubscription>)> = BTreeMap::new();
    let mut is_moved = false;
    for event in events {
        let Some(kind) = EventKind::ALL.iter().copied().find(|kind| kind.as_str() == event.kind)
        else {
            continue;
        };
        if !tasks.contains_key(&event.task_id) {
            // A request may create a task and purge it.
            let Some(task) = store::tasks::get(tx.connection, &event.task_id)? else { continue };
            let subscriptions = if tx.listeners.has_task_subscriptions(tx.connection)? {
                store::subscriptions::list_for_events(tx.connection, &event.task_id)?
            } else {
                Vec::new()
            };
            tasks.insert(&event.task_id, (task, subscriptions));
        }
        let Some((task, subscriptions)) = tasks.get(&event.task_id) else { continue };
        is_moved |= tell_one(tx, (event, kind), task, subscriptions, events)?;
    }
    Ok(is_moved)
}

fn tell_one(
    tx: &mut Tx<'_>,
    (event, kind): (&Event, EventKind),
    task: &Task,
    subscriptions: &[TaskSubscription],
    events: &[Event],
) -> Result<bool, VerbError> {
    let mut is_moved = false;
    if ends_asks(kind) {
        let ending = live::ending(event);
        is_moved |= store::chat_messages::end_asks(tx.connection, &task.id, &ending)? > 0;
        store::chat_tokens::end_moves(tx.connection, &task.id, tx.now)?;
    }
    let listeners = listeners_of(tx, event, task, subscriptions)?;
    let mut by_route: BTreeMap<i64, (Reach, Listener)> = BTreeMap::new();
    let policy = tx.policy;
    for listener in listeners {
        let Some(channel) = policy.notify.channels.get(&listener.channel) else { continue };
        if listener.is_over && !matches!(kind, EventKind::Reopened | EventKind::Unarchived) {
            continue;
        }
        let found = reach_of(event, kind, &listener, channel);
        // Who did it, and everybody who reads along there, knows.
        let is_known = found == Reach::News && tx.effects.spoken_on == Some(listener.route_id);
        let found = if is_known { Reach::Live } else { found };
        if found == Reach::None {
            continue;
        }
        match by_route.get(&listener.route_id) {
            Some((other, _)) if *other >= found => {}
            Some(_) | None => drop(by_route.insert(listener.route_id, (found, listener))),
        }
    }
    let mut content = None;
    for (route_id, (found, listener)) in by_route {
        let Some(channel) = policy.notify.channels.get(&listener.channel) else { continue };
        is_moved = true;
        if channel.kind.edits(&listener.address) && listener.level != Level::Quiet {
            store::chat_messages::want_live(tx.connection, route_id, &task.id)?;
        }
        let class = match found {
            Reach::Ask => Class::Ask,
            Reach::News => Class::News,
            Reach::Live | Reach::None => continue,
        };
        if kind == EventKind::GaveUp {
            take_back_failures(tx.connection, route_id, task, events)?;
        }
        if content.is_none() {
            content = Some(Content::of(tx.connection, (event, kind), task)?);
        }
        if let Some(content) = &content {
            write(tx, (event, kind), (task, content), (&listener, channel), class)?;
        }
    }
    Ok(is_moved)
}

/// Attempts that failed need no message beside the one of the giving up that follows in the same transaction.
fn take_back_failures(
    connection: &Connection,
    route_id: i64,
    task: &Task,
    events: &[Event],
) -> Result<(), Fault> {
    let failures = events.iter().filter(|other| {
        let kind = EventKind::ALL.iter().find(|kind| kind.as_str() == other.kind);
        other.task_id == task.id && kind.copied().is_some_and(is_failed_attempt)
    });
    for other in failures {
        store::outbox::delete_of_event(connection, route_id, other.id)?;
    }
    Ok(())
}

/// How far an event reaches for a listener. A program gets every kind that it subscribes to, a person what the level says.
fn reach_of(event: &Event, kind: EventKind, listener: &Listener, channel: &ChannelPolicy) -> Reach {
    if !listener.kinds.is_empty() && !listener.kinds.contains(&event.kind) {
        return Reach::None;
    }
    let found = reach(kind, event.payload.as_ref(), listener.level);
    if !listener.kinds.is_empty() || listener.hears_all {
        return found.max(Reach::News);
    }
    if channel.kind.is_machine() && found == Reach::Live { Reach::News } else { found }
}

fn listeners_of(
    tx: &mut Tx<'_>,
    event: &Event,
    task: &Task,
    subscriptions: &[TaskSubscription],
) -> Result<Vec<Listener>, Fault> {
    let was_over = |is_ending: bool| {
        let is_over = matches!(task.status, TaskStatus::Done | TaskStatus::Archived);
        is_over && !is_ending
    };
    let is_ending = matches!(event.kind.as_str(), "completed" | "approved" | "archived");
    let mut found = Vec::new();
    for subscription in subscriptions.iter().filter(|it| it.last_event_id < event.id) {
        let target = (
            subscription.platform.as_str(),
            subscription.chat_id.as_str(),
            subscription.thread_id.as_str(),
        );
        if !tx.policy.notify.channels.contains_key(&subscription.platform) {
            continue;
        }
        let route_id = match subscription.route_id {
            Some(id) => id,
            // Written by an import, or by another program.
            None => store::routes::ensure(tx.connection, target, tx.now)?,
        };
        found.push(Listener {
            route_id,
            channel: subscription.platform.clone(),
            address: subscription.chat_id.clone(),
            level: subscription.level,
            kinds: subscription.kinds.clone(),
            person: subscription.person.clone(),
            is_over: was_over(is_ending),
            hears_all: false,
        });
    }
    let connection = tx.connection;
    for filter in tx.listeners.filters(connection)? {
        let is = |wanted: &Option<String>, has: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == has)
        };
        let has_label =
            filter.label.as_ref().is_none_or(|label| task.labels.iter().any(|it| it == label));
        if filter.board.as_ref().is_none_or(|board| *board == task.board)
            && is(&filter.assignee, task.assignee.as_deref())
            && is(&filter.tenant, task.tenant.as_deref())
            && has_label
        {
            found.push(Listener {
                route_id: filter.route_id,
                channel: filter.channel.clone(),
                address: filter.address.clone(),
                level: filter.level,
                kinds: filter.kinds.clone(),
                person: filter.person.clone(),
                is_over: false,
                hears_all: false,
            });
        }
    }
    found.extend(hearing_all(tx)?);
    Ok(found)
}

/// The channels that get every event.
fn hearing_all(tx: &mut Tx<'_>) -> Result<Vec<Listener>, Fault> {
    let (connection, policy) = (tx.connection, tx.policy);
    let mut found = Vec::new();
    for channel in policy.notify.hearing_all() {
        found.push(Listener {
            route_id: tx.listeners.route_of_all(connection, channel, tx.now)?,
            channel: channel.to_owned(),
            address: String::new(),
            level: Level::Verbose,
            kinds: Vec::new(),
            person: None,
            is_over: false,
            hears_all: true,
        });
    }
    Ok(found)
}

/// What a message says beside what stands in its event: read once, however many hear of it.
struct Content {
    summary: Option<String>,
    question: Option<Question>,
    files: Vec<Attachment>,
}

impl Content {
    fn of(
        connection: &Connection,
        (event, kind): (&Event, EventKind),
        task: &Task,
    ) -> Result<Self, Fault> {
        let is_work_done = matches!(kind, EventKind::Completed | EventKind::ReviewRequested);
        let run = match event.run_id.filter(|_| is_work_done) {
            Some(id) => store::runs::get(connection, id)?,
            None => None,
        };
        let question = if asks_a_question(kind) {
            store::questions::get_open(connection, &task.id)?
        } else {
            None
        };
        let files =
            if is_work_done { store::attachments::list(connection, &task.id)? } else { Vec::new() };
        Ok(Self { summary: run.and_then(|run| run.summary), question, files })
    }
}

fn write(
    tx: &mut Tx<'_>,
    (event, kind): (&Event, EventKind),
    (task, content): (&Task, &Content),
    (listener, channel): (&Listener, &ChannelPolicy),
    class: Class,
) -> Result<(), VerbError> {
    let connection = tx.connection;
    let policy = tx.policy;
    let notify = &policy.notify;
    let person = listener.person.as_deref().or(notify.on_call.as_deref());
    let mention = person.and_then(|name| Some((name, notify.address(name, channel.kind)?)));
    let of = (notify, listener.person.as_deref(), Some(channel));
    let quiet = tx.listeners.quiet_of(connection, listener.route_id, of)?;
    let quiet_until = quiet.and_then(|quiet| quiet.end(tx.now));
    let is_urgent = is_urgent(kind, event.payload.as_ref());
    let mut message = notice(Facts {
        event,
        kind,
        task,
        class,
        summary: content.summary.as_deref(),
        question: content.question.as_ref(),
        files: &content.files,
        mention,
        is_hushed: quiet_until.is_some() && !is_urgent,
    });
    if class == Class::Ask && channel.is_heard && channel.kind.has_buttons() {
        let asked = Asked { kind, task, question: content.question.as_ref() };
        message.buttons = buttons(tx, asked, (&listener.channel, listener.route_id))?;
    }
    notify.secrets.clear_notice(&mut message);
    let waits = class == Class::News && !channel.kind.is_machine();
    let not_before_ms =
        quiet_until.filter(|_| waits).map_or(0, |until| until.saturating_mul(1_000));
    let dedupe = dedupe(tx.random());
    let row = NewRow {
        route_id: listener.route_id,
        task_id: Some(&task.id),
        event_id: Some(event.id),
        notice_key: None,
        notice: &message,
        dedupe: &dedupe,
        not_before_ms,
        now: tx.now,
    };
    store::outbox::insert(connection, &row)?;
    Ok(())
}
