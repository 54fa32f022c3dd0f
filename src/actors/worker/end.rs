//! How a run ended: everything that is read and done to determine it. Blocks, so it runs on its own thread; uses no actor.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::evidence;
use crate::actors::supervision::RunSupervision;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::{Evidence, ProcessEnd};
use crate::os::run_files::directory::{
    self, RunDir, RunIdentity, RunSpec, collect_exit, read_exit, read_identity, read_prepared,
};
use crate::os::run_files::inspection::{Inspected, Inspection, LossCause};
use crate::os::run_files::remains::Tree;
use crate::os::run_files::signs::Footing;
use crate::os::workspaces::worktree_report::PreparedWorktree;

/// A run whose end is looked for, and what its actor knows of it.
pub(super) struct EndLook {
    pub(super) supervision: Arc<RunSupervision>,
    pub(super) run_id: RunId,
    pub(super) run_dir: RunDir,
    pub(super) footing: Footing,
    pub(super) spec: Option<RunSpec>,
    pub(super) log: PathBuf,
    /// What stands before the agent's session in its output.
    pub(super) session_line: Option<String>,
    pub(super) is_shim_gone: bool,
    /// How it ended, when that is known already.
    pub(super) known: Option<Evidence>,
    /// How long what is left of a tree whose shim died may take to go when it is killed.
    pub(super) patience: Duration,
}

/// How a run ended, and what of its start the board may not have been told yet.
#[derive(Debug)]
pub(super) struct End {
    pub(super) evidence: Evidence,
    /// The agent's session, named in its output.
    pub(super) session: Option<String>,
    /// Who ran it, when a worker was started.
    pub(super) identity: Option<RunIdentity>,
    /// What was found about its worktree.
    pub(super) worktree: Option<PreparedWorktree>,
}

/// Why a run cannot be closed yet.
#[derive(Debug)]
pub(super) enum NoEnd {
    /// Its shim lives.
    Alive,
    /// Its shim died, and something of its tree is left.
    Remains,
    /// Unknown, for this reason.
    Unknown(String),
}

impl EndLook {
    /// Looks. Ends what is left of a tree whose shim died.
    pub(super) fn look(self) -> Result<End, NoEnd> {
        let evidence = match &self.known {
            Some(known) => known.clone(),
            None => self.find_evidence()?,
        };
        let was_started = !matches!(evidence.end, ProcessEnd::NotStarted);
        let identity = was_started.then(|| read_identity(&self.run_dir).ok()?).flatten();
        let worktree = was_started.then(|| worktree_report(self.run_id, &self.run_dir)).flatten();
        // Only after such an end is its session resumed.
        let line = self.session_line.as_deref().filter(|_| evidence.end == ProcessEnd::Exited(0));
        let session = line.and_then(|line| evidence::session_told(&self.log, line));
        Ok(End { evidence, session, identity, worktree })
    }

    /// How the run ended, once its shim is gone and its tree is proven empty.
    fn find_evidence(&self) -> Result<Evidence, NoEnd> {
        let log = || evidence::log_tail(&self.log);
        if !self.is_shim_gone
            && let Ok(Some(record)) = read_exit(&self.run_dir)
        {
            return Ok(evidence::of_record(&record, log()));
        }
        let Inspected { inspection, spec } = self.supervision.inspect(self.run_id, &self.footing);
        match &inspection {
            Inspection::Alive(_) | Inspection::Beginning(_) => return Err(NoEnd::Alive),
            Inspection::Unknown(why) => return Err(NoEnd::Unknown(why.clone())),
            Inspection::ShimDied(loss) if loss.cause != LossCause::OtherBoot => {
                let with = (spec.as_ref().or(self.spec.as_ref()), loss);
                match self.supervision.end_remains(self.run_id, &self.footing, with, self.patience)
                {
                    Tree::Empty => {}
                    Tree::Some => return Err(NoEnd::Remains),
                    Tree::Unknown(why) => return Err(NoEnd::Unknown(why)),
                }
            }
            Inspection::ShimDied(_) | Inspection::Ended(_) | Inspection::NeverStarted => {}
        }
        evidence::of_inspection(&inspection, log()).ok_or(NoEnd::Alive)
    }
}

/// What the command that made the worktree of a run has reported; none where there was none.
pub(super) fn worktree_report(run_id: RunId, dir: &RunDir) -> Option<PreparedWorktree> {
    match read_prepared(dir) {
        Ok(printed) => PreparedWorktree::read(&printed?),
        Err(error) => {
            tracing::warn!(run = run_id, %error, "cannot read the workspace report");
            None
        }
    }
}

/// Tells the shim that the board has the exit record.
pub(super) fn collect(run_id: RunId, dir: &RunDir) {
    if let Err(error) = collect_exit(dir) {
        tracing::debug!(run = run_id, %error, "no exit record");
    }
}

/// Removes the control group and the directory of a closed run.
pub(super) fn remove(
    supervision: &RunSupervision,
    (run_id, dir): (RunId, &RunDir),
    footing: &Footing,
    spec: Option<&RunSpec>,
) {
    supervision.remove_leaf(run_id, footing, spec);
    if let Err(error) = directory::remove(dir) {
        tracing::warn!(run = run_id, %error, "cannot remove the files of a closed run");
    }
}
