//! The three ways of a review, as the verbs and the ends of runs take them: handed in, approved, sent back.

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::limits::EVENT_SUMMARY_CHARS_MAX;
use crate::kernel::rules::review::{At, Means, Says, at, meaning, pair, person_instead};
use crate::kernel::run::{APPROVED, CHANGES_REQUESTED, Run, RunRole};
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{HUMAN, Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::validate;
use crate::kernel::verbs::ending::{Ending, end_current_run, synthesize_run};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::promote_released_children;

/// What a verdict means that `own`, the run of the calling worker, or a person says about `task`.
///
/// # Errors
/// The refusal of one that is not taken there.
pub(super) fn meant(
    tx: &Tx<'_>,
    task: &Task,
    (says, verb): (Says, &'static str),
    own: Option<&Run>,
) -> Result<Means, VerbError> {
    let role = match (own, task.current_run_id) {
        (Some(run), _) => Some(run.role()),
        (None, Some(run_id)) => store::runs::get(tx.store(), run_id)?.map(|run| run.role()),
        (None, None) => None,
    };
    let position = at(task.status, role);
    let has_reviewer = task.reviewer.is_some();
    let refused = || match (own, position) {
        (Some(_), At::Work | At::ReviewRun) => {
            let is_review = role == Some(RunRole::Review);
            Refusal::OtherRole { verb, id: task.id.to_string(), is_review }
        }
        _ => Tx::wrong_status(task, verb, " (not in review)"),
    };
    meaning(says, own.is_some(), position, has_reviewer).ok_or_else(|| refused().into())
}

/// Moves a task into its review, after the run that hands it in has ended. Returns its new status.
pub(super) fn hand_in(
    tx: &mut Tx<'_>,
    task: &Task,
    (verb, run_id): (&'static str, Option<RunId>),
    (handoff, result): (Option<&str>, Option<&str>),
    verified_cards: &[String],
) -> Result<TaskStatus, VerbError> {
    let summary = handoff.and_then(|text| validate::first_line(text, EVENT_SUMMARY_CHARS_MAX));
    let why = person_instead(task, tx.policy);
    let message = EventBody::ReviewRequested {
        reviewer: if why.is_some() { HUMAN } else { task.reviewer.as_deref().unwrap_or(HUMAN) },
        round: task.review_round,
        summary: summary.as_deref(),
        why: why.as_deref(),
        verified_cards,
    };
    let cause = Cause::of(verb, run_id, message).with(Arrival::HandedIn { result });
    let to = tx.move_task(task, TaskStep::HandIn, &cause)?;
    if tx.reread(&task.id)?.queue_profile().is_some() {
        // The review waits for the slot and the position of the worker: no time to linger.
        tx.stop_open_run(&task.id)?;
    }
    Ok(to)
}

/// Ends a review with a verdict: its run, where there is one, or one that keeps what a person said.
pub(super) fn end_review(
    tx: &mut Tx<'_>,
    task: &Task,
    ending: &Ending<'_>,
) -> Result<Option<RunId>, VerbError> {
    let run_id = end_current_run(tx, task, ending)?;
    if run_id.is_none() && ending.says_something() {
        return Ok(Some(synthesize_run(tx, task, "completed", ending)?));
    }
    Ok(run_id)
}

/// The task is done after its review has ended; returns how many children became ready.
pub(super) fn approve(
    tx: &mut Tx<'_>,
    task: &Task,
    (verb, run_id): (&'static str, Option<RunId>),
    (summary, result): (Option<&str>, Option<&str>),
    verified_cards: &[String],
) -> Result<usize, VerbError> {
    let summary = summary.and_then(|text| validate::first_line(text, EVENT_SUMMARY_CHARS_MAX));
    let message = EventBody::Approved { summary: summary.as_deref(), round: task.review_round };
    tx.event(task, run_id, &message)?;
    let handed_in = result.or(task.result.as_deref());
    let message = EventBody::Completed {
        result_len: handed_in.map_or(0, |text| text.chars().count()),
        summary: summary.as_deref(),
        verified_cards,
    };
    let arrival = Arrival::Done { result, keeps_result: true };
    tx.move_task(task, TaskStep::Complete, &Cause::of(verb, run_id, message).with(arrival))?;
    promote_released_children(tx, &task.id)
}

/// The task goes on after its review has ended; returns its new status.
pub(super) fn send_back(
    tx: &mut Tx<'_>,
    task: &Task,
    (verb, run_id): (&'static str, Option<RunId>),
    what: &str,
) -> Result<TaskStatus, VerbError> {
    let landing = tx.landing(&Task { review_open: false, ..task.clone() })?;
    let first_line = validate::first_line(what, EVENT_SUMMARY_CHARS_MAX);
    let message = EventBody::ChangesRequested {
        what: first_line.as_deref(),
        round: task.review_round,
        status: landing.status(),
    };
    let cause = Cause::of(verb, run_id, message).with(Arrival::SentBack);
    let to = tx.move_task(task, TaskStep::SendBack(landing), &cause)?;
    if let Some(worked) = store::runs::get_latest_completed(tx.store(), &task.id)?
        && worked.session.is_some()
        && worked.profile == task.assignee
    {
        // All that the agent has learnt is still there.
        store::tasks::set_resume(tx.store(), &task.id, worked.id)?;
    }
    if to == TaskStatus::Ready {
        tx.stop_open_run(&task.id)?;
        tx.signal(Signal::DispatchDue);
    }
    Ok(to)
}

/// Has a person review a task that waits for the profile that is its reviewer.
pub(super) fn give_to_person(tx: &mut Tx<'_>, task: &Task, why: &str) -> Result<(), VerbError> {
    store::tasks::set_review_why(tx.store(), &task.id, why)?;
    tx.changed(task, &for_person(task, why))
}

/// The event of a review that a person does, in place of the profile that is the reviewer.
pub(super) fn for_person<'a>(task: &Task, why: &'a str) -> EventBody<'a> {
    EventBody::ReviewRequested {
        reviewer: HUMAN,
        round: task.review_round,
        summary: None,
        why: Some(why),
        verified_cards: &[],
    }
}

/// The ending of a review that accepts.
pub(super) fn approval<'a>(ending: Ending<'a>) -> Ending<'a> {
    Ending { review: Some(APPROVED), ..ending }
}

/// The ending of a review that wants changes.
pub(super) fn request<'a>(ending: Ending<'a>) -> Ending<'a> {
    Ending { review: Some(CHANGES_REQUESTED), ..ending }
}

/// Refuses a reviewer that cannot review the tasks of an assignee.
pub(super) fn refuse_pair(
    tx: &Tx<'_>,
    reviewer: Option<&str>,
    assignee: Option<&str>,
) -> Result<(), Refusal> {
    pair(reviewer, assignee, tx.policy).map_err(|fault| Refusal::Reviewer { fault })
}
