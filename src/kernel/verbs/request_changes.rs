//! `request_changes`: the verdict of a review that sends the work back, given by the reviewer's run or a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::rules::review::Says;
use crate::kernel::run::{CHANGES_REQUESTED, RunOutcome};
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ending::Ending;
use crate::kernel::verbs::fence::callers_run;
use crate::kernel::verbs::review::{end_review, meant, request, send_back};
use crate::kernel::verbs::verdict::{VerdictReply, already};

/// The verb, as a refusal names it.
const WORDS: &str = "request changes of";

/// Sends back what was handed in: the next attempt reads first what has to change.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequestChanges {
    /// The task.
    pub id: String,
    /// What has to change.
    pub what: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

impl Verb for RequestChanges {
    type Reply = VerdictReply;
    const NAME: &'static str = "request_changes";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<VerdictReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let what = validate::body("what", Some(&self.what))?;
        let what = what.as_deref().map(str::trim).filter(|what| !what.is_empty());
        let what = what.ok_or(Refusal::ChangesRequired)?;
        let own = callers_run(tx)?;
        if let Some(run) = own.as_ref().filter(|run| run.ended_at.is_some()) {
            let said = run.review_verdict.as_deref() == Some(CHANGES_REQUESTED);
            return already(tx, &task, run, said && run.summary.as_deref() == Some(what));
        }
        meant(tx, &task, (Says::RequestChanges, WORDS), own.as_ref())?;
        let ending = request(Ending { summary: Some(what), ..Ending::of(RunOutcome::Completed) });
        let run_id = end_review(tx, &task, &ending)?;
        let status = send_back(tx, &task, (WORDS, run_id), what)?;
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board,
            status,
            run_id,
            already: false,
            released: 0,
            reviewer: None,
            question: None,
            retry_at: None,
        })
    }
}
