//! Questions of a task and what became of them: what the next attempt reads first.

use super::{LocalTime, Page};
use crate::kernel::limits::{CONTEXT_FIELD_CHARS, CONTEXT_QUESTION_CHARS};
use crate::kernel::question::Question;
use crate::kernel::rules::question::QuestionOutcome;
use crate::text::context::{line, name, quoted};

/// Writes the questions, the newest first; that one is not cut up to 8 KiB, and neither is its answer.
pub(super) fn section(out: &mut Page, questions: &[Question], time: &LocalTime) {
    if questions.is_empty() {
        return;
    }
    out.line("## Questions and answers");
    out.line("");
    for (index, question) in questions.iter().enumerate() {
        let limit = if index == 0 { CONTEXT_QUESTION_CHARS } else { CONTEXT_FIELD_CHARS };
        let run = question.run_id.map_or_else(String::new, |run| format!(" by run {run}"));
        out.line(&format!("Question{run} ({}):", time.minutes(question.asked_at)));
        out.line(&quoted(&question.text, limit));
        for (number, choice) in (1..).zip(&question.choices) {
            out.line(&format!("- choice {number}: {}", line(choice)));
        }
        out.line("");
        out.line(&end(question));
        if let Some(answer) = &question.answer {
            out.line(&quoted(answer, limit));
        }
        out.line("");
    }
}

/// How it ended, as the line before the answer.
fn end(question: &Question) -> String {
    let by = name(question.answered_by.as_deref().unwrap_or("?"));
    match question.outcome {
        QuestionOutcome::Answered if question.is_by_default() => {
            "Answer by default, because nobody had answered at its deadline:".to_owned()
        }
        QuestionOutcome::Answered => format!("Answer by **{by}**:"),
        QuestionOutcome::Open => "Not answered yet.".to_owned(),
        QuestionOutcome::TimedOut => "Not answered: its time was over.".to_owned(),
        QuestionOutcome::Withdrawn => "Not answered: the task went on without it.".to_owned(),
        QuestionOutcome::RunOver => "Not answered: the run that asked had ended.".to_owned(),
    }
}
