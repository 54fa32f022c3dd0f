//! How a run begins: one function for manual claims and for supervised starts.

use serde_json::Value;

use crate::kernel::error::VerbError;
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::store;
use crate::kernel::store::runs::NewRun;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;

/// Whether a process of ours works on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supervision {
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
    supervision: Supervision,
) -> Result<RunId, VerbError> {
    let supervised = supervision != Supervision::Manual;
    let failure_limit = match supervision {
        Supervision::OnRequest { failure_limit } => failure_limit,
        Supervision::Manual | Supervision::Automatic => None,
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
            automatic: supervision == Supervision::Automatic,
            failure_limit,
            now: tx.now,
        },
    )?;
    store::tasks::set_running_if_ready(tx.store(), &task.id, lock, expires, run_id, tx.now)?;
    tx.count(task, Some(task.status), Some(TaskStatus::Running));
    let told = payload([
        ("lock", lock.into()),
        ("expires", expires.map_or(Value::Null, Value::from)),
        ("run_id", run_id.into()),
    ]);
    tx.event(task, Some(run_id), EventKind::Claimed, Some(told))?;
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
