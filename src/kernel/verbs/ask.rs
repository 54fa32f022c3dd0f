//! `ask`: a run asks a question and goes on waiting for its answer. The same text from the same run is one question, however often
//! it is asked: a lost reply or a restarted daemon never asks twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, EpochSeconds, QuestionId, RunId};
use crate::kernel::question::Question;
use crate::kernel::rules::block::BlockKind;
use crate::kernel::rules::question::{GivenQuestion, QuestionOutcome, checked};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::fence::{callers_run, run_over};
use crate::kernel::verbs::questions::Asking;
use crate::kernel::verbs::{questions, room};

/// Asks a question without ending the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AskTask {
    /// The task.
    pub id: String,
    /// The question.
    pub question: String,
    /// Its choices, at most nine.
    pub choices: Vec<String>,
    /// Its answer at the time-out.
    pub default: Option<String>,
    /// How long to wait for an answer, seconds; default: without limit.
    pub timeout_seconds: Option<i64>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `ask`: the question as it stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AskReply")]
pub struct AskReply<O = QuestionOutcome> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The question's id: the token of the run that asks.
    pub question: String,
    /// How it stands; `open` while there is no answer.
    pub outcome: O,
    /// Its answer.
    pub answer: Option<String>,
    /// Whose word the answer is: `person`, `worker` or `default`.
    pub answer_source: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
    /// Its deadline, epoch seconds.
    pub deadline_at: Option<EpochSeconds>,
    /// Whether this run had asked it before.
    pub already: bool,
    /// How often the run has asked it.
    pub calls: u32,
    /// How long a tool waits for the answer at once, milliseconds.
    pub wait_ms: u64,
    /// Whether the run ends before it could ask again.
    #[serde(default)]
    pub is_last_call: bool,
}

impl Verb for AskTask {
    type Reply = AskReply;
    const NAME: &'static str = "ask";

    fn run(&self, tx: &mut Tx<'_>) -> Result<AskReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let run_id = asking_run(tx, &task)?;
        let given = GivenQuestion {
            text: &self.question,
            choices: &self.choices,
            default: self.default.as_deref(),
            deadline_seconds: self.timeout_seconds,
            kind: BlockKind::NeedsInput,
            is_workers_block: false,
        };
        let new = checked(&given, tx.now)?;
        if let Some(known) = same_of_run(tx, &task, run_id, &new.text)? {
            store::questions::count_call(tx.store(), &known.id)?;
            return Ok(reply(tx, &task, Question { calls: known.calls + 1, ..known }, true));
        }
        if let Some(open) = store::questions::get_open(tx.store(), &task.id)? {
            return Err(Refusal::QuestionOpen {
                verb: Self::NAME,
                id: task.id.to_string(),
                question: open.id.to_string(),
                text: shorten(&open.text),
                blocks: open.blocks,
            }
            .into());
        }
        room::for_event(tx.store(), &task.id)?;
        let kind = BlockKind::NeedsInput.as_str();
        let asking = Asking { run_id: Some(run_id), blocks: false, kind };
        let id = questions::ask(tx, &task, asking, &new)?;
        let asked = store::questions::get(tx.store(), &id)?;
        let asked = asked.ok_or_else(|| unknown(&task, id.as_str()))?;
        Ok(reply(tx, &task, asked, false))
    }
}

/// The run that asks: the worker's own, or the manual claim of a person.
fn asking_run(tx: &Tx<'_>, task: &Task) -> Result<RunId, VerbError> {
    match callers_run(tx)? {
        Some(run) if run.ended_at.is_some() => return Err(run_over(&run).into()),
        Some(run) => return Ok(run.id),
        None => {}
    }
    let run = match task.current_run_id.filter(|_| task.status == TaskStatus::Running) {
        Some(run_id) => store::runs::get(tx.store(), run_id)?,
        None => None,
    };
    match (run, tx.caller) {
        (Some(run), Caller::Operator { .. }) if !run.supervised => Ok(run.id),
        (Some(_), _) => {
            let why = " (only its worker asks for a run; block it with a question instead)";
            Err(Tx::wrong_status(task, AskTask::NAME, why).into())
        }
        (None, _) => {
            let why = " (no run; block it with a question instead)";
            Err(Tx::wrong_status(task, AskTask::NAME, why).into())
        }
    }
}

/// The newest question of a run with this text.
fn same_of_run(
    tx: &Tx<'_>,
    task: &Task,
    run_id: RunId,
    text: &str,
) -> Result<Option<Question>, VerbError> {
    Ok(store::questions::get_of_run(tx.store(), &task.id, run_id, text)?)
}

fn reply(tx: &Tx<'_>, task: &Task, question: Question, already: bool) -> AskReply {
    AskReply {
        id: task.id.to_string(),
        board: task.board.clone(),
        question: question.id.to_string(),
        outcome: question.outcome,
        answer: question.answer,
        answer_source: question.answer_source,
        answered_by: question.answered_by,
        deadline_at: question.deadline_at,
        already,
        calls: question.calls,
        wait_ms: tx.policy.ask_wait_ms,
        is_last_call: false,
    }
}

/// A question that its task does not have.
pub(super) fn unknown(task: &Task, given: &str) -> Refusal {
    Refusal::UnknownQuestion { id: task.id.to_string(), question: shorten(given) }
}

/// The question of a token, if the calling run has asked it.
///
/// # Errors
/// [`Refusal::UnknownQuestion`].
pub(super) fn of_token(
    tx: &Tx<'_>,
    task: &Task,
    token: &QuestionId,
) -> Result<Question, VerbError> {
    let own_run = match tx.caller {
        Caller::Worker { run_id, .. } => Some(*run_id),
        Caller::Operator { .. } | Caller::Courier | Caller::Chat(_) | Caller::System { .. } => {
            task.current_run_id
        }
    };
    let found = store::questions::get(tx.store(), token)?;
    let own = found.filter(|found| found.task_id == task.id && found.run_id == own_run);
    Ok(own.ok_or_else(|| unknown(task, token.as_str()))?)
}
