//! What supervision learns about a workspace before its worker starts: the branch of a worktree, and what the worker has to know.

use serde::{Deserialize, Serialize};

use crate::kernel::board::Verb;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::store;
use crate::kernel::tx::Tx;

/// The workspace of a run is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordPrepared {
    /// The run.
    pub run_id: RunId,
    /// Branch of the worktree, where it has one. From here on it is the task's, whatever the configuration says later.
    pub branch: Option<String>,
    /// What the worker has to know, one line each.
    pub notes: Vec<String>,
}

impl Verb for RecordPrepared {
    type Reply = ();
    const NAME: &'static str = "record_prepared";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<(), VerbError> {
        let run = store::runs::get(tx.store(), self.run_id)?
            .ok_or_else(|| Fault::Corrupt { what: "run id", value: self.run_id.to_string() })?;
        store::workspaces::set_notes(tx.store(), run.id, &self.notes)?;
        if let Some(branch) = &self.branch {
            store::workspaces::set_branch(tx.store(), &run.task_id, branch)?;
        }
        Ok(())
    }
}
