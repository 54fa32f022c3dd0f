//! `answer`: an answer to a question, which lets the task go on, or the run that waits for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::{Caller, no_operator};
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{BoardName, QuestionId};
use crate::kernel::question::Question;
use crate::kernel::rules::block::BlockKind;
use crate::kernel::rules::question::{QuestionOutcome, chosen};
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::unblock::planned_task;
use crate::kernel::verbs::{comment, questions, room};

/// Answers the open question of a task.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerTask {
    /// The task.
    pub id: String,
    /// The answer: a choice, its number, or other words.
    pub answer: String,
    /// The question; default: the open one.
    pub question: Option<String>,
    /// Also adds the answer as a comment.
    pub as_comment: bool,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `answer`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AnswerReply")]
pub struct AnswerReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The question.
    pub question: String,
    /// The answer as it is recorded: the text of a choice in the place of its number.
    pub answer: String,
    /// Status of the task: a blocked one lands; a running one goes on.
    pub status: S,
}

impl Verb for AnswerTask {
    type Reply = AnswerReply;
    const NAME: &'static str = "answer";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<AnswerReply, VerbError> {
        let task = planned_task(tx, &self.id, self.board.as_deref(), Self::NAME)?;
        let given = validate::body("answer", Some(&self.answer))?;
        let Some(given) = given.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            let (field, problem, value) = ("answer", "is blank", String::new());
            return Err(Refusal::InvalidValue { field, problem, value }.into());
        };
        let question = self.question(tx, &task)?;
        refuse_own_and_approval(tx, &task, &question)?;
        let answer = chosen(&question.choices, given)?;
        if self.as_comment {
            room::for_comment(tx.store(), &task.id, answer.len())?;
            let author = tx.caller.author().to_owned();
            comment::add(tx, &task, &author, &answer)?;
        }
        let source = questions::source(tx.caller);
        let status = questions::answer(tx, &task, &question, (&answer, source))?;
        let (id, question) = (task.id.to_string(), question.id.to_string());
        Ok(AnswerReply { id, board: task.board, question, answer, status })
    }
}

impl AnswerTask {
    /// The question that is meant, if it is open.
    fn question(&self, tx: &Tx<'_>, task: &Task) -> Result<Question, VerbError> {
        let found = match &self.question {
            None => match store::questions::get_open(tx.store(), &task.id)? {
                Some(open) => Some(open),
                None => store::questions::list_newest(tx.store(), &task.id, 1)?.pop(),
            },
            Some(given) => {
                let id = QuestionId::parse(given);
                let found = id.map(|id| store::questions::get(tx.store(), &id)).transpose()?;
                let found = found.flatten().filter(|found| found.task_id == task.id);
                let unknown = || Refusal::UnknownQuestion {
                    id: task.id.to_string(),
                    question: shorten(given),
                };
                Some(found.ok_or_else(unknown)?)
            }
        };
        let is_blocked = task.status == TaskStatus::Blocked;
        match found {
            Some(open) if open.outcome == QuestionOutcome::Open => Ok(open),
            // A task that was blocked again without a question is not about the one before.
            Some(over) if self.question.is_some() || !is_blocked => Err(Refusal::QuestionOver {
                question: over.id.to_string(),
                id: task.id.to_string(),
                detail: over.what_happened(),
            }
            .into()),
            Some(_) | None => {
                Err(Refusal::NoQuestion { id: task.id.to_string(), is_blocked }.into())
            }
        }
    }
}

/// A worker that plans for others answers their questions, but neither its own nor for an approval, which is a person's.
fn refuse_own_and_approval(tx: &Tx<'_>, task: &Task, question: &Question) -> Result<(), VerbError> {
    let Caller::Worker { run_id, task_id, .. } = tx.caller else { return Ok(()) };
    let is_own = *task_id == task.id;
    if is_own || question.kind == BlockKind::Approval.as_str() {
        let verb = if is_own { "answer its own question" } else { "answer for an approval" };
        return Err(no_operator(*run_id, verb).into());
    }
    Ok(())
}
