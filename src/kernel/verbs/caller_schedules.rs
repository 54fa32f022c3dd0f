//! Which schedules a caller may make and change: operators all, an orchestrating worker those that the runs of its task made.

use crate::kernel::caller::{Caller, no_operator};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::schedule::{Schedule, ScheduleMaker};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::tx::Tx;
use crate::kernel::verbs::chat_limits::refuse_reviewer;
use crate::kernel::verbs::fence::refuse_ended_run;
use crate::kernel::verbs::occurrences::request;

/// Refuses a worker whose profile plans no work, or whose run is over.
pub(super) fn refuse_no_scheduler(tx: &Tx<'_>, verb: &'static str) -> Result<(), VerbError> {
    let Caller::Worker { run_id, profile, .. } = tx.caller else { return Ok(()) };
    if !tx.policy.orchestrators.contains(profile) {
        return Err(no_operator(*run_id, verb).into());
    }
    refuse_ended_run(tx)
}

/// The worker that makes a schedule now; none: it is an operator.
pub(super) fn schedule_maker(tx: &Tx<'_>) -> Result<Option<ScheduleMaker>, VerbError> {
    let Caller::Worker { run_id, task_id, profile, .. } = tx.caller else { return Ok(None) };
    let limit = tx.policy.schedules_per_profile;
    if store::schedules::count_of_profile(tx.store(), profile)? >= limit {
        let of = format!("profile {profile}");
        return Err(Refusal::TooManySchedules { of, limit }.into());
    }
    let (run_id, task_id, profile) = (*run_id, task_id.clone(), profile.clone());
    Ok(Some(ScheduleMaker { profile, run_id, task_id }))
}

/// Whether what the caller makes or changes takes effect without a person.
pub(super) fn may_schedule(tx: &Tx<'_>) -> bool {
    match tx.caller {
        Caller::Worker { profile, .. } => tx.policy.may_schedule.contains(profile),
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => true,
    }
}

/// The schedule that a request names, if the caller may change it.
pub(super) fn schedule_of_caller(
    tx: &Tx<'_>,
    name: &str,
    board: Option<&str>,
    verb: &'static str,
) -> Result<(BoardKey, Schedule), VerbError> {
    let board = tx.board(board, verb)?;
    refuse_no_scheduler(tx, verb)?;
    let unknown = || Refusal::UnknownSchedule { name: shorten(name) };
    let schedule = store::schedules::find(tx.store(), &board, name)?.ok_or_else(unknown)?;
    let is_makers = |task_id: &TaskId, profile: &str| {
        let maker = schedule.maker.as_ref();
        maker.is_some_and(|maker| maker.task_id == *task_id && maker.profile == profile)
    };
    if let Caller::Worker { run_id, task_id, profile, .. } = tx.caller
        && !is_makers(task_id, profile)
    {
        let (own, id) = (task_id.to_string(), format!("schedule {name}"));
        return Err(Refusal::NotYours { run_id: *run_id, own, id }.into());
    }
    Ok((board, schedule))
}

/// A schedule makes tasks for its assignee, also when another person has it run: in a chat it is one of those of their role.
pub(super) fn refuse_schedule(caller: &Caller, schedule: &Schedule) -> Result<(), Refusal> {
    let Caller::Chat(by) = caller else { return Ok(()) };
    let task = request(schedule)?;
    if let Some(assignee) = task.assignee.as_deref().filter(|name| !name.is_empty()) {
        by.may_assign(assignee)?;
    }
    refuse_reviewer(caller, task.review.as_deref().filter(|name| !name.is_empty()))
}
