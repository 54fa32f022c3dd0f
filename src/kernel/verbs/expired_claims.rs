//! Expired manual claims; a dispatch pass reclaims them.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::TaskId;
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::moves::Cause;

/// Takes back every manual claim that ended before now. Part of a dispatch pass.
pub(super) fn reclaim_expired(tx: &mut Tx<'_>) -> Result<Vec<TaskId>, VerbError> {
    let expired = store::tasks::list_expired_claims(tx.store(), tx.now)?;
    for id in &expired {
        let task = tx.reread(id)?;
        let run = match task.current_run_id {
            Some(run_id) => store::runs::get(tx.store(), run_id)?,
            None => None,
        };
        if run.as_ref().is_some_and(|run: &Run| run.supervised) {
            continue; // a supervised run is as alive as its process, whatever a foreign hand wrote into the row
        }
        let lock = task.claim_lock.clone().unwrap_or_default();
        let error = format!("stale_lock={lock}");
        let run_id = end_current_run(
            tx,
            &task,
            &Ending { error: Some(&error), ..Ending::of(RunOutcome::Reclaimed) },
        )?;
        let message = EventBody::ClaimExpired { stale_lock: &lock };
        let step = TaskStep::Requeue(tx.landing(&task)?);
        tx.move_task(&task, step, &Cause::of("reclaim", run_id, message))?;
    }
    Ok(expired)
}
