//! Ready tasks that have waited longer than the alert limit.

use crate::kernel::error::VerbError;
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::WAITING_TOLD_PER_PASS;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::why::{Facts, reason};

/// Tells of every task that has been ready for longer than it should be, each once; returns when to look again.
pub(super) fn tell_long_waits(tx: &mut Tx<'_>) -> Result<Option<EpochSeconds>, VerbError> {
    let Some(longest) = tx.policy.queue_wait_alert_seconds else { return Ok(None) };
    let before = tx.now - longest;
    for id in store::tasks::list_waiting_untold(tx.store(), before, WAITING_TOLD_PER_PASS)? {
        let task = tx.reread(&id)?;
        let facts = Facts::read(tx.store(), task.clone(), tx.now)?;
        let reason = reason(&facts, tx.policy);
        let told = payload([
            ("since", task.ready_at.into()),
            ("reason", reason.name().into()),
            ("explanation", reason.explanation().into()),
        ]);
        tx.event(&task, None, EventKind::WaitingLong, Some(told))?;
        store::tasks::set_waiting_told(tx.store(), &id)?;
    }
    let oldest = store::tasks::oldest_waiting_untold(tx.store())?;
    Ok(oldest.map(|since| since + longest))
}
