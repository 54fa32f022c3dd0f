//! The facts behind a task's own reason.

use crate::kernel::error::Fault;
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;

/// What is known of a task beside its row.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Its parents that are not done.
    pub open_parents: Vec<String>,
    /// Its run whose processes may be there.
    pub open_run: Option<Run>,
    /// What the last block said.
    pub block_reason: Option<String>,
    /// Whether the last run was given up.
    pub gave_up: bool,
    /// Why it is not known what became of the open run.
    pub doubt: Option<String>,
}

impl Facts {
    /// Collects them.
    pub(super) fn read(connection: &Connection, task: &Task) -> Result<Self, Fault> {
        let mut open_parents = Vec::new();
        for parent in store::links::list_parents(connection, &task.id)? {
            let status = store::tasks::get_status(connection, &parent)?;
            if status.is_some_and(|(status, _)| !status.satisfies_children()) {
                open_parents.push(parent.to_string());
            }
        }
        let latest = store::runs::get_latest(connection, &task.id)?;
        let open_run = store::runs::get_open(connection, &task.id)?;
        let doubt = match &open_run {
            Some(run) => store::footing::doubt(connection, run.id)?,
            None => None,
        };
        Ok(Self {
            open_parents,
            block_reason: latest.as_ref().and_then(|run| run.summary.clone().or(run.error.clone())),
            gave_up: latest.is_some_and(|run| run.outcome == Some(RunOutcome::GaveUp)),
            open_run,
            doubt,
        })
    }
}
