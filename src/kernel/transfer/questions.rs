//! Questions of an import. Only one that still blocks its task stays open: nothing that comes in runs. Pure.

use crate::kernel::ids::{EpochSeconds, QuestionId};
use crate::kernel::limits::{
    BODY_BYTES_MAX, CHOICE_BYTES_MAX, CHOICES_MAX, QUESTION_BYTES_MAX, SECONDS_MAX,
};
use crate::kernel::question::AnswerSource;
use crate::kernel::rules::block::BlockKind;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::task::TaskStatus;
use crate::kernel::transfer::fit::cut;
use crate::kernel::transfer::record::{QuestionFields, TaskRecord};
use crate::kernel::transfer::report::RecordNotes;

/// Makes the questions of a record ones that this board accepts; `status` is where its task stands here.
pub(super) fn normal_questions(
    record: &mut TaskRecord,
    status: TaskStatus,
    now: EpochSeconds,
    notes: &mut RecordNotes,
) {
    let run_ids: Vec<i64> = record.runs.iter().map(|run| run.id).collect();
    let mut may_be_open = status == TaskStatus::Blocked;
    // The newest first: of several open ones it is the one that counts.
    let mut kept: Vec<QuestionFields> = Vec::new();
    for mut question in std::mem::take(&mut record.questions).into_iter().rev() {
        let is_usable =
            QuestionId::parse(&question.id).is_some() && !question.text.trim().is_empty();
        if !is_usable {
            notes.leave_out("questions", 1, "no id or no text");
            continue;
        }
        if fit(&mut question) {
            notes.note(&format!("question {} was cut to the limits here", question.id));
        }
        question.run_id = question.run_id.filter(|id| run_ids.contains(id));
        settle(&mut question, may_be_open, now);
        may_be_open &= question.outcome != QuestionOutcome::Open.as_str();
        kept.push(question);
    }
    kept.reverse();
    record.questions = kept;
}

/// How it stands here: in known words that agree with each other.
fn settle(question: &mut QuestionFields, may_be_open: bool, now: EpochSeconds) {
    let given = QuestionOutcome::parse(&question.outcome).unwrap_or(QuestionOutcome::Withdrawn);
    let outcome = match given {
        QuestionOutcome::Open if question.blocks && may_be_open => QuestionOutcome::Open,
        QuestionOutcome::Open if question.blocks => QuestionOutcome::Withdrawn,
        QuestionOutcome::Open => QuestionOutcome::RunOver,
        QuestionOutcome::Answered if question.answer.is_none() => QuestionOutcome::Withdrawn,
        QuestionOutcome::Answered
        | QuestionOutcome::TimedOut
        | QuestionOutcome::Withdrawn
        | QuestionOutcome::RunOver => given,
    };
    question.outcome = outcome.as_str().to_owned();
    question.ended_at = match outcome {
        QuestionOutcome::Open => None,
        QuestionOutcome::Answered
        | QuestionOutcome::TimedOut
        | QuestionOutcome::Withdrawn
        | QuestionOutcome::RunOver => question.ended_at.or(Some(now)),
    };
    if outcome != QuestionOutcome::Answered {
        (question.answer, question.answer_source, question.answered_by) = (None, None, None);
    }
    let is_known = |source: &String| AnswerSource::ALL.iter().any(|it| it.as_str() == source);
    question.answer_source = question.answer_source.take().filter(is_known);
    if BlockKind::parse(&question.kind).is_none() {
        question.kind = BlockKind::NeedsInput.as_str().to_owned();
    }
}

/// Cuts what is too long; true when something was.
fn fit(question: &mut QuestionFields) -> bool {
    let mut is_cut = fit_text(&mut question.text, QUESTION_BYTES_MAX);
    if let Some(default) = &mut question.default_answer {
        is_cut |= fit_text(default, QUESTION_BYTES_MAX);
    }
    if let Some(answer) = &mut question.answer {
        is_cut |= fit_text(answer, BODY_BYTES_MAX);
    }
    is_cut |= question.choices.len() > CHOICES_MAX;
    question.choices.truncate(CHOICES_MAX);
    for choice in &mut question.choices {
        is_cut |= fit_text(choice, CHOICE_BYTES_MAX);
    }
    question.choices.retain(|choice| !choice.trim().is_empty());
    question.asked_at = question.asked_at.clamp(0, SECONDS_MAX);
    for time in [&mut question.deadline_at, &mut question.overdue_at, &mut question.ended_at] {
        *time = time.filter(|time| (0..=SECONDS_MAX).contains(time));
    }
    is_cut
}

/// Cuts one text; true when it was too long.
fn fit_text(text: &mut String, limit: usize) -> bool {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    let is_long = text.len() > limit;
    if is_long {
        cut(text, limit);
    }
    is_long
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str, blocks: bool, outcome: &str) -> QuestionFields {
        QuestionFields {
            id: id.to_owned(),
            blocks,
            text: "which?".to_owned(),
            outcome: outcome.to_owned(),
            answer: (outcome == "answered").then(|| "this".to_owned()),
            ..QuestionFields::default()
        }
    }

    #[test]
    fn only_the_newest_question_of_a_blocked_task_stays_open() {
        let all = [
            question("q_1", true, "open"),
            question("q_2", true, "open"),
            question("q_3", false, "open"),
            question("q_4", true, "answered"),
            QuestionFields { answer: None, ..question("q_5", true, "answered") },
            question("q_6", false, "timed_out"),
            question("q_7", false, "pondered"),
            question("x", true, "open"),
            QuestionFields { text: " ".to_owned(), ..question("q_8", true, "open") },
        ];
        for (status, expected) in [
            (TaskStatus::Blocked, "withdrawn open run_over answered withdrawn timed_out withdrawn"),
            (
                TaskStatus::Ready,
                "withdrawn withdrawn run_over answered withdrawn timed_out withdrawn",
            ),
        ] {
            let mut record = TaskRecord { questions: all.to_vec(), ..TaskRecord::default() };
            let mut notes = RecordNotes::of("t_1");
            normal_questions(&mut record, status, 9, &mut notes);
            let found: Vec<&str> =
                record.questions.iter().map(|question| question.outcome.as_str()).collect();
            assert_eq!(found.join(" "), expected);
            for question in &record.questions {
                assert_eq!(question.ended_at.is_none(), question.outcome == "open");
                assert_eq!(question.answer.is_some(), question.outcome == "answered");
            }
            assert_eq!(notes.left_out.len(), 2);
        }
    }
}
