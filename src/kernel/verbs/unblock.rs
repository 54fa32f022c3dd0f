//! `unblock`: a person, or the planner of the task, makes a blocked task ready. Nothing leaves `blocked` automatically.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::{Caller, no_operator};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::shorten::shorten;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::refuse_ended_run;
use crate::kernel::verbs::handover::refuse_beyond_reach;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::{origin, store};

/// Unblocks a task. Its failure counters are reset. A task that is blocked for a question is answered instead.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnblockTask {
    /// The task.
    pub id: String,
    /// Also resets the count of automatic starts, for a task that has reached the maximum.
    #[serde(default)]
    pub more_starts: bool,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Result of `unblock`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UnblockReply")]
pub struct UnblockReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// `ready`; `todo` when it has unfinished parents; `scheduled` when its time has not come; `review` when its review is open.
    pub status: S,
}

impl Verb for UnblockTask {
    type Reply = UnblockReply;
    const NAME: &'static str = "unblock";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<UnblockReply, VerbError> {
        let task = self.task(tx)?;
        refuse_open_question(tx, &task)?;
        let step = TaskStep::Unblock(tx.landing(&task)?);
        let to = Tx::step(&task, step, Self::NAME, " (not blocked?)")?;
        store::tasks::set_failures(tx.store(), &task.id, 0, 0, None)?;
        if self.more_starts {
            store::tasks::reset_automatic_starts(tx.store(), &task.id)?;
        }
        let cause = Cause::of(Self::NAME, None, EventBody::Unblocked);
        tx.move_task(&task, step, &cause)?;
        if to == TaskStatus::Ready {
            tx.stop_open_run(&task.id)?;
        }
        Ok(UnblockReply { id: task.id.to_string(), board: task.board, status: to })
    }
}

/// The task, if the caller may let it go on: a person every one; a worker whose profile plans work for others those that
/// the runs of its own task created.
pub(super) fn planned_task(
    tx: &mut Tx<'_>,
    id: &str,
    board: Option<&str>,
    verb: &'static str,
) -> Result<Task, VerbError> {
    let is_planner = match tx.caller {
        Caller::Worker { profile, .. } => tx.policy.orchestrators.contains(profile),
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => {
            false
        }
    };
    let task = tx.task(id, board, verb)?;
    match tx.caller {
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => {
            return Ok(task);
        }
        Caller::Worker { run_id, .. } if !is_planner => {
            return Err(no_operator(*run_id, verb).into());
        }
        Caller::Worker { .. } => {}
    }
    refuse_ended_run(tx)?;
    origin::refuse_foreign(tx.store(), tx.caller, &task)?;
    refuse_beyond_reach(tx, &task, verb)?;
    Ok(task)
}

impl UnblockTask {
    /// The task. What only a person lifts, a worker does not.
    fn task(&self, tx: &mut Tx<'_>) -> Result<Task, VerbError> {
        let task = planned_task(tx, &self.id, self.board.as_deref(), Self::NAME)?;
        match tx.caller {
            Caller::Worker { run_id, .. } if self.more_starts => {
                Err(no_operator(*run_id, Self::NAME).into())
            }
            Caller::Worker { .. }
            | Caller::Operator { .. }
            | Caller::Courier
            | Caller::Chat(_)
            | Caller::System { .. } => Ok(task),
        }
    }
}

/// A question is answered, not passed over: also the one for whose answer a run waits.
fn refuse_open_question(tx: &Tx<'_>, task: &Task) -> Result<(), VerbError> {
    match store::questions::get_open(tx.store(), &task.id)? {
        Some(question) => Err(Refusal::QuestionOpen {
            verb: UnblockTask::NAME,
            id: task.id.to_string(),
            question: question.id.to_string(),
            text: shorten(&question.text),
            blocks: question.blocks,
        }
        .into()),
        None => Ok(()),
    }
}
