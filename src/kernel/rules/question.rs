//! Questions: what a question may be, how it ends, and which answer a text means. Pure.
//!
//! A question is open until one thing happens to it: an answer, its time-out, or the end of what asked it. A block carries one
//! for its task, which stays `blocked` until the answer; a run that asks one goes on and waits for it.

use crate::kernel::error::Refusal;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::{
    CHOICE_BYTES_MAX, CHOICES_MAX, QUESTION_BYTES_MAX, QUESTION_DEADLINE_SECONDS_MAX,
    WORKER_DEADLINE_SECONDS_MIN,
};
use crate::kernel::rules::block::BlockKind;
use crate::kernel::run::RunOutcome;
use crate::kernel::shorten::shorten;

/// How a question stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum QuestionOutcome {
    /// Waits for an answer.
    Open,
    /// Has one, by a person, another worker, or by default.
    Answered,
    /// The run that asked waited no longer.
    TimedOut,
    /// What asked it has gone on without: the run gave its verdict, or the blocked task was let go on.
    Withdrawn,
    /// The run that asked ended in another way.
    RunOver,
}

impl QuestionOutcome {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Answered, Self::TimedOut, Self::Withdrawn, Self::RunOver];

    /// The outcome as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::TimedOut => "timed_out",
            Self::Withdrawn => "withdrawn",
            Self::RunOver => "run_over",
        }
    }

    /// Reads a stored outcome.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// How the open question of a run ends when the run does. `is_persons_word` says whether a person ended the run.
pub fn end_with_run(outcome: RunOutcome, is_persons_word: bool) -> QuestionOutcome {
    match outcome {
        RunOutcome::Completed | RunOutcome::Blocked if !is_persons_word => {
            QuestionOutcome::Withdrawn
        }
        RunOutcome::Completed
        | RunOutcome::Blocked
        | RunOutcome::Crashed
        | RunOutcome::Oom
        | RunOutcome::TimedOut
        | RunOutcome::SpawnFailed
        | RunOutcome::ProtocolViolation
        | RunOutcome::RateLimited
        | RunOutcome::Stopped
        | RunOutcome::Reclaimed
        | RunOutcome::Lost
        | RunOutcome::GaveUp => QuestionOutcome::RunOver,
    }
}

/// What happens to an open question when its deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtDeadline {
    /// Its default is the answer.
    AnswerByDefault,
    /// The run waits no longer.
    TimeOut,
    /// It is reported once, and stays open.
    Report,
}

/// What happens at the deadline of a question: of a blocked task (`blocks`), or of a run that waits.
pub fn at_deadline(blocks: bool, has_default: bool) -> AtDeadline {
    match (has_default, blocks) {
        (true, _) => AtDeadline::AnswerByDefault,
        (false, true) => AtDeadline::Report,
        (false, false) => AtDeadline::TimeOut,
    }
}

/// A question as a request gives it.
#[derive(Debug, Clone, Copy)]
pub struct GivenQuestion<'a> {
    /// Its text.
    pub text: &'a str,
    /// Its choices.
    pub choices: &'a [String],
    /// Its default.
    pub default: Option<&'a str>,
    /// Time until its deadline, seconds.
    pub deadline_seconds: Option<i64>,
    /// What its task needs.
    pub kind: BlockKind,
    /// Whether a worker blocks its task with it: a person must have time to answer before the default does.
    pub is_workers_block: bool,
}

/// A question that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuestion {
    /// Its text.
    pub text: String,
    /// Its choices.
    pub choices: Vec<String>,
    /// Its default: a choice where there are some.
    pub default_answer: Option<String>,
    /// Its deadline, epoch seconds.
    pub deadline_at: Option<EpochSeconds>,
}

