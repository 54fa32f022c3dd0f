//! A task as a card of the board shows it: a projection of its row and of what stands beside it, small enough to be sent by the
//! hundred. The page on the web (`web/src/wire.ts`) and the stream read it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EpochSeconds, EventId, RunId};
use crate::kernel::question::Question;

/// A task as a card shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Card {
    /// Its id.
    pub id: String,
    /// Its board.
    pub board: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
    /// Its priority.
    pub priority: i64,
    /// Its assignee.
    pub assignee: Option<String>,
    /// Its tenant.
    pub tenant: Option<String>,
    /// Its labels, in order.
    pub labels: Vec<String>,
    /// In this status since, epoch seconds.
    pub since: Option<EpochSeconds>,
    /// Creation time, epoch seconds.
    pub created_at: EpochSeconds,
    /// Start of its first run, epoch seconds.
    pub started_at: Option<EpochSeconds>,
    /// When it was done, epoch seconds.
    pub completed_at: Option<EpochSeconds>,
    /// Not started before, as a person chose, epoch seconds.
    pub start_at: Option<EpochSeconds>,
    /// Whether it waits until a person lets it go on.
    pub parked: bool,
    /// When it is due, epoch seconds.
    pub due_at: Option<EpochSeconds>,
    /// Not started before, after a failure, epoch seconds.
    pub not_before: Option<EpochSeconds>,
    /// Order of arrival on the board.
    pub seq: i64,
    /// Its version, for `if_version`.
    pub version: EventId,
    /// Its run whose processes may be there.
    pub run: Option<CardRun>,
    /// Number of its runs.
    pub attempts: u32,
    /// Failures in a row.
    pub failures: u32,
    /// Why it does not run, where its status does not say it.
    pub reason: Option<CardReason>,
    /// First line of its result, or of the summary of its run, when it is done.
    pub summary: Option<String>,
    /// The parents that it waits for.
    pub waits: Option<CardWaits>,
    /// Its children.
    pub children: Option<CardChildren>,
    /// Number of comments.
    pub comments: u32,
    /// Number of attachments.
    pub attachments: u32,
    /// Its open question.
    pub question: Option<CardQuestion>,
    /// Its review.
    pub review: Option<CardReview>,
}

/// A run as a card shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardRun {
    /// Its id.
    pub id: RunId,
    /// State of its processes; `claimed` for work outside kanband.
    pub state: String,
    /// Its profile.
    pub profile: Option<String>,
    /// Start, epoch seconds.
    pub started_at: EpochSeconds,
    /// Newest sign of life, epoch seconds.
    pub seen_at: Option<EpochSeconds>,
    /// Time limit, seconds.
    pub max_runtime_seconds: Option<i64>,
    /// Whether it reviews.
    pub is_review: bool,
}

/// Why a task does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardReason {
    /// The token of `kanban why`.
    pub code: String,
    /// One sentence, at most 160 characters.
    pub text: String,
    /// Until when, epoch seconds, where it ends by itself.
    pub until: Option<EpochSeconds>,
}

/// Parents that a task waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardWaits {
    /// How many.
    pub count: u32,
    /// The first that arrived.
    pub first: NamedTask,
}

/// Children of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardChildren {
    /// How many.
    pub count: u32,
    /// How many of them are done or archived.
    pub done: u32,
}

/// An open question as a card shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardQuestion {
    /// Its id.
    pub id: String,
    /// Its text, at most 400 characters on a card.
    pub text: String,
    /// Its choices.
    pub choices: Vec<String>,
    /// The answer at the deadline.
    pub default: Option<String>,
    /// The deadline, epoch seconds.
    pub deadline_at: Option<EpochSeconds>,
    /// What the task needs.
    pub kind: Option<String>,
}

impl CardQuestion {
    /// A question, with its whole text.
    pub fn of(question: Question) -> Self {
        Self {
            id: question.id.to_string(),
            text: question.text,
            choices: question.choices,
            default: question.default_answer,
            deadline_at: question.deadline_at,
            kind: Some(question.kind),
        }
    }
}

/// A review as a card shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CardReview {
    /// Its round, from 1.
    pub round: u32,
    /// The profile that reviews; none: a person.
    pub reviewer: Option<String>,
    /// Why a person reviews in place of a profile.
    pub why: Option<String>,
}

/// A task by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: String,
}

/// Characters of a reason on a card.
const REASON_CHARS_MAX: usize = 160;

/// Characters of a question on a card.
const QUESTION_CHARS_MAX: usize = 400;

/// Characters of a result on a card.
const SUMMARY_CHARS_MAX: usize = 120;

/// The text of a reason on a card.
pub fn reason_line(text: &str) -> String {
    cut(text, REASON_CHARS_MAX)
}

/// The text of a question on a card.
pub fn question_line(text: &str) -> String {
    cut(text, QUESTION_CHARS_MAX)
}

/// The first line of a result that says something.
pub fn summary_line(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(cut(line, SUMMARY_CHARS_MAX))
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_on_a_card_have_bounds_and_a_result_is_its_first_line() {
        for (given, expected) in [
            ("done", Some("done".to_owned())),
            ("\n\n  built it  \nand more", Some("built it".to_owned())),
            ("", None),
            ("  \n ", None),
        ] {
            assert_eq!(summary_line(given), expected, "{given:?}");
        }
        let long = "ä".repeat(500);
        assert_eq!(summary_line(&long).unwrap().chars().count(), SUMMARY_CHARS_MAX + 1);
        assert_eq!(reason_line(&long).chars().count(), REASON_CHARS_MAX + 1);
        assert_eq!(question_line(&long).chars().count(), QUESTION_CHARS_MAX + 1);
        assert_eq!(reason_line("short"), "short");
    }
}
