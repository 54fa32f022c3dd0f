//! A task as its reviewer may look at it.

use crate::kernel::caller::{Caller, no_operator};
use crate::kernel::error::VerbError;
use crate::kernel::run::Run;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::task::Task;
use crate::kernel::verbs::fence::refuse_ended;

/// A task and its runs.
#[derive(Debug, Clone)]
pub struct ReviewedTask {
    /// The task.
    pub task: Task,
    /// Its runs, oldest first.
    pub runs: Vec<Run>,
}

impl ReviewedTask {
    /// The task that `id` names: any one for an operator, for a worker the one that its run reviews.
    ///
    /// # Errors
    /// As [`Snapshot::task`]; [`crate::kernel::error::Refusal::Forbidden`] to a run that is no review, and a refusal to one that
    /// has given its verdict.
    pub fn read(
        snapshot: &Snapshot<'_>,
        id: &str,
        board: Option<&str>,
        verb: &'static str,
    ) -> Result<Self, VerbError> {
        let task = snapshot.task(id, board, verb)?;
        let runs = store::runs::list_of_task(snapshot.connection, &task.id)?;
        if let Caller::Worker { run_id, .. } = snapshot.caller {
            if !runs.iter().any(|run| run.id == *run_id && run.is_review()) {
                return Err(no_operator(*run_id, verb).into());
            }
            refuse_ended(snapshot.connection, snapshot.caller)?;
        }
        Ok(Self { task, runs })
    }
}
