//! `block`: the verdict that the work cannot go on, given by a worker or a person: it needs a person, another task, or time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{EpochSeconds, QuestionId, RunId};
use crate::kernel::limits::{BLOCK_LOOP_RUNS, TRANSIENT_RETRIES_MAX};
use crate::kernel::question::Question;
use crate::kernel::rules::block::{
    AfterBlock, BlockFacts, BlockKind, after_block, blocks_in_a_row, fields_fit, retries_in_a_row,
};
use crate::kernel::rules::question::{GivenQuestion, NewQuestion, QuestionOutcome, checked};
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::ask::of_token;
use crate::kernel::verbs::ending::{Ending, end_current_run, synthesize_run};
use crate::kernel::verbs::fence::callers_run;
use crate::kernel::verbs::link::LinkTasks;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::questions::Asking;
use crate::kernel::verbs::verdict::{VerdictReply, already};
use crate::kernel::verbs::{comment, questions};
use crate::kernel::{store, validate};

/// Blocks a task: it needs a person, another task, or time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlockTask {
    /// The task.
    pub id: String,
    /// What is needed, in one sentence; default: the question. Required from a worker without one.
    pub reason: Option<String>,
    /// What is missing: `needs_input` (default), `approval`, `capability`, `transient` or `dependency`. A dependency waits for its
    /// parents and needs no person.
    pub kind: Option<String>,
    /// Tasks to wait for, as parents; only with `dependency`.
    pub on: Vec<String>,
    /// Delay before the next attempt, seconds; only with `transient`. After three in a row a person is asked.
    pub retry_in_seconds: Option<i64>,
    /// A question to a person; the task goes on with the answer. The id of the open question of this run makes that the block's own.
    pub question: Option<String>,
    /// Its choices, at most nine.
    pub choices: Vec<String>,
    /// Its answer at the deadline. Not for approvals.
    pub default: Option<String>,
    /// Time until its deadline, seconds; from a worker at least 600.
    pub deadline_seconds: Option<i64>,
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
        let kind = BlockKind::given(self.kind.as_deref())?;
        fields_fit(kind, !self.on.is_empty(), self.retry_in_seconds)?;
        let question = self.question(tx, &task, kind)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let reason = reason.as_deref().map(str::trim);
        let reason = reason.or(question.as_ref().map(AskedWith::text));
        if let Some(run) = callers_run(tx)? {
            if reason.is_none() {
                return Err(Refusal::ReasonRequired.into());
            }
            if run.ended_at.is_some() {
                let is_same = run.outcome == Some(RunOutcome::Blocked)
                    && run.summary.as_deref() == reason
                    && run.block_kind.as_deref().is_none_or(|known| known == kind.as_str());
                return already(tx, &task, &run, is_same);
            }
        }
        Tx::step(&task, TaskStep::Block, Self::NAME, "")?;
        self.link_parents(tx, &task)?;
        let task = if self.on.is_empty() { task } else { tx.reread(&task.id)? };
        let after = self.after(tx, &task, (kind, question.is_some()))?;
        if let Some(AskedWith::Token(known)) = &question {
            // Before the run ends, which would end its question.
            take_over(tx, &task, known, kind)?;
        }
        let blocked = Blocked { task: &task, kind, reason, after };
        let (run_id, retry_at) = blocked.end_run(tx)?;
        let asking = Asking { run_id, blocks: true, kind: kind.as_str() };
        let question = match &question {
            Some(AskedWith::Words(new)) => Some(questions::ask(tx, &task, asking, new)?),
            Some(AskedWith::Token(known)) => Some(known.id.clone()),
            None => None,
        };
        let to = blocked.move_task(tx, run_id, retry_at, question.as_ref())?;
        if let (true, Some(reason)) = (self.comment, reason) {
            let author = tx.caller.author().to_owned();
            comment::add(tx, &task, &author, &format!("BLOCKED: {reason}"))?;
        }
        Ok(VerdictReply {
            id: task.id.to_string(),
            board: task.board.clone(),
            status: to,
            run_id,
            already: false,
            released: 0,
            reviewer: None,
            question: question.map(|id| id.to_string()),
            retry_at,
        })
    }
}

impl BlockTask {
    /// The question that it asks.
    fn question(
        &self,
        tx: &Tx<'_>,
        task: &Task,
        kind: BlockKind,
    ) -> Result<Option<AskedWith>, VerbError> {
        let belongs = [
            ("choices", !self.choices.is_empty()),
            ("default", self.default.is_some()),
            ("deadline_seconds", self.deadline_seconds.is_some()),
        ];
        let only_for_new = belongs.into_iter().find(|(_, is_given)| *is_given);
        let unfit = |field, problem| -> VerbError {
            let value = kind.as_str().to_owned();
            Refusal::InvalidValue { field, problem, value }.into()
        };
        let Some(text) = self.question.as_deref() else {
            return match only_for_new {
                Some((field, _)) => Err(unfit(field, "is only for a question")),
                None => Ok(None),
            };
        };
        if let Some(token) = QuestionId::parse(text.trim()) {
            return match only_for_new {
                Some((field, _)) => Err(unfit(field, "is only for a new question")),
                None => Ok(Some(AskedWith::Token(Box::new(of_token(tx, task, &token)?)))),
            };
        }
        let given = GivenQuestion {
            text,
            choices: &self.choices,
            default: self.default.as_deref(),
            deadline_seconds: self.deadline_seconds,
            kind,
            is_workers_block: matches!(tx.caller, Caller::Worker { .. }),
        };
        Ok(Some(AskedWith::Words(checked(&given, tx.now)?)))
    }