/// The question that a request gives at `now`, epoch seconds.
///
/// # Errors
/// [`Refusal::InvalidValue`] or [`Refusal::TooLarge`], naming the field.
pub fn checked(given: &GivenQuestion<'_>, now: EpochSeconds) -> Result<NewQuestion, Refusal> {
    let text = given.text.trim();
    if text.is_empty() {
        return Err(invalid("question", "is blank", text));
    }
    fits("question", text, QUESTION_BYTES_MAX)?;
    let choices = checked_choices(given.choices)?;
    let default_answer = checked_default(given, &choices)?;
    let deadline_at = match given.deadline_seconds {
        None => None,
        Some(seconds) if !(1..=QUESTION_DEADLINE_SECONDS_MAX).contains(&seconds) => {
            let problem = "must be between 1 second and 365 days";
            return Err(invalid("deadline_seconds", problem, &seconds.to_string()));
        }
        Some(seconds) if given.is_workers_block && seconds < WORKER_DEADLINE_SECONDS_MIN => {
            let problem = "must be at least 10 minutes ahead";
            return Err(invalid("deadline_seconds", problem, &seconds.to_string()));
        }
        Some(seconds) => Some(now.saturating_add(seconds)),
    };
    Ok(NewQuestion { text: text.to_owned(), choices, default_answer, deadline_at })
}

fn checked_choices(given: &[String]) -> Result<Vec<String>, Refusal> {
    let mut choices: Vec<String> = Vec::new();
    for choice in given.iter().map(|choice| choice.trim()) {
        fits("choices", choice, CHOICE_BYTES_MAX)?;
        if choice.is_empty() || choice.contains(['\n', '\r']) {
            return Err(invalid("choices", "must be one line each", choice));
        }
        if choices.iter().any(|known| same(known, choice)) {
            return Err(invalid("choices", "must be different", choice));
        }
        choices.push(choice.to_owned());
    }
    if choices.len() > CHOICES_MAX {
        return Err(invalid("choices", "must be at most 9", &choices.len().to_string()));
    }
    if let [only] = choices.as_slice() {
        return Err(invalid("choices", "must be two or more", only));
    }
    Ok(choices)
}

fn checked_default(
    given: &GivenQuestion<'_>,
    choices: &[String],
) -> Result<Option<String>, Refusal> {
    let Some(default) = given.default.map(str::trim) else { return Ok(None) };
    if given.kind == BlockKind::Approval {
        return Err(invalid("default", "cannot be given: an approval is a person's", default));
    }
    if default.is_empty() {
        return Err(invalid("default", "is blank", default));
    }
    fits("default", default, QUESTION_BYTES_MAX)?;
    let default = chosen(choices, default)?;
    if !choices.is_empty() && !choices.contains(&default) {
        return Err(invalid("default", "must be one of the choices", &default));
    }
    Ok(Some(default))
}

/// The answer that `text` means: a choice, where it is one or its number, else the text itself.
///
/// # Errors
/// [`Refusal::InvalidValue`] for the number of a choice that is not there.
pub fn chosen(choices: &[String], text: &str) -> Result<String, Refusal> {
    if let Some(choice) = choices.iter().find(|choice| same(choice, text)) {
        return Ok(choice.clone());
    }
    let number = match text.as_bytes() {
        [digit @ b'1'..=b'9'] if !choices.is_empty() => usize::from(digit - b'0'),
        _ => return Ok(text.to_owned()),
    };
    choices
        .get(number - 1)
        .cloned()
        .ok_or_else(|| invalid("answer", "no choice has this number", text))
}

/// Whether a text names a choice: upper and lower case are the same.
fn same(choice: &str, text: &str) -> bool {
    choice.to_lowercase() == text.to_lowercase()
}

fn fits(field: &'static str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.len() > limit {
        return Err(Refusal::TooLarge { field, actual: text.len(), limit });
    }
    if text.contains('\0') {
        return Err(invalid(field, "contains a NUL character", text));
    }
    Ok(())
}

