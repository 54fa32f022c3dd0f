//! `reclaim`: stops a running task and makes it ready again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, RunId};
use crate::kernel::run::RunOutcome;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::{store, validate};

/// Takes a running task back: its run ends `reclaimed`, its processes are stopped, and it is ready again. The next attempt
/// begins when the processes are gone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReclaimTask {
    /// The task.
    pub id: String,
    /// Reason, recorded in the run and the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `reclaim`, `reassign` and `stop`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReclaimReply")]
pub struct ReclaimReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// The new assignee.
    pub assignee: Option<String>,
    /// The ended run.
    pub run_id: Option<RunId>,
    /// Whether processes of the run are still being stopped.
    pub stopping: bool,
    /// Children that were held, because the task was cancelled: they wait for a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// Why nothing will be started for the task, where that is known: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for ReclaimTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "reclaim";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        reclaim(tx, &task, Self::NAME, reason.as_deref())
    }
}

pub(super) fn reclaim(
    tx: &mut Tx<'_>,
    task: &Task,
    verb: &'static str,
    reason: Option<&str>,
) -> Result<ReclaimReply, VerbError> {
    let step = TaskStep::Requeue(tx.landing(task)?);
    Tx::step(task, step, verb, " (not running)")?;
    let error = reason.unwrap_or("reclaimed by an operator");
    let ending = Ending { error: Some(error), ..Ending::of(RunOutcome::Reclaimed) };
    let run_id = end_current_run(tx, task, &ending)?;
    let message = EventBody::Reclaimed { stale_lock: task.claim_lock.as_deref(), reason };
    let to = tx.move_task(task, step, &Cause::of(verb, run_id, message))?;
    let stopping = store::runs::get_open(tx.store(), &task.id)?.is_some();
    Ok(ReclaimReply {
        id: task.id.to_string(),
        board: task.board.clone(),
        status: to,
        assignee: task.assignee.clone(),
        run_id,
        stopping,
        held: Vec::new(),
        warnings: Vec::new(),
    })
}
