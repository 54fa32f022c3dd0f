//! Occurrences of schedules: what each makes, and what it means for its schedule.

use serde_json::Value;

use crate::kernel::caller::Caller;
use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::limits::{ERROR_CHARS_MAX, SCHEDULES_PER_FIRING};
use crate::kernel::rules::schedule::{Fate, fate, filled};
use crate::kernel::schedule::Schedule;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::cancel::CancelTask;
use crate::kernel::verbs::create::{CreateReply, CreateTask, Maker, Occurrence};

/// Makes the tasks of the schedules that are due, those that have waited longest first. Returns whether there may be more.
pub(super) fn make_due(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let due = store::schedules::list_due(tx.store(), tx.now, SCHEDULES_PER_FIRING)?;
    let is_cut = due.len() == usize::try_from(SCHEDULES_PER_FIRING).unwrap_or(usize::MAX);
    for mut schedule in due {
        match Clockwork::of(&schedule) {
            Ok(clockwork) => make_missed(tx, &mut schedule, &clockwork)?,
            Err(refusal) => stop(&mut schedule, &refusal),
        }
        store::schedules::set_progress(tx.store(), &schedule)?;
    }
    Ok(is_cut)
}

/// Makes what the schedule's policy says of the occurrences that have come.
fn make_missed(
    tx: &mut Tx<'_>,
    schedule: &mut Schedule,
    clockwork: &Clockwork,
) -> Result<(), VerbError> {
    let plan = clockwork.times().plan(schedule.catch_up, schedule.last_at, tx.now);
    for at in plan.make {
        if schedule.left() == Some(0) {
            break;
        }
        // A refusal stands in the schedule, and in the inbox.
        drop(make(tx, schedule, clockwork, at, Asked::ByTime)?);
    }
    (schedule.last_at, schedule.next_at) = (plan.last_at, plan.next_at);
    if schedule.left() == Some(0) {
        schedule.next_at = None;
    }
    Ok(())
}

/// It cannot be said when it has occurrences: nothing is made until a person has changed it.
fn stop(schedule: &mut Schedule, refusal: &Refusal) {
    schedule.refused_in_a_row += 1;
    schedule.last_error = Some(refusal.to_string());
    schedule.next_at = None;
}

/// Who asks for an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Its time has come.
    ByTime,
    /// A person: it is made even when the one before is not over.
    ByPerson,
}

/// Makes the task of one occurrence, or says in the schedule why not. Returns the task when one was made.
pub(super) fn make(
    tx: &mut Tx<'_>,
    schedule: &mut Schedule,
    clockwork: &Clockwork,
    at: EpochSeconds,
    asked: Asked,
) -> Result<Result<Option<CreateReply>, Refusal>, VerbError> {
    if store::schedules::has_occurrence(tx.store(), schedule.id, at)? {
        return Ok(Ok(None));
    }
    let previous = previous(tx, schedule)?;
    let is_over = previous.as_ref().is_none_or(|task| task.status.satisfies_children());
    let fate = match (fate(schedule.overlap, is_over), asked) {
        (Fate::Skip, Asked::ByPerson) => Fate::Make,
        (fate, _) => fate,
    };
    if fate == Fate::Skip {
        schedule.skipped += 1;
        schedule.skipped_in_a_row += 1;
        return Ok(Ok(None));
    }
    let previous = previous.map(|task| task.id);
    let done = tx.alone(|tx| create(tx, schedule, clockwork, (at, fate), previous.as_ref()))?;
    match done {
        Ok(reply) => {
            schedule.made += 1;
            (schedule.skipped_in_a_row, schedule.refused_in_a_row) = (0, 0);
            schedule.last_error = None;
            schedule.last_task_id = Some(reply.task.id.clone());
            Ok(Ok(Some(reply)))
        }
        Err(VerbError::Refused(refusal)) => {
            schedule.refused_in_a_row += 1;
            let error: String = refusal.to_string().chars().take(ERROR_CHARS_MAX).collect();
            schedule.last_error = Some(error);
            Ok(Err(refusal))
        }
        Err(failed @ VerbError::Failed(_)) => Err(failed),
    }
}

/// Refuses a schedule whose task would be refused now.
pub(super) fn try_task(
    tx: &mut Tx<'_>,
    schedule: &Schedule,
    clockwork: &Clockwork,
) -> Result<Vec<String>, VerbError> {
    let at = tx.now;
    let tried = tx.try_out(|tx| create(tx, schedule, clockwork, (at, Fate::Make), None))?;
    Ok(tried.warnings)
}

/// The newest task of the schedule, unless it was removed.
fn previous(tx: &Tx<'_>, schedule: &Schedule) -> Result<Option<Task>, Fault> {
    match &schedule.last_task_id {
        Some(id) => store::tasks::get(tx.store(), id),
        None => Ok(None),
    }
}

/// Creates the task of an occurrence, as if the maker of the schedule created it now.
fn create(
    tx: &mut Tx<'_>,
    schedule: &Schedule,
    clockwork: &Clockwork,
    (at, fate): (EpochSeconds, Fate),
    previous: Option<&TaskId>,
) -> Result<CreateReply, VerbError> {
    let mut request = request(schedule)?;
    let number = schedule.made + 1;
    request.title = filled(&request.title, at, clockwork.zone(), number);
    request.body = request.body.map(|body| filled(&body, at, clockwork.zone(), number));
    request.due_at = schedule.due_in_seconds.map(|seconds| at.saturating_add(seconds));
    request.board = Some(schedule.board.to_string());
    match (fate, previous) {
        (Fate::Queue, Some(previous)) => request.parents.push(previous.to_string()),
        (Fate::Replace, Some(previous)) => {
            let reason =
                Some(format!("replaced by the next occurrence of schedule {}", schedule.name));
            CancelTask { id: previous.to_string(), reason, ..CancelTask::default() }.run(tx)?;
        }
        (Fate::Make | Fate::Skip | Fate::Queue | Fate::Replace, _) => {}
    }
    let caller = match &schedule.maker {
        Some(maker) => Caller::Worker {
            run_id: maker.run_id,
            task_id: maker.task_id.clone(),
            board: schedule.board.clone(),
            profile: maker.profile.clone(),
        },
        None => Caller::Operator { name: schedule.created_by.clone() },
    };
    let occurrence = Occurrence { schedule_id: schedule.id, schedule: &schedule.name, at };
    request.create(tx, Maker { caller: &caller, occurrence: Some(occurrence) })
}

/// The request that creates the tasks of a schedule.
///
/// # Errors
/// A field that is unknown, of the wrong type, or no part of a schedule.
pub(super) fn request(schedule: &Schedule) -> Result<CreateTask, Refusal> {
    let invalid = |problem: &'static str, value: String| Refusal::InvalidValue {
        field: "task",
        problem,
        value,
    };
    for field in ["start_at", "due_at", "idempotency_key", "created_by", "board"] {
        if schedule.task.contains_key(field) {
            return Err(invalid("not a field of a schedule's task", field.to_owned()));
        }
    }
    serde_json::from_value(Value::Object(schedule.task.clone()))
        .map_err(|error| invalid("not the fields of a task", shorten(&error.to_string())))
}

/// Has the timer heed the next occurrence of a schedule.
pub(super) fn arm(tx: &mut Tx<'_>, schedule: &Schedule) {
    if let Some(at) = schedule.next_at {
        tx.signal(Signal::TimeSet { at });
    }
}