fn invalid(field: &'static str, problem: &'static str, value: &str) -> Refusal {
    Refusal::InvalidValue { field, problem, value: shorten(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_read_back_as_written() {
        for outcome in QuestionOutcome::ALL {
            assert_eq!(QuestionOutcome::parse(outcome.as_str()), Some(outcome));
        }
    }

    #[test]
    fn only_the_runs_own_verdict_withdraws_its_question() {
        for outcome in RunOutcome::ALL {
            let is_verdict = matches!(outcome, RunOutcome::Completed | RunOutcome::Blocked);
            let own =
                if is_verdict { QuestionOutcome::Withdrawn } else { QuestionOutcome::RunOver };
            assert_eq!(end_with_run(outcome, false), own, "{outcome}");
            assert_eq!(end_with_run(outcome, true), QuestionOutcome::RunOver, "{outcome}");
        }
    }

    #[test]
    fn a_deadline_answers_by_default_times_out_or_is_reported() {
        for (blocks, has_default, expected) in [
            (true, true, AtDeadline::AnswerByDefault),
            (false, true, AtDeadline::AnswerByDefault),
            (true, false, AtDeadline::Report),
            (false, false, AtDeadline::TimeOut),
        ] {
            assert_eq!(at_deadline(blocks, has_default), expected);
        }
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn an_answer_is_a_choice_by_its_text_or_number_or_its_own_words() {
        let colours = texts(&["blue", "Red"]);
        let numbers = texts(&["3", "5", "1"]);
        for (choices, text, expected) in [
            (&colours, "blue", Some("blue")),
            (&colours, "RED", Some("Red")),
            (&colours, "2", Some("Red")),
            (&colours, "3", None),
            (&colours, "0", Some("0")),
            (&colours, "12", Some("12")),
            (&colours, "neither", Some("neither")),
            (&numbers, "3", Some("3")),
            (&numbers, "1", Some("1")),
            (&numbers, "2", Some("5")),
            (&texts(&[]), "2", Some("2")),
        ] {
            assert_eq!(chosen(choices, text).ok().as_deref(), expected, "{choices:?} {text}");
        }
    }

    #[test]
    fn a_question_is_taken_or_refused_by_the_table() {
        let none = texts(&[]);
        let two = texts(&["a", "b"]);
        let plain = GivenQuestion {
            text: " Which? ",
            choices: &none,
            default: None,
            deadline_seconds: None,
            kind: BlockKind::NeedsInput,
            is_workers_block: true,
        };
        let long = "x".repeat(QUESTION_BYTES_MAX + 1);
        let ten: Vec<String> = (0..10).map(|n| format!("c{n}")).collect();
        let same = texts(&["a", "A"]);
        let lines = texts(&["a", "b\nc"]);
        let one = texts(&["a"]);
        let worker = |deadline| GivenQuestion { deadline_seconds: Some(deadline), ..plain };
        for (given, expected) in [
            (plain, Ok(("Which?", None, None))),
            (GivenQuestion { text: "  ", ..plain }, Err("question")),
            (GivenQuestion { text: &long, ..plain }, Err("question")),
            (GivenQuestion { choices: &ten, ..plain }, Err("choices")),
            (GivenQuestion { choices: &same, ..plain }, Err("choices")),
            (GivenQuestion { choices: &lines, ..plain }, Err("choices")),
            (GivenQuestion { choices: &one, ..plain }, Err("choices")),
            (GivenQuestion { default: Some("a"), ..plain }, Ok(("Which?", Some("a"), None))),
            (
                GivenQuestion { choices: &two, default: Some("2"), ..plain },
                Ok(("Which?", Some("b"), None)),
            ),
            (GivenQuestion { choices: &two, default: Some("c"), ..plain }, Err("default")),
            (GivenQuestion { default: Some(" "), ..plain }, Err("default")),
            (
                GivenQuestion { default: Some("a"), kind: BlockKind::Approval, ..plain },
                Err("default"),
            ),
            (worker(600), Ok(("Which?", None, Some(1600)))),
            (worker(599), Err("deadline_seconds")),
            (worker(0), Err("deadline_seconds")),
            (
                GivenQuestion { is_workers_block: false, ..worker(5) },
                Ok(("Which?", None, Some(1005))),
            ),
            (GivenQuestion { is_workers_block: false, ..worker(0) }, Err("deadline_seconds")),
            (worker(QUESTION_DEADLINE_SECONDS_MAX + 1), Err("deadline_seconds")),
        ] {
            let found = checked(&given, 1000);
            let found = found.as_ref().map_err(|refusal| {
                let (Refusal::InvalidValue { field, .. } | Refusal::TooLarge { field, .. }) =
                    refusal
                else {
                    panic!("{refusal}");
                };
                *field
            });
            let found = found
                .map(|new| (new.text.as_str(), new.default_answer.as_deref(), new.deadline_at));
            assert_eq!(found, expected, "{given:?}");
        }
    }
}
