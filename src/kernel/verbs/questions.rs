//! What verbs do with questions: ask, answer, end. Each change is in the transaction of what causes it, with its event.

use crate::kernel::actor::Actor;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{QuestionId, RunId};
use crate::kernel::limits::{DUE_PER_PASS, EVENT_SUMMARY_CHARS_MAX, QUESTIONS_PER_TASK_MAX};
use crate::kernel::question::{AnswerSource, Question};
use crate::kernel::rules::question::{
    AtDeadline, NewQuestion, QuestionOutcome, at_deadline, end_with_run as outcome_with_run,
};
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store;
use crate::kernel::store::questions::{Asked, QuestionEnd};
use crate::kernel::store::tasks::Inserted;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verbs::moves::Cause;

/// How a question is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// The run that asks.
    pub run_id: Option<RunId>,
    /// Whether its task is blocked until the answer.
    pub blocks: bool,
    /// What the task needs.
    pub kind: &'a str,
}

/// Asks a question of a task that has no open one.
pub(super) fn ask(
    tx: &mut Tx<'_>,
    task: &Task,
    asking: Asking<'_>,
    new: &NewQuestion,
) -> Result<QuestionId, VerbError> {
    if store::questions::has_at_least(tx.store(), &task.id, QUESTIONS_PER_TASK_MAX)? {
        let (id, limit) = (task.id.to_string(), QUESTIONS_PER_TASK_MAX);
        return Err(Refusal::TooMany { what: "questions", id, limit }.into());
    }
    let Asking { run_id, blocks, kind } = asking;
    let by = tx.caller.actor().to_string();
    let id = loop {
        let id = QuestionId::random(tx.random());
        let asked =
            Asked { id: &id, task_id: &task.id, run_id, blocks, kind, new, by: &by, now: tx.now };
        match store::questions::insert(tx.store(), &asked)? {
            Inserted::Yes => break id,
            Inserted::Taken => {}
        }
    };
    tell_asked(tx, task, asking, (&id, new))?;
    crate::failpoint::hit("ask-made");
    Ok(id)
}

/// Tells that a question is asked, and has the timer mind its deadline.
fn tell_asked(
    tx: &mut Tx<'_>,
    task: &Task,
    asking: Asking<'_>,
    (id, new): (&QuestionId, &NewQuestion),
) -> Result<(), VerbError> {
    let message = EventBody::Asked {
        question: id,
        text: &new.text,
        choices: &new.choices,
        default: new.default_answer.as_deref(),
        deadline_at: new.deadline_at,
        blocks: asking.blocks,
    };
    tx.event(task, asking.run_id, &message)?;
    if let (Some(run_id), false) = (asking.run_id, asking.blocks) {
        tx.signal(Signal::WaitMoved { run_id });
    }
    if let Some(at) = new.deadline_at {
        tx.signal(Signal::TimeSet { at });
    }
    Ok(())
}

/// Ends the question for which a task was blocked that is so no longer. Called by the one way to move a task.
pub(super) fn withdraw_of_block(tx: &mut Tx<'_>, task: &Task) -> Result<(), VerbError> {
    match store::questions::get_open(tx.store(), &task.id)? {
        Some(question) if question.blocks => end(tx, task, &question, QuestionOutcome::Withdrawn),
        Some(_) | None => Ok(()),
    }
}

/// Ends the question for whose answer a run waits that has ended. Called by the one way to end a run.
pub(super) fn end_with_run(
    tx: &mut Tx<'_>,
    run: &Run,
    outcome: RunOutcome,
) -> Result<(), VerbError> {
    if outcome != RunOutcome::Blocked {
        store::questions::set_blocks_in_a_row(tx.store(), &run.task_id, 0)?;
    }
    let Some(question) = store::questions::get_open(tx.store(), &run.task_id)? else {
        return Ok(());
    };
    if question.blocks || question.run_id != Some(run.id) {
        return Ok(());
    }
    let is_persons_word = matches!(tx.caller, Caller::Operator { .. } | Caller::Chat(_));
    let task = tx.reread(&run.task_id)?;
    end(tx, &task, &question, outcome_with_run(outcome, is_persons_word))
}

