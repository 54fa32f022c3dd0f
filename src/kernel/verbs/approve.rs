//! `approve`: the verdict of a review that accepts the work, given by the reviewer's run or a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::rules::review::Says;
use crate::kernel::run::{APPROVED, RunOutcome};
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::Ending;
use crate::kernel::verbs::fence::callers_run;
use crate::kernel::verbs::review::{approval, approve, end_review, meant};
use crate::kernel::verbs::verdict::{VerdictReply, already};

/// Approves what was handed in: the task is done, and its children go on.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApproveTask {
    /// The task.
    pub id: String,
    /// What was looked at, in a few sentences.
    pub summary: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for ApproveTask {
    type Reply = VerdictReply;
    const NAME: &'static str = "approve";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<VerdictReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let summary = validate::body("summary", self.summary.as_deref())?;
        let summary = summary.as_deref();
        let own = callers_run(tx)?;
        if let Some(run) = own.as_ref().filter(|run| run.ended_at.is_some()) {
            let said = run.review_verdict.as_deref() == Some(APPROVED);
            return already(tx, &task, run, said && run.summary.as_deref() == summary);
        }
        meant(tx, &task, (Says::Approve, Self::NAME), own.as_ref())?;
        let ending = approval(Ending { summary, ..Ending::of(RunOutcome::Completed) });
        let run_id = end_review(tx, &task, &ending)?;
        let released = approve(tx, &task, (Self::NAME, run_id), (summary, None), &[])?;
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board,
            status: TaskStatus::Done,
            run_id,
            already: false,
            released,
            reviewer: None,
            question: None,
            retry_at: None,
        })
    }
}
