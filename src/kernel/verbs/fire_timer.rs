//! `fire_timer`: what is due at its time moves, also while dispatch is paused or disabled: nothing is started by it.

use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::limits::DUE_PER_PASS;
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::questions::mind_deadlines;

/// Does what is due by now: starts, due times, deadlines. The timer sends it when the time of the next of them has come and when the
/// clock was set; a dispatch pass does the same first. Safe to repeat: what was done is not due any longer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FireTimer;

/// What comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerReply {
    /// When something is due next, for the timer or for a dispatch pass; epoch seconds.
    pub next_due: Option<EpochSeconds>,
    /// Whether there may be more that is due already.
    pub has_more: bool,
    /// Whether schedules are due: for `make_occurrences`.
    pub has_occurrences: bool,
}

impl Verb for FireTimer {
    type Reply = TimerReply;
    const NAME: &'static str = "fire_timer";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<TimerReply, VerbError> {
        tx.caller.refuse_outsiders(Self::NAME)?;
        let has_more = fire(tx)?;
        what_comes(tx, has_more)
    }
}

/// Whether dispatch is on, so that schedules make tasks.
pub(super) fn is_dispatch_on(tx: &Tx<'_>) -> Result<bool, VerbError> {
    Ok(tx.policy.dispatch_enabled && DispatchSwitch::read(tx.store())? == DispatchSwitch::On)
}

/// What the timer is to do next. The end of a back-off or of a claim that has passed is with the dispatcher already.
pub(super) fn what_comes(tx: &Tx<'_>, has_more: bool) -> Result<TimerReply, VerbError> {
    let next = store::due::next(tx.store())?;
    let occurrence = if is_dispatch_on(tx)? { next.occurrence } else { None };
    let ahead = |at: Option<EpochSeconds>| at.filter(|at| *at > tx.now);
    let times = [next.moves(), ahead(occurrence), ahead(next.dispatch)];
    let has_occurrences = occurrence.is_some_and(|at| at <= tx.now);
    Ok(TimerReply { next_due: times.into_iter().flatten().min(), has_more, has_occurrences })
}

/// Does what is due by now, in the name of the timer, at most [`DUE_PER_PASS`] of each kind. Returns whether there may be more.
pub(super) fn fire(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let next = store::due::next(tx.store())?;
    if next.moves().is_none_or(|at| at > tx.now) {
        return Ok(false);
    }
    tx.in_name_of(&Caller::System { part: "timer" }, |tx| {
        let now = tx.now;
        let is_due = |at: Option<EpochSeconds>| at.is_some_and(|at| at <= now);
        let mut has_more = is_due(next.start) && start_due(tx)?;
        has_more |= is_due(next.overdue) && tell_overdue(tx)?;
        has_more |= is_due(next.deadline) && mind_deadlines(tx)?;
        Ok(has_more)
    })
}

/// Lets scheduled tasks go on whose start time has come, those that have waited longest first. Returns whether there may be more.
fn start_due(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let due = store::tasks::list_start_due(tx.store(), tx.now, DUE_PER_PASS)?;
    for id in &due {
        let task = tx.reread(id)?;
        let landing = tx.landing(&task)?;
        let message = EventBody::StartDue { start_at: task.start_at, status: landing.status() };
        let cause = Cause::of("schedule", None, message).with(Arrival::Untimed);
        tx.move_task(&task, TaskStep::Land(landing), &cause)?;
    }
    Ok(store::due::is_cut(due.len()))
}

/// Reports unfinished tasks whose due time has passed, each once for a due time. Returns whether there may be more.
fn tell_overdue(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let due: Vec<TaskId> = store::tasks::list_overdue_untold(tx.store(), tx.now, DUE_PER_PASS)?;
    for id in &due {
        let task = tx.reread(id)?;
        tx.event(&task, None, &EventBody::Overdue { due_at: task.due_at })?;
        store::tasks::set_overdue_told(tx.store(), id)?;
    }
    Ok(store::due::is_cut(due.len()))
}