/// Ends an open question without an answer.
pub(super) fn end(
    tx: &mut Tx<'_>,
    task: &Task,
    question: &Question,
    outcome: QuestionOutcome,
) -> Result<(), VerbError> {
    close(tx, question, &QuestionEnd { outcome, answer: None, by: None, now: tx.now })?;
    let message = EventBody::AskEnded { question: &question.id, outcome: outcome.as_str() };
    tx.event(task, question.run_id, &message)?;
    Ok(())
}

fn close(tx: &mut Tx<'_>, question: &Question, end: &QuestionEnd<'_>) -> Result<(), Fault> {
    if store::questions::set_end_if_open(tx.store(), &question.id, end)? {
        crate::failpoint::hit("ask-end-made");
        if let (Some(run_id), false) = (question.run_id, question.blocks) {
            tx.signal(Signal::WaitMoved { run_id });
        }
        return Ok(());
    }
    let value = format!("{} is not open", question.id);
    Err(Fault::Corrupt { what: "state of a question", value })
}

/// Answers an open question, and lets its task go on when that is blocked for it. Returns the status of the task from then on.
/// A default resets nothing and lifts nothing: it is nobody's word.
pub(super) fn answer(
    tx: &mut Tx<'_>,
    task: &Task,
    question: &Question,
    (answer, source): (&str, AnswerSource),
) -> Result<TaskStatus, VerbError> {
    let by = tx.caller.actor().to_string();
    let outcome = QuestionOutcome::Answered;
    let end = QuestionEnd { outcome, answer: Some((answer, source)), by: Some(&by), now: tx.now };
    close(tx, question, &end)?;
    if source != AnswerSource::Default {
        store::tasks::set_failures(tx.store(), &task.id, 0, 0, None)?;
    }
    if source == AnswerSource::Person {
        store::questions::set_blocks_in_a_row(tx.store(), &task.id, 0)?;
    }
    let shown: String = answer.chars().take(EVENT_SUMMARY_CHARS_MAX).collect();
    let message = |status| EventBody::Answered {
        question: &question.id,
        answer: &shown,
        source: source.as_str(),
        status,
    };
    if !question.blocks || task.status != TaskStatus::Blocked {
        tx.event(task, question.run_id, &message(None))?;
        return Ok(task.status);
    }
    let landing = tx.landing(task)?;
    let cause = Cause::of("answer", question.run_id, message(Some(landing.status())));
    let to = tx.move_task(task, TaskStep::Unblock(landing), &cause)?;
    if to == TaskStatus::Ready {
        tx.stop_open_run(&task.id)?;
    }
    Ok(to)
}

/// Whose word an answer of the caller is.
pub(super) fn source(caller: &Caller) -> AnswerSource {
    match caller.actor() {
        Actor::Run(_) => AnswerSource::Worker,
        Actor::Named(_) => AnswerSource::Person,
        Actor::Part(_) => AnswerSource::Default,
    }
}

/// Does what is due at the deadlines of open questions, those that have waited longest first. Returns whether there may be more.
pub(super) fn mind_deadlines(tx: &mut Tx<'_>) -> Result<bool, VerbError> {
    let due = store::questions::list_due(tx.store(), tx.now, DUE_PER_PASS)?;
    for question in &due {
        let task = tx.reread(&question.task_id)?;
        let default = question.default_answer.as_deref();
        match (at_deadline(question.blocks, default.is_some()), default) {
            (AtDeadline::AnswerByDefault, Some(default)) => {
                answer(tx, &task, question, (default, AnswerSource::Default))?;
            }
            (AtDeadline::TimeOut, _) => end(tx, &task, question, QuestionOutcome::TimedOut)?,
            (AtDeadline::Report | AtDeadline::AnswerByDefault, _) => {
                store::questions::set_overdue(tx.store(), &question.id, tx.now)?;
                let (question, deadline_at) = (&question.id, question.deadline_at);
                tx.event(&task, None, &EventBody::AskOverdue { question, deadline_at })?;
            }
        }
    }
    Ok(store::due::is_cut(due.len()))
}
