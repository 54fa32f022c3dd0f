//! Ready tasks that have waited longer than the alert limit.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::WAITING_TOLD_PER_PASS;
use crate::kernel::location::Looks;
use crate::kernel::next_pass::View;
use crate::kernel::standing::Asker;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;
use crate::kernel::why::{Reason, Why};

/// Tells of every task that has been ready for longer than it should be, each once; returns when to look again.
pub(super) fn tell_long_waits(tx: &mut Tx<'_>) -> Result<Option<EpochSeconds>, VerbError> {
    let Some(longest) = tx.policy.queue_wait_alert_seconds else { return Ok(None) };
    let before = tx.now - longest;
    for (task, reason) in list(tx, before)? {
        let (since, explanation) = (task.ready_at, &reason.explanation());
        let message = EventBody::WaitingLong { since, reason: reason.name(), explanation };
        tx.event(&task, None, &message)?;
        store::tasks::set_waiting_told(tx.store(), &task.id)?;
    }
    let oldest = store::tasks::oldest_waiting_untold(tx.store())?;
    Ok(oldest.map(|since| since + longest))
}

/// Tasks that have been ready since `before`, each with the reason why it does not start.
fn list(tx: &Tx<'_>, before: EpochSeconds) -> Result<Vec<(Task, Reason)>, VerbError> {
    let looks = Looks::new();
    let mut why = Why::new(View {
        connection: tx.store(),
        policy: tx.policy,
        now: tx.now,
        asker: Asker { is_automatic: true, low_disk_bytes: None },
        max: None,
        looks: &looks,
    });
    let mut waits = Vec::new();
    for id in store::tasks::list_waiting_untold(tx.store(), before, WAITING_TOLD_PER_PASS)? {
        let task = tx.reread(&id)?;
        let reason = why.reason(&task)?;
        waits.push((task, reason));
    }
    Ok(waits)
}
