//! What supervision records about a workspace before its worker starts: the branch of a worktree, and messages to the worker.

use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// The workspace of a run is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordPrepared {
    /// The run.
    pub run_id: RunId,
    /// Branch of the worktree, where it has one.
    pub branch: Option<String>,
    /// The worktree was there before, and its worker may have left it on another branch than its own.
    pub is_reused: bool,
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
        let known = tx.reread(&run.task_id)?.branch_name;
        if let Some(branch) = self.branch.as_ref().filter(|_| known.is_none() || !self.is_reused) {
            // From here on it is the task's, whatever the configuration says later.
            store::workspaces::set_branch(tx.store(), &run.task_id, branch)?;
        }
        Ok(())
    }
}
