//! The start time of a task: who may have one, and how a task moves when it changes.

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verbs::moves::Cause;

/// Refuses a start time where it means nothing: work has begun, or is over.
pub(super) fn refuse_start_time(task: &Task, verb: &'static str) -> Result<(), Refusal> {
    match task.status {
        TaskStatus::Triage
        | TaskStatus::Todo
        | TaskStatus::Scheduled
        | TaskStatus::Ready
        | TaskStatus::Blocked => Ok(()),
        TaskStatus::Running | TaskStatus::Review | TaskStatus::Done | TaskStatus::Archived => {
            Err(Tx::wrong_status(task, verb, ""))
        }
    }
}

/// What the caller hears of a start time that does not lie ahead.
pub(super) fn past_warning(
    start_at: Option<EpochSeconds>,
    now: EpochSeconds,
) -> Option<&'static str> {
    start_at.filter(|start_at| *start_at <= now).map(|_| "its start time is past: it does not wait")
}

/// Has `task`, whose row says another start time by now, stand where that lets it, with an event of `message` for where it lands. In
/// `triage` and `blocked` the time is only stored. Returns whether the task moved.
pub(super) fn land<'a>(
    tx: &mut Tx<'_>,
    task: &Task,
    verb: &'static str,
    message: impl FnOnce(TaskStatus) -> EventBody<'a>,
) -> Result<bool, VerbError> {
    if let Some(at) = task.start_at {
        tx.signal(Signal::TimeSet { at });
    }
    let step = TaskStep::Land(tx.landing(task)?);
    let Some(to) = task.status.after(step).filter(|to| *to != task.status) else {
        return Ok(false);
    };
    tx.move_task(task, step, &Cause::of(verb, None, message(to)).with(Arrival::Plain))?;
    Ok(true)
}
