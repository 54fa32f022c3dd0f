//! What `complete` and `block` share.
//!
//! A verdict moves the task, ends the run's row and releases the children in one transaction. The same verdict given
//! again by the same run (its reply was lost) answers `already`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::actor::Actor;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds, RunId};
use crate::kernel::run::Run;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::fence::run_over;

/// Result of `complete` and `block`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "VerdictReply")]
pub struct VerdictReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// The run that the verdict ended, if any.
    pub run_id: Option<RunId>,
    /// True when this run had already given this verdict.
    pub already: bool,
    /// Number of children that became ready.
    pub released: usize,
    /// Who reviews what was handed in: a profile, or `human`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewer: Option<String>,
    /// The question that the block asks, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// Earliest time of the next start of a task with a transient block, epoch seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<EpochSeconds>,
}

/// The answer to a run that has had its verdict: `already` when it is the same one from the same run.
pub(super) fn already(
    tx: &Tx<'_>,
    task: &Task,
    run: &Run,
    is_same: bool,
) -> Result<VerdictReply, VerbError> {
    let is_own = matches!(tx.caller, Caller::Worker { .. })
        && run.verdict_by.as_deref().map(Actor::from) == Some(tx.caller.actor());
    if is_same && is_own {
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board.clone(),
            status: task.status,
            run_id: Some(run.id),
            already: true,
            released: 0,
            reviewer: None,
            question: None,
            retry_at: run.retry_at,
        })
    } else {
        Err(run_over(run).into())
    }
}
