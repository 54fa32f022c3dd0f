//! `block`: the verdict that the work needs a person, given by a worker or a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::run::RunOutcome;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::TaskStep;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::comment;
use crate::kernel::verbs::ending::{Ending, end_current_run, synthesize_run};
use crate::kernel::verbs::fence::callers_run;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::verdict::{VerdictReply, already};

/// Blocks a task: it needs a person.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockTask {
    /// The task.
    pub id: String,
    /// What is needed, in one sentence. Required from a worker.
    pub reason: Option<String>,
    /// What is missing: `capability`, `dependency`, `needs_input` or `transient`. Recorded in the event.
    pub kind: Option<String>,
    /// Also adds the reason as a comment.
    pub comment: bool,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for BlockTask {
    type Reply = VerdictReply;
    const NAME: &'static str = "block";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<VerdictReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let reason = reason.as_deref().map(str::trim);
        let kind = validate::block_kind(self.kind.as_deref())?;
        if let Some(run) = callers_run(tx)? {
            if reason.is_none() {
                return Err(Refusal::ReasonRequired.into());
            }
            if run.ended_at.is_some() {
                let is_same =
                    run.outcome == Some(RunOutcome::Blocked) && run.summary.as_deref() == reason;
                return already(tx, &task, &run, is_same);
            }
        }
        Tx::step(&task, TaskStep::Block, Self::NAME, "")?;
        let ending = Ending { summary: reason, ..Ending::of(RunOutcome::Blocked) };
        let mut run_id = end_current_run(tx, &task, &ending)?;
        if run_id.is_none() && reason.is_some() {
            run_id = Some(synthesize_run(tx, &task, "blocked", &ending)?);
        }
        let message = EventBody::Blocked { reason, kind };
        let cause = Cause::of(Self::NAME, run_id, message).with(Arrival::Blocked { kind });
        let to = tx.move_task(&task, TaskStep::Block, &cause)?;
        if let (true, Some(reason)) = (self.comment, reason) {
            let author = tx.caller.author().to_owned();
            comment::add(tx, &task, &author, &format!("BLOCKED: {reason}"))?;
        }
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board,
            status: to,
            run_id,
            already: false,
            released: 0,
            reviewer: None,
        })
    }
}
