//! Who created a task: its first event says so. What a worker may do with a task that is not its own goes by this, and so
//! does whether it may say that it created it.

use crate::kernel::actor::Actor;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;

/// Who created a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A run, in its work on a task: itself, or by a schedule that it made.
    Run {
        /// The run.
        run_id: RunId,
        /// The task that it worked on.
        task_id: TaskId,
    },
    /// A caller outside any run.
    Somebody(Actor),
    /// Nobody knows: it was imported, or its creator is gone.
    Unknown,
}

/// Who created the task.
///
/// # Errors
/// A fault of the database.
pub fn of_task(connection: &Connection, id: &TaskId) -> Result<Origin, Fault> {
    let Some(actor) = store::events::creator_of(connection, id)? else {
        return Ok(Origin::Unknown);
    };
    // The numbers of an imported task's runs are those of another board.
    if store::transfer::origin_of(connection, id)?.is_some() {
        return Ok(Origin::Unknown);
    }
    let actor = Actor::from(actor.as_str());
    if let Some((run_id, task_id)) = store::schedules::maker_of_task(connection, id)? {
        return Ok(Origin::Run { run_id, task_id });
    }
    let Actor::Run(run_id) = actor else { return Ok(Origin::Somebody(actor)) };
    Ok(match store::runs::get(connection, run_id)? {
        Some(run) => Origin::Run { run_id, task_id: run.task_id },
        None => Origin::Unknown,
    })
}

/// Refuses a worker a task that is neither its own nor one that the runs of its own created.
///
/// # Errors
/// A refusal or a fault.
pub fn refuse_foreign(
    connection: &Connection,
    caller: &Caller,
    task: &Task,
) -> Result<(), VerbError> {
    let Caller::Worker { run_id, task_id, .. } = caller else { return Ok(()) };
    let is_ours = task.id == *task_id
        || match of_task(connection, &task.id)? {
            Origin::Run { task_id: creator, .. } => creator == *task_id,
            Origin::Somebody(_) | Origin::Unknown => false,
        };
    if is_ours {
        return Ok(());
    }
    let (own, id) = (task_id.to_string(), task.id.to_string());
    Err(Refusal::NotYours { run_id: *run_id, own, id }.into())
}
