//! `promote`: an operator makes a task ready, out of triage, out of a block, or in spite of open parents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::task::{Parents, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::{store, validate};

/// Makes a task ready: out of triage, out of a block, or in spite of open parents.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromoteTask {
    /// The task.
    pub id: String,
    /// Ignores unfinished parents.
    pub force: bool,
    /// Reason, recorded in the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `promote`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PromoteReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: TaskStatus,
    /// Unfinished parents that were ignored.
    pub unmet: Vec<String>,
}

impl Verb for PromoteTask {
    type Reply = PromoteReply;
    const NAME: &'static str = "promote";

    fn run(&self, tx: &mut Tx<'_>) -> Result<PromoteReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
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
        let passed_over = if waits { Vec::new() } else { unmet };
        let message = EventBody::PromotedByOperator {
            forced: self.force,
            reason: reason.as_deref(),
            unmet: &passed_over,
            status: to,
        };
        tx.move_task(&task, TaskStep::Release(parents), &Cause::of(Self::NAME, None, message))?;
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
pub(super) fn stop_open_run(tx: &mut Tx<'_>, id: &TaskId) -> Result<(), VerbError> {
    if let Some(open) = store::runs::get_open(tx.store(), id)? {
        tx.signal(Signal::StopRun { run_id: open.id });
    }
    Ok(())
}
