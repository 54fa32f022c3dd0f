//! How a run begins: one function for manual claims and for supervised starts.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::run::RunRole;
use crate::kernel::store;
use crate::kernel::store::runs::NewRun;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::moves::Cause;

/// Whether a process of ours works on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunKind<'a> {
    /// No.
    Manual {
        /// Where the claimer works.
        workspace: &'a str,
    },
    /// Yes, started by an automatic pass.
    Automatic,
    /// Yes, started by a person's dispatch.
    OnRequest {
        /// Failures after which the task is given up, when the person said so.
        failure_limit: Option<u32>,
    },
}

/// Opens a run of a task that waits for its start and has no open run: the row, the claim, the event.
pub(super) fn open_run(
    tx: &mut Tx<'_>,
    task: &Task,
    lock: &str,
    expires: Option<EpochSeconds>,
    supervision: RunKind<'_>,
) -> Result<RunId, VerbError> {
    let (workspace, failure_limit) = match supervision {
        RunKind::Manual { workspace } => (Some(workspace), None),
        RunKind::OnRequest { failure_limit } => (None, failure_limit),
        RunKind::Automatic => (None, None),
    };
    let supervised = workspace.is_none();
    let role = task.next_role();
    // A person's claim is under the name of the assignee, as its run was always.
    let profile = if supervised { task.queue_profile() } else { task.assignee.as_deref() };
    let run_id = store::runs::insert_open(
        tx.store(),
        &NewRun {
            task_id: &task.id,
            profile,
            step_key: task.current_step_key.as_deref(),
            lock,
            expires,
            max_runtime_seconds: if supervised { max_runtime(tx, task, profile) } else { None },
            supervised,
            automatic: supervision == RunKind::Automatic,
            failure_limit,
            role,
            now: tx.now,
        },
    )?;
    let queue_seconds = task.ready_at.map(|ready_at| tx.now.saturating_sub(ready_at).max(0));
    store::history::add_started(tx.store(), &task.id, profile, queue_seconds, tx.now)?;
    let role = (role == RunRole::Review).then(|| role.as_str());
    let message = EventBody::Claimed { lock, expires, run_id, role };
    let arrival = Arrival::Claimed { lock, expires, run_id, workspace };
    let cause = Cause { arrival, ..Cause::of("claim", Some(run_id), message) };
    tx.move_task(task, TaskStep::Claim, &cause)?;
    Ok(run_id)
}

/// The task's own limit, else its profile's, else the default; none when it was lifted.
fn max_runtime(tx: &Tx<'_>, task: &Task, profile: Option<&str>) -> Option<i64> {
    if task.no_max_runtime {
        return None;
    }
    let of_profile = || tx.policy.max_runtime_by_profile.get(profile?).copied();
    task.max_runtime_seconds.or_else(of_profile).or(tx.policy.max_runtime_seconds)
}
