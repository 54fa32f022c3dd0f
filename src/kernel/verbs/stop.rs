//! `stop`: stops the run of a task, and sets what happens to the task.
//!
//! The run's row ends at once; its processes go down the stop ladder, and only when they are proven gone is the slot free.
//! Processes that do not die keep it, and so does a run of which it is not known what became of it: `force` is the word of a
//! person who has looked that they are gone (or may be left alone), and closes the run without that proof.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{RunId, TaskId};
use crate::kernel::run::{Run, RunOutcome, RunState};
use crate::kernel::store::runs::ProcessFacts;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Landing, Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::breaker_moves::release_probes;
use crate::kernel::verbs::ending::{Ending, close_run, end_current_run};
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::reclaim::ReclaimReply;
use crate::kernel::verbs::release::leave_children;
use crate::kernel::{store, validate};

/// What happens to a task whose run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AfterStop {
    /// The task is ready again; the next attempt starts when the processes are gone.
    Requeue,
    /// The task is blocked until a person unblocks it.
    Hold,
    /// The task is archived.
    Cancel,
}

impl AfterStop {
    /// The word on the wire and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requeue => "requeue",
            Self::Hold => "hold",
            Self::Cancel => "cancel",
        }
    }

    fn step(self, landing: Landing) -> TaskStep {
        match self {
            Self::Requeue => TaskStep::Requeue(landing),
            Self::Hold => TaskStep::Block,
            Self::Cancel => TaskStep::Archive,
        }
    }
}

/// Stops the work on a running task. Its run ends `stopped`, which is no failure.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopTask {
    /// The task.
    pub id: String,
    /// What happens to the task; default: `requeue`. Only for a running task.
    pub then: Option<AfterStop>,
    /// Reason, recorded in the run and the event.
    pub reason: Option<String>,
    /// With `cancel`: lets children that wait for the task go on instead of holding them.
    pub release_children: bool,
    /// Closes a run whose processes cannot be killed or whose state is unknown, and frees its slot without proof.
    /// Refused for any other run.
    pub force: bool,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for StopTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "stop";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let open = store::runs::get_open(tx.store(), &task.id)?;
        let stuck = match (&open, self.force) {
            (_, false) => None,
            (Some(run), true) if may_be_given_up(tx, run)? => Some(run.id),
            (_, true) => return Err(not_unkillable(&task, open.as_ref()).into()),
        };
        let mut stopped = Stopped { run_id: stuck, held: Vec::new() };
        if task.status == TaskStatus::Running {
            let then = self.then.unwrap_or(AfterStop::Requeue);
            stopped = stop(tx, &task, then, reason, self.release_children)?;
        } else if stuck.is_none() || self.then.is_some() {
            return Err(not_running(&task, open.as_ref()).into());
        }
        if let Some(run_id) = stuck {
            give_up_processes(tx, &task, run_id, reason)?;
        }
        reply(tx, &task.id, stopped)
    }
}

/// A run that was ended on a person's word.
pub(super) struct Stopped {
    /// The run.
    pub run_id: Option<RunId>,
    /// Children of a cancelled task that wait for a person now.
    pub held: Vec<String>,
}

/// What became of a task that was stopped.
pub(super) fn reply(tx: &Tx<'_>, id: &TaskId, stopped: Stopped) -> Result<ReclaimReply, VerbError> {
    let task = tx.reread(id)?;
    Ok(ReclaimReply {
        id: task.id.to_string(),
        board: task.board,
        status: task.status,
        assignee: task.assignee,
        run_id: stopped.run_id,
        stopping: store::runs::get_open(tx.store(), id)?.is_some(),
        held: stopped.held,
        warnings: Vec::new(),
    })
}

/// Ends the run of a running task and moves the task; the signal of the ending sends the processes down the ladder.
pub(super) fn stop(
    tx: &mut Tx<'_>,
    task: &Task,
    then: AfterStop,
    reason: Option<&str>,
    release_children: bool,
) -> Result<Stopped, VerbError> {
    let step = then.step(tx.landing(task)?);
    Tx::step(task, step, StopTask::NAME, "")?;
    let error = reason.unwrap_or("stopped by an operator");
    let ending = Ending { error: Some(error), ..Ending::of(RunOutcome::Stopped) };
    let run_id = end_current_run(tx, task, &ending)?;
    let message = EventBody::Stopped { reason, then: then.as_str() };
    let arrival = match then {
        AfterStop::Requeue | AfterStop::Hold => Arrival::Plain,
        AfterStop::Cancel => Arrival::Archived { from: task.status },
    };
    tx.move_task(task, step, &Cause::of(StopTask::NAME, run_id, message).with(arrival))?;
    let mut held = Vec::new();
    match then {
        AfterStop::Requeue => {}
        AfterStop::Hold => {
            let message = EventBody::Blocked {
                reason: Some(error),
                kind: None,
                question: None,
                retry_at: None,
                status: None,
            };
            tx.event(task, run_id, &message)?;
        }
        AfterStop::Cancel => {
            tx.event(task, run_id, &EventBody::Archived)?;
            held = leave_children(tx, task, release_children)?.held;
        }
    }
    Ok(Stopped { run_id, held })
}

/// Whether a person may say of the processes of a run that they are gone.
fn may_be_given_up(tx: &Tx<'_>, run: &Run) -> Result<bool, VerbError> {
    let is_unkillable = run.state == RunState::Unkillable;
    Ok(is_unkillable || store::footing::doubt(tx.store(), run.id)?.is_some())
}

/// Closes a run on a person's word. Its remaining processes belong to no run then.
fn give_up_processes(
    tx: &mut Tx<'_>,
    task: &Task,
    run_id: RunId,
    reason: Option<&str>,
) -> Result<(), VerbError> {
    close_run(tx, run_id, &ProcessFacts::default())?;
    if let Some(run) = store::runs::get(tx.store(), run_id)? {
        release_probes(tx, &run, task)?;
    }
    let (exit_code, signal, forced) = ((), (), true);
    let message = EventBody::ClosedByForce { run_id, exit_code, signal, forced, reason };
    tx.event(task, Some(run_id), &message)?;
    tx.signal(Signal::RunClosed { run_id, task_id: task.id.clone() });
    tx.signal(Signal::DispatchDue);
    Ok(())
}

fn not_running(task: &Task, open: Option<&Run>) -> Refusal {
    let why = match open {
        Some(run) if run.state == RunState::Unkillable => {
            format!(" (not running; the processes of run {} cannot be killed, see --force)", run.id)
        }
        Some(run) => format!(" (not running; the processes of run {} are being stopped)", run.id),
        None => " (not running)".to_owned(),
    };
    Refusal::WrongStatus { verb: StopTask::NAME, id: task.id.to_string(), status: task.status, why }
}

fn not_unkillable(task: &Task, open: Option<&Run>) -> Refusal {
    let state = match open {
        Some(run) => format!("the processes of run {} are {}", run.id, run.state.as_str()),
        None => "it has no processes".to_owned(),
    };
    Refusal::NotUnkillable { id: task.id.to_string(), state }
}
