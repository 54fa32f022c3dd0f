//! `promote`: an operator makes a task ready, out of triage, out of a block, before its time, or in spite of open parents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::rules::landing::{LandingFacts, landing};
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Parents, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::chat_limits::refuse_force;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::{store, validate};

/// Makes a task ready: out of triage, out of a block, before its time, or in spite of open parents.
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
#[schemars(rename = "PromoteReply")]
pub struct PromoteReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// Unfinished parents that were ignored.
    pub unmet: Vec<String>,
}

impl Verb for PromoteTask {
    type Reply = PromoteReply;
    const NAME: &'static str = "promote";

    fn run(&self, tx: &mut Tx<'_>) -> Result<PromoteReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        refuse_force(tx.caller, self.force)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let unmet = open_parents(tx, &task.id)?;
        let is_scheduled = task.status == TaskStatus::Scheduled;
        // Out of triage, or before its time, a task with open parents has `todo` to wait in; elsewhere waiting is what it does.
        let may_wait = is_scheduled || task.status == TaskStatus::Triage;
        let waits = may_wait && !self.force && !unmet.is_empty();
        let parents = if waits { Parents::Open } else { Parents::Satisfied };
        let mut facts = LandingFacts::of(&task, parents);
        if is_scheduled {
            facts = LandingFacts { is_parked: false, start_at: None, ..facts };
        }
        let step = TaskStep::Release(landing(facts, tx.now));
        let to = Tx::step(&task, step, Self::NAME, "")?;
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
        let arrival = if is_scheduled { Arrival::Untimed } else { Arrival::Plain };
        tx.move_task(&task, step, &Cause::of(Self::NAME, None, message).with(arrival))?;
        tx.stop_open_run(&task.id)?;
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
