//! How a run ends: one function for every verdict, of a worker or a person.

use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::run::{Run, RunOutcome, RunStep};
use crate::kernel::store;
use crate::kernel::store::runs::{ProcessFacts, RunVerdict};
use crate::kernel::task::Task;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verbs::questions;

/// What the run's row will say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    /// The outcome.
    pub outcome: RunOutcome,
    /// What it was before a limit made it `gave_up`.
    pub cause: Option<RunOutcome>,
    /// Handoff text.
    pub summary: Option<&'a str>,
    /// What a block needs.
    pub block_kind: Option<&'a str>,
    /// One line about a failure.
    pub error: Option<&'a str>,
    /// JSON object as text.
    pub metadata: Option<&'a str>,
    /// JSON list of declared files as text.
    pub artifacts: Option<&'a str>,
    /// JSON list of ids as text.
    pub created_cards: Option<&'a str>,
    /// What a review said.
    pub review: Option<&'a str>,
}

impl Ending<'_> {
    /// An ending that is nothing but its outcome.
    pub(super) fn of(outcome: RunOutcome) -> Self {
        Self {
            outcome,
            cause: None,
            summary: None,
            block_kind: None,
            error: None,
            metadata: None,
            artifacts: None,
            created_cards: None,
            review: None,
        }
    }

    /// Whether it leaves anything for the next reader.
    pub(super) fn says_something(&self) -> bool {
        let handed_over = [self.summary, self.metadata, self.artifacts, self.created_cards];
        handed_over.iter().any(Option::is_some)
    }

    fn verdict<'v>(&'v self, status: &'v str, by: &'v str, now: i64) -> RunVerdict<'v> {
        RunVerdict {
            status,
            outcome: self.outcome,
            cause: self.cause,
            summary: self.summary,
            block_kind: self.block_kind,
            error: self.error,
            metadata: self.metadata,
            artifacts: self.artifacts,
            created_cards: self.created_cards,
            review: self.review,
            by,
            now,
        }
    }
}

/// Ends the run that the task points to, if it points to one. A supervised run stays open until its processes are gone;
/// a manual one closes with its end.
pub(super) fn end_current_run(
    tx: &mut Tx<'_>,
    task: &Task,
    ending: &Ending<'_>,
) -> Result<Option<RunId>, VerbError> {
    let Some(run_id) = task.current_run_id else { return Ok(None) };
    let Some(run) = store::runs::get(tx.store(), run_id)? else { return Ok(None) };
    // Rows that a foreign hand wrote may point to a run that has had its verdict; it keeps that.
    if run.ended_at.is_none() {
        end_run(tx, &run, ending)?;
    }
    Ok(Some(run_id))
}

/// Ends a run that has no verdict. The only place that does.
///
/// # Errors
/// [`Fault::Corrupt`] when the row is not what was read.
pub(super) fn end_run(tx: &mut Tx<'_>, run: &Run, ending: &Ending<'_>) -> Result<(), VerbError> {
    let by = tx.caller.actor().to_string();
    let verdict = ending.verdict(ending.outcome.run_status(), &by, tx.now);
    if !store::runs::set_verdict_if_none(tx.store(), run.id, &verdict)? {
        return Err(unexpected(run.id, "has ended"));
    }
    questions::end_with_run(tx, run, ending.outcome)?;
    if run.supervised {
        tx.move_run(run, RunStep::VerdictGiven)?;
        let by_worker = matches!(tx.caller, Caller::Worker { .. });
        tx.signal(Signal::VerdictGiven { run_id: run.id, by_worker });
    } else {
        close_run(tx, run.id, &ProcessFacts::default())?;
    }
    Ok(())
}

/// Closes a run that has ended: its processes are gone, or it never had any. The only place that does.
///
/// # Errors
/// [`Fault::Corrupt`] when the run has not ended, or was closed before.
pub(super) fn close_run(
    tx: &Tx<'_>,
    run_id: RunId,
    facts: &ProcessFacts<'_>,
) -> Result<(), VerbError> {
    if store::runs::set_closed_if_open(tx.store(), run_id, facts, tx.now)? {
        Ok(store::history::add_closed(tx.store(), run_id, tx.now)?)
    } else {
        Err(unexpected(run_id, "has not ended, or is closed"))
    }
}

fn unexpected(run_id: RunId, problem: &str) -> VerbError {
    Fault::Corrupt { what: "state of a run", value: format!("run {run_id} {problem}") }.into()
}

/// A verdict on a task that nobody had claimed: a run that began and ended at once keeps its handoff.
pub(super) fn synthesize_run(
    tx: &mut Tx<'_>,
    task: &Task,
    status: &str,
    ending: &Ending<'_>,
) -> Result<RunId, VerbError> {
    let by = tx.caller.actor().to_string();
    let verdict = ending.verdict(status, &by, tx.now);
    // A review without a run is a person's.
    let profile = task.assignee.as_deref().filter(|_| ending.review.is_none());
    let step_key = task.current_step_key.as_deref();
    let run_id = store::runs::insert_ended(tx.store(), &task.id, profile, step_key, &verdict)?;
    store::history::add_closed(tx.store(), run_id, tx.now)?;
    Ok(run_id)
}
