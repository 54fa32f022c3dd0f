//! The operator's kit: `promote`, `reclaim`, `reassign`. Each says who did it and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::board::Verb;
use crate::kernel::caller::Right;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::run::RunOutcome;
use crate::kernel::store;
use crate::kernel::task::{Parents, Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx, text_or_null};
use crate::kernel::validate;
use crate::kernel::verbs::assign::{assign, checked_assignee};
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::reread;

/// Makes a task ready: out of triage, out of a block, or in spite of open parents.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromoteTask {
    /// The task.
    pub id: String,
    /// Does not wait for open parents.
    pub force: bool,
    /// Why; kept with the event.
    pub reason: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

/// What the promotion did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PromoteReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its status now.
    pub status: TaskStatus,
    /// Parents that were passed over.
    pub unmet: Vec<String>,
}

impl Verb for PromoteTask {
    type Reply = PromoteReply;
    const NAME: &'static str = "promote";

    fn run(&self, tx: &mut Tx<'_>) -> Result<PromoteReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let unmet = open_parents(tx, &task.id)?;
        // Out of triage a task with open parents has a place to wait in; elsewhere waiting is what it does already.
        let waits = task.status == TaskStatus::Triage && !self.force && !unmet.is_empty();
        let parents = if waits { Parents::Open } else { Parents::Satisfied };
        let to = Tx::step(&task, TaskStep::Release(parents), Self::NAME, "")?;
        if !unmet.is_empty() && !self.force && !waits {
            return Err(
                Refusal::UnmetParents { id: task.id.to_string(), unmet: unmet.join(", ") }.into()
            );
        }
        store::tasks::set_failures(tx.store(), &task.id, 0, 0, None)?;
        store::tasks::set_status(tx.store(), &task.id, task.status, to, None, tx.now)?;
        tx.count(&task, Some(task.status), Some(to));
        let passed_over = if waits { Vec::new() } else { unmet };
        let told = payload([
            ("forced", self.force.into()),
            ("reason", text_or_null(reason.as_deref())),
            ("unmet", Value::from(passed_over.clone())),
            ("status", to.as_str().into()),
        ]);
        tx.event(&task, None, EventKind::Promoted, Some(told))?;
        stop_open_run(tx, &task.id)?;
        tx.signal(Signal::DispatchDue);
        Ok(PromoteReply {
            id: task.id.to_string(),
            board: task.board,
            status: to,
            unmet: passed_over,
        })
    }
}

fn open_parents(tx: &Tx<'_>, id: &TaskId) -> Result<Vec<String>, VerbError> {
    let mut open = Vec::new();
    for parent in store::links::list_parents(tx.store(), id)? {
        let status = store::tasks::get_status(tx.store(), &parent)?;
        if status.is_some_and(|(status, _)| !status.satisfies_children()) {
            open.push(parent.to_string());
        }
    }
    Ok(open)
}

/// A task that is to start again does not wait for the linger of its last run.
fn stop_open_run(tx: &mut Tx<'_>, id: &TaskId) -> Result<(), VerbError> {
    if let Some(open) = store::runs::get_open(tx.store(), id)? {
        tx.signal(Signal::StopRun { run_id: open.id });
    }
    Ok(())
}

/// Takes a running task back: its run ends `reclaimed`, its processes are stopped, and it is ready again. The next attempt
/// begins when the processes are gone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReclaimTask {
    /// The task.
    pub id: String,
    /// Why; kept with the run and the event.
    pub reason: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

/// What was taken back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ReclaimReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its status now.
    pub status: TaskStatus,
    /// Its assignee now.
    pub assignee: Option<String>,
    /// The run that was ended.
    pub run_id: Option<RunId>,
    /// Whether the run's processes are still being stopped.
    pub stopping: bool,
}

impl Verb for ReclaimTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "reclaim";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        reclaim(tx, &task, Self::NAME, reason.as_deref())
    }
}

fn reclaim(
    tx: &mut Tx<'_>,
    task: &Task,
    verb: &'static str,
    reason: Option<&str>,
) -> Result<ReclaimReply, VerbError> {
    let to = Tx::step(task, TaskStep::Requeue, verb, " (not running)")?;
    let error = reason.unwrap_or("taken back by an operator");
    let ending = Ending { error: Some(error), ..Ending::of(RunOutcome::Reclaimed) };
    let run_id = end_current_run(tx, task, &ending)?;
    store::tasks::set_status(tx.store(), &task.id, task.status, to, None, tx.now)?;
    tx.count(task, Some(task.status), Some(to));
    let told = payload([
        ("stale_lock", text_or_null(task.claim_lock.as_deref())),
        ("reason", text_or_null(reason)),
    ]);
    tx.event(task, run_id, EventKind::Reclaimed, Some(told))?;
    tx.signal(Signal::DispatchDue);
    let stopping = store::runs::get_open(tx.store(), &task.id)?.is_some();
    Ok(ReclaimReply {
        id: task.id.to_string(),
        board: task.board.clone(),
        status: to,
        assignee: task.assignee.clone(),
        run_id,
        stopping,
    })
}

/// Gives a task to another profile, taking it back first when somebody works on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReassignTask {
    /// The task.
    pub id: String,
    /// The profile; none = nobody.
    pub assignee: Option<String>,
    /// Why; kept with the run and the event.
    pub reason: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

impl Verb for ReassignTask {
    type Reply = ReclaimReply;
    const NAME: &'static str = "reassign";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReclaimReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let assignee = checked_assignee(tx, self.assignee.as_deref())?;
        let mut reply = if task.status == TaskStatus::Running {
            reclaim(tx, &task, Self::NAME, reason.as_deref())?
        } else {
            ReclaimReply {
                id: task.id.to_string(),
                board: task.board.clone(),
                status: task.status,
                assignee: None,
                run_id: None,
                stopping: false,
            }
        };
        let task = reread(tx, &task.id)?;
        assign(tx, &task, assignee.as_deref())?;
        reply.assignee = assignee;
        Ok(reply)
    }
}