    fn link_parents(&self, tx: &mut Tx<'_>, task: &Task) -> Result<(), VerbError> {
        for parent in validate::list("on", &self.on)? {
            let (parent_id, child_id) = (parent.clone(), task.id.to_string());
            LinkTasks { parent_id, child_id, board: self.board.clone() }.run(tx)?;
        }
        Ok(())
    }

    fn after(
        &self,
        tx: &Tx<'_>,
        task: &Task,
        (kind, has_question): (BlockKind, bool),
    ) -> Result<AfterBlock, VerbError> {
        let limit = usize::try_from(TRANSIENT_RETRIES_MAX).unwrap_or(usize::MAX);
        let newest = match self.retry_in_seconds {
            Some(_) => store::runs::list_newest_ended(tx.store(), &task.id, limit)?,
            None => Vec::new(),
        };
        let facts = BlockFacts {
            kind,
            has_question,
            retry_in_seconds: self.retry_in_seconds,
            names_parents: !self.on.is_empty(),
            parents: store::links::parents_of(tx.store(), &task.id)?,
            retries_in_a_row: retries_in_a_row(&newest),
        };
        Ok(after_block(task.id.as_str(), facts)?)
    }
}

/// What a block asks.
enum AskedWith {
    /// A new question.
    Words(NewQuestion),
    /// The one that its run has asked.
    Token(Box<Question>),
}

impl AskedWith {
    fn text(&self) -> &str {
        match self {
            Self::Words(new) => &new.text,
            Self::Token(known) => &known.text,
        }
    }
}

/// Makes the open question of the run that of the block.
fn take_over(tx: &Tx<'_>, task: &Task, known: &Question, kind: BlockKind) -> Result<(), VerbError> {
    if known.outcome != QuestionOutcome::Open {
        return Err(Refusal::QuestionOver {
            question: known.id.to_string(),
            id: task.id.to_string(),
            detail: known.what_happened(),
        }
        .into());
    }
    if let (BlockKind::Approval, Some(default)) = (kind, &known.default_answer) {
        let (field, problem) = ("default", "cannot be given: an approval is a person's");
        return Err(Refusal::InvalidValue { field, problem, value: default.clone() }.into());
    }
    Ok(store::questions::set_block(tx.store(), &known.id, kind.as_str())?)
}

/// A block on its way into the rows.
struct Blocked<'a> {
    task: &'a Task,
    kind: BlockKind,
    reason: Option<&'a str>,
    after: AfterBlock,
}

impl Blocked<'_> {
    /// Ends the run, or leaves one that began and ended at once. Returns it, and when the next attempt may begin.
    fn end_run(&self, tx: &mut Tx<'_>) -> Result<(Option<RunId>, Option<EpochSeconds>), VerbError> {
        let ending = Ending {
            summary: self.reason,
            block_kind: Some(self.kind.as_str()),
            ..Ending::of(RunOutcome::Blocked)
        };
        let mut run_id = end_current_run(tx, self.task, &ending)?;
        if run_id.is_none() && (self.reason.is_some() || self.after != AfterBlock::Person) {
            run_id = Some(synthesize_run(tx, self.task, "blocked", &ending)?);
        }
        let retry_at = match self.after {
            AfterBlock::Retry { seconds } => Some(tx.now.saturating_add(seconds)),
            AfterBlock::Person | AfterBlock::Parents => None,
        };
        if let (Some(run_id), Some(retry_at)) = (run_id, retry_at) {
            store::runs::set_retry_at(tx.store(), run_id, retry_at)?;
        }
        self.count(tx)?;
        Ok((run_id, retry_at))
    }

    /// Counts blocks of one kind in a row: a person hears of a loop, nothing is moved by it.
    fn count(&self, tx: &Tx<'_>) -> Result<(), VerbError> {
        let id = &self.task.id;
        let newest: Vec<Run> = store::runs::list_newest_ended(tx.store(), id, BLOCK_LOOP_RUNS)?;
        let answered_upto = store::questions::answered_by_person_upto(tx.store(), id)?;
        let count = blocks_in_a_row(&newest, self.kind, answered_upto);
        Ok(store::questions::set_blocks_in_a_row(tx.store(), id, count)?)
    }

    fn move_task(
        &self,
        tx: &mut Tx<'_>,
        run_id: Option<RunId>,
        retry_at: Option<EpochSeconds>,
        question: Option<&QuestionId>,
    ) -> Result<TaskStatus, VerbError> {
        let kind = Some(self.kind.as_str());
        let landing = tx.landing(self.task)?;
        let step = match (self.after, self.task.status) {
            (AfterBlock::Person, _) => TaskStep::Block,
            (_, TaskStatus::Running) => TaskStep::Requeue(landing),
            (_, _) => TaskStep::Land(landing),
        };
        let status = (self.after != AfterBlock::Person).then(|| landing.status());
        let reason = self.reason;
        let message = EventBody::Blocked { reason, kind, question, retry_at, status };
        let arrival = match self.after {
            AfterBlock::Retry { .. } => Arrival::NotBefore(retry_at),
            AfterBlock::Person | AfterBlock::Parents => Arrival::Blocked { kind },
        };
        let cause = Cause::of(BlockTask::NAME, run_id, message).with(arrival);
        tx.move_task(self.task, step, &cause)
    }
}
