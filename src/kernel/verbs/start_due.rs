//! Scheduled tasks whose start time has come; a dispatch pass lets them go on, also while dispatch is paused or disabled: they move,
//! nothing is started by it.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::DUE_PER_PASS;
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::verbs::moves::Cause;

/// What was done, and what comes.
pub(super) struct StartDue {
    /// When the next one starts, epoch seconds.
    pub next_start: Option<EpochSeconds>,
    /// Whether there may be more whose time has come.
    pub has_more: bool,
}

/// Lets scheduled tasks go on whose time has come, those that have waited longest first.
pub(super) fn start_due(tx: &mut Tx<'_>) -> Result<StartDue, VerbError> {
    let next_start = store::tasks::next_start(tx.store())?;
    if next_start.is_none_or(|start| start > tx.now) {
        return Ok(StartDue { next_start, has_more: false });
    }
    let due = store::tasks::list_start_due(tx.store(), tx.now, DUE_PER_PASS)?;
    for id in &due {
        let task = tx.reread(id)?;
        let landing = tx.landing(&task)?;
        let message = EventBody::StartDue { start_at: task.start_at, status: landing.status() };
        let cause = Cause::of("schedule", None, message).with(Arrival::Untimed);
        tx.move_task(&task, TaskStep::Land(landing), &cause)?;
    }
    let has_more = due.len() == usize::try_from(DUE_PER_PASS).unwrap_or(usize::MAX);
    Ok(StartDue { next_start: store::tasks::next_start(tx.store())?, has_more })
}
