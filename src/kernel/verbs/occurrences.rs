//! Occurrences of schedules: what each makes, and what it means for its schedule.

use serde_json::Value;

use crate::kernel::caller::{Caller, no_operator};
use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::limits::{DUE_PER_PASS, ERROR_CHARS_MAX, SCHEDULES_PER_FIRING};
use crate::kernel::location::{DirectoryDoubts, WantedDirectory};
use crate::kernel::rules::schedule::{Fate, fate, filled};
use crate::kernel::schedule::Schedule;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::cancel::CancelTask;
use crate::kernel::verbs::create::{CreateReply, CreateTask, Maker, Occurrence};

/// Between two looks at a schedule of which it cannot be said when it has occurrences, seconds.
const LOOK_AGAIN_SECONDS: i64 = 300;

/// Makes the tasks of the schedules that are due, those that have waited longest first, at most [`DUE_PER_PASS`]. Returns whether there
/// may be more.
pub(super) fn make_due(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let due = store::schedules::list_due(tx.store(), tx.now, SCHEDULES_PER_FIRING)?;
    let is_cut = due.len() == usize::try_from(SCHEDULES_PER_FIRING).unwrap_or(usize::MAX);
    let mut room = usize::try_from(DUE_PER_PASS).unwrap_or(usize::MAX);
    for mut schedule in due {
        if room == 0 {
            return Ok(true);
        }
        match Clockwork::of(&schedule) {
            Ok(clockwork) => make_missed(tx, &mut schedule, &clockwork, &mut room)?,
            Err(refusal) => put_off(&mut schedule, &refusal, tx.now),
        }
        store::schedules::set_progress(tx.store(), &schedule)?;
    }
    Ok(is_cut || room == 0)
}

/// Makes what the schedule's policy says of the occurrences that have come, as far as there is room for it in this firing.
fn make_missed(
    tx: &mut Tx<'_>,
    schedule: &mut Schedule,
    clockwork: &Clockwork,
    room: &mut usize,
) -> Result<(), VerbError> {
    let plan = clockwork.times().plan(schedule.catch_up, schedule.last_at, tx.now);
    (schedule.last_at, schedule.next_at) = (plan.last_at, plan.next_at);
    for at in plan.make {
        if *room == 0 {
            // The rest comes with the next firing.
            schedule.next_at = Some(at);
            break;
        }
        if schedule.left() == Some(0) {
            break;
        }
        *room -= 1;
        schedule.last_at = at;
        // A refusal stands in the schedule, and in the inbox.
        drop(make(tx, schedule, clockwork, at, Asked::ByTime)?);
    }
    if schedule.left() == Some(0) {
        schedule.next_at = None;
    }
    Ok(())
}

/// It cannot be said now when it has occurrences: its zone cannot be read, or another program wrote its row. It is looked at again, and
/// what comes meanwhile is missed.
fn put_off(schedule: &mut Schedule, refusal: &Refusal, now: EpochSeconds) {
    schedule.refused_in_a_row += 1;
    schedule.last_error = Some(refusal.to_string());
    schedule.next_at = Some(now.max(schedule.last_at).saturating_add(LOOK_AGAIN_SECONDS));
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
) -> Result<Result<Option<CreateReply>, VerbError>, VerbError> {
    if store::schedules::has_occurrence(tx.store(), schedule.id, at)? {
        return Ok(Ok(None));
    }
    let previous = store::schedules::open_task(tx.store(), schedule.id)?;
    let fate = match (fate(schedule.overlap, previous.is_none()), asked) {
        (Fate::Skip, Asked::ByPerson) => Fate::Make,
        (fate, _) => fate,
    };
    if fate == Fate::Skip {
        schedule.skipped += 1;
        schedule.skipped_in_a_row += 1;
        return Ok(Ok(None));
    }
    let done = tx.alone(|tx| {
        create(tx, request(schedule)?, schedule, clockwork, (at, fate), previous.as_ref())
    })?;
    match done {
        Ok(reply) => {
            schedule.made += 1;
            (schedule.skipped_in_a_row, schedule.refused_in_a_row) = (0, 0);
            schedule.last_error = None;
            schedule.last_task_id = Some(reply.task.id.clone());
            Ok(Ok(Some(reply)))
        }
        // One that the schema refuses is as good as one that the board refuses: it holds up no other.
        Err(error) => {
            schedule.refused_in_a_row += 1;
            let why: String = error.to_string().chars().take(ERROR_CHARS_MAX).collect();
            schedule.last_error = Some(why);
            Ok(Err(error))
        }
    }
}

/// Refuses a schedule whose task would be refused now.
pub(super) fn try_task(
    tx: &mut Tx<'_>,
    schedule: &Schedule,
    clockwork: &Clockwork,
    directories: &DirectoryDoubts,
) -> Result<Vec<String>, VerbError> {
    let at = tx.now;
    let mut request = request(schedule)?;
    request.directory = directories.of(WantedDirectory::of_fields(&schedule.task).as_ref());
    let tried =
        tx.try_out(|tx| create(tx, request, schedule, clockwork, (at, Fate::Make), None))?;
    Ok(tried.warnings)
}

/// Creates the task of an occurrence, as if the maker of the schedule created it now.
fn create(
    tx: &mut Tx<'_>,
    mut request: CreateTask,
    schedule: &Schedule,
    clockwork: &Clockwork,
    (at, fate): (EpochSeconds, Fate),
    previous: Option<&TaskId>,
) -> Result<CreateReply, VerbError> {
    if let Some(maker) = &schedule.maker
        && !tx.policy.orchestrators.contains(&maker.profile)
    {
        return Err(no_operator(maker.run_id, "add_schedule").into());
    }
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
