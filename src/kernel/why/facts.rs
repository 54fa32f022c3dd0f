//! The facts behind a task's own reason.

use crate::kernel::error::Fault;
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{PARENT_CANCELLED, Task};

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
        let is_held = task.block_kind.as_deref() == Some(PARENT_CANCELLED);
        let mut open_parents = Vec::new();
        let mut cancelled_parents = Vec::new();
        for parent in store::links::list_parents(connection, &task.id)? {
            let Some((status, _)) = store::tasks::get_status(connection, &parent)? else {
                continue;
            };
            if !status.satisfies_children() {
                open_parents.push(parent.to_string());
            } else if is_held && store::tasks::was_archived_unfinished(connection, &parent)? {
                cancelled_parents.push(parent.to_string());
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
            block_reason: if is_held {
                Some(format!("archived unfinished: parents {}", cancelled_parents.join(", ")))
            } else {
                latest.as_ref().and_then(|run| run.summary.clone().or(run.error.clone()))
            },
            gave_up: !is_held && latest.is_some_and(|run| run.outcome == Some(RunOutcome::GaveUp)),
            open_run,
            doubt,
        })
    }
}
