//! `claim`: claims a task for work outside kanband.
//!
//! A manual claim has an end (its TTL) that a heartbeat moves on. Nothing else ends it but a verdict, an operator, or a
//! dispatch pass after that end; a restart of the daemon does not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::location::{Location, refuse_relative};
use crate::kernel::policy::Policy;
use crate::kernel::store::Connection;
use crate::kernel::task::{Task, TaskStatus, TaskStep, WorkspaceKind};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::leasing;
use crate::kernel::verbs::open_run::{RunKind, open_run};
use crate::kernel::{store, validate};

/// Longest life of a manual claim between two heartbeats, seconds: 30 days.
pub(super) const TTL_SECONDS_MAX: i64 = 30 * 24 * 60 * 60;

/// Claims a ready task for work outside kanband.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimTask {
    /// The task.
    pub id: String,
    /// Time to live of the claim, seconds, renewed by a heartbeat; default: `claims.ttl`.
    #[serde(default)]
    pub ttl_seconds: Option<i64>,
    /// Name of the claimer; by convention `<user>@<host>`.
    #[serde(default)]
    pub claimer: Option<String>,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
    /// A directory in the repository of the worktree that the client created, when the task names none.
    #[serde(default)]
    pub repository: Option<String>,
    /// Branch of the worktree that the client created.
    #[serde(default)]
    pub branch: Option<String>,
    /// Directory of the work, resolved and created before the claim: by the daemon for scratch, by the client
    /// for everything else. Not on the wire.
    #[serde(skip)]
    #[schemars(skip)]
    pub workspace: String,
    /// What the task's path leads to, looked at before the claim by the daemon. Not on the wire.
    #[serde(skip)]
    #[schemars(skip)]
    pub location: Option<Location>,
}

/// The claimed task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ClaimReply")]
pub struct ClaimReply<T = Task> {
    /// The task.
    #[serde(flatten)]
    pub task: T,
    /// The run opened by the claim.
    pub run_id: RunId,
    /// Workspace.
    pub workspace: String,
}

impl Verb for ClaimTask {
    type Reply = ClaimReply;
    const NAME: &'static str = "claim";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ClaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let Checked { ttl, claimer, branch } = self.check(tx.store(), tx.policy, &task)?;
        let claimer = claimer.unwrap_or_else(|| tx.caller.author().to_owned());
        let location = self.location.clone();
        let lease = leasing::find_for_person(tx.store(), tx.policy, &task, location)?;
        let kind = RunKind::Manual { workspace: &self.workspace };
        let run_id = open_run(tx, &task, &claimer, Some(tx.now + ttl), kind)?;
        lease.take(tx.store(), run_id)?;
        tx.signal(Signal::TimeSet { at: tx.now + ttl + 1 });
        if let Some(branch) = branch {
            store::workspaces::set_branch(tx.store(), &task.id, &branch)?;
        }
        Ok(ClaimReply { task: tx.reread(&task.id)?, run_id, workspace: self.workspace.clone() })
    }
}

/// What the arguments of a claim come to.
struct Checked {
    ttl: i64,
    claimer: Option<String>,
    branch: Option<String>,
}

impl ClaimTask {
    /// Refuses what the claim itself would refuse, before a workspace is made for it. A directory that the task names is not
    /// looked at here: nobody makes it.
    ///
    /// # Errors
    /// The refusal of the claim, or a fault.
    pub fn refuse_early(
        &self,
        connection: &Connection,
        policy: &Policy,
        task: &Task,
    ) -> Result<(), VerbError> {
        self.check(connection, policy, task)?;
        if task.workspace_kind != WorkspaceKind::Dir {
            leasing::find_for_person(connection, policy, task, None)?;
        }
        Ok(())
    }

    fn check(
        &self,
        connection: &Connection,
        policy: &Policy,
        task: &Task,
    ) -> Result<Checked, VerbError> {
        let ttl = self.ttl(policy)?;
        let claimer = validate::name("claimer", self.claimer.as_deref())?;
        let lock = task.claim_lock.as_deref().unwrap_or("none");
        let why = format!(" lock={lock}");
        Tx::step(task, TaskStep::Claim, Self::NAME, &why)?;
        if task.status == TaskStatus::Review {
            return Err(Tx::wrong_status(task, Self::NAME, &why).into());
        }
        if let Some(open) = store::runs::get_open(connection, &task.id)? {
            return Err(
                Refusal::PreviousRunOpen { id: task.id.to_string(), run_id: open.id }.into()
            );
        }
        refuse_relative(task)?;
        let branch = validate::argument_name("branch", self.branch.as_deref())?;
        Ok(Checked { ttl, claimer, branch })
    }

    fn ttl(&self, policy: &Policy) -> Result<i64, Refusal> {
        let ttl = self.ttl_seconds.unwrap_or(policy.claim_ttl_seconds);
        if (1..=TTL_SECONDS_MAX).contains(&ttl) {
            Ok(ttl)
        } else {
            Err(Refusal::InvalidValue {
                field: "ttl_seconds",
                problem: "must be between 1 second and 30 days",
                value: ttl.to_string(),
            })
        }
    }
}
