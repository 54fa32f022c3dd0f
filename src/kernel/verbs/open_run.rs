//! How a run begins: one function for manual claims and for supervised starts.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::store;
use crate::kernel::store::runs::NewRun;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::moves::Cause;

/// Whether a process of ours works on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunKind {
    /// No.
    Manual,
    /// Yes, started by an automatic pass.
    Automatic,
    /// Yes, started by a person's dispatch.
    OnRequest {
        /// Failures after which the task is given up, when the person said so.
        failure_limit: Option<u32>,
    },
}

/// Opens a run of a ready task that has no open run: the row, the claim, the event.
pub(super) fn open_run(
    tx: &mut Tx<'_>,
    task: &Task,
    lock: &str,
    expires: Option<EpochSeconds>,
    supervision: RunKind,
) -> Result<RunId, VerbError> {
    let supervised = supervision != RunKind::Manual;
    let failure_limit = match supervision {
        RunKind::OnRequest { failure_limit } => failure_limit,
        RunKind::Manual | RunKind::Automatic => None,
    };
    let run_id = store::runs::insert_open(
        tx.store(),
        &NewRun {
            task_id: &task.id,
            profile: task.assignee.as_deref(),
            step_key: task.current_step_key.as_deref(),
            lock,
            expires,
            max_runtime_seconds: if supervised { max_runtime(tx, task) } else { None },
            supervised,
            automatic: supervision == RunKind::Automatic,
            failure_limit,
            now: tx.now,
        },
    )?;
    let message = EventBody::Claimed { lock, expires, run_id };
    let arrival = Arrival::Claimed { lock, expires, run_id };
    let cause = Cause { arrival, ..Cause::of("claim", Some(run_id), message) };
    tx.move_task(task, TaskStep::Claim, &cause)?;
    Ok(run_id)
}

/// The task's own limit, else its profile's, else the default; none when it was lifted.
fn max_runtime(tx: &Tx<'_>, task: &Task) -> Option<i64> {
    if task.no_max_runtime {
        return None;
    }
    let of_profile = || tx.policy.max_runtime_by_profile.get(task.assignee.as_deref()?).copied();
    task.max_runtime_seconds.or_else(of_profile).or(tx.policy.max_runtime_seconds)
}
