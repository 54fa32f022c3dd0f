//! A chat in which a task is created hears of it from then on.

use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::EventId;
use crate::kernel::rules::notify::Level;
use crate::kernel::store;
use crate::kernel::store::subscriptions::Subscription;
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;
use crate::kernel::verbs::room;

/// Subscribes the chat of a caller who writes in one to the task that was created with the event `created`: with it, so that the
/// live message of the task is there at once.
pub(super) fn subscribe_chat(
    tx: &mut Tx<'_>,
    caller: &Caller,
    task: &Task,
    created: EventId,
) -> Result<(), VerbError> {
    let Caller::Chat(by) = caller else { return Ok(()) };
    let (channel, address, thread) = by.route();
    let subscription = Subscription {
        task_id: task.id.clone(),
        board: task.board.clone(),
        platform: channel,
        chat_id: address,
        thread_id: thread,
        user_id: Some(by.ask.user.clone()),
        created_at: tx.now,
        last_event_id: created.saturating_sub(1),
        level: Level::Normal,
        kinds: Vec::new(),
        person: Some(by.person.clone()),
    };
    if !store::subscriptions::insert(tx.store(), &subscription, &by.name)? {
        return Ok(());
    }
    room::after_subscription(tx.store(), &task.id)?;
    let Subscription { platform, chat_id, thread_id, .. } = &subscription;
    store::routes::ensure(tx.store(), (platform, chat_id, thread_id), tx.now)?;
    tx.listeners.forget();
    Ok(())
}
