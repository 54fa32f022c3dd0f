//! The fence of a worker's writes: what a worker may still do after its run has ended.

use crate::kernel::actor::Actor;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::run::Run;
use crate::kernel::store::{self, Connection};
use crate::kernel::tx::Tx;

/// The run of the calling worker, as its row says; none for everybody else.
pub(super) fn callers_run(tx: &Tx<'_>) -> Result<Option<Run>, VerbError> {
    run_of(tx.store(), tx.caller)
}

fn run_of(connection: &Connection, caller: &Caller) -> Result<Option<Run>, VerbError> {
    let Caller::Worker { run_id, .. } = caller else { return Ok(None) };
    match store::runs::get(connection, *run_id)? {
        Some(run) => Ok(Some(run)),
        None => Err(Refusal::RunOver { run_id: *run_id, detail: "no such run".to_owned() }.into()),
    }
}

/// Refuses a worker whose run has ended.
pub(super) fn refuse_ended_run(tx: &Tx<'_>) -> Result<(), VerbError> {
    refuse_ended(tx.store(), tx.caller)
}

/// The same, where nothing is written yet.
pub(in crate::kernel) fn refuse_ended(
    connection: &Connection,
    caller: &Caller,
) -> Result<(), VerbError> {
    match run_of(connection, caller)? {
        Some(run) if run.ended_at.is_some() => Err(run_over(&run).into()),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a worker whose run is closed, or was ended by another caller: after its own verdict it may still comment.
pub(super) fn refuse_ousted_run(tx: &Tx<'_>) -> Result<(), VerbError> {
    match callers_run(tx)? {
        Some(run) if !run.is_open() => Err(run_over(&run).into()),
        Some(run)
            if run.ended_at.is_some()
                && run.verdict_by.as_deref().map(Actor::from) != Some(tx.caller.actor()) =>
        {
            Err(run_over(&run).into())
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn run_over(run: &Run) -> Refusal {
    let detail = match (run.outcome, run.verdict_by.as_deref()) {
        (Some(outcome), Some(by)) => format!("{outcome} by {by}"),
        (Some(outcome), None) => outcome.to_string(),
        (None, _) => "it has no outcome".to_owned(),
    };
    Refusal::RunOver { run_id: run.id, detail }
}
