//! A question to a person, with every column of its row. The rules are in [`crate::kernel::rules::question`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EpochSeconds, QuestionId, RunId, TaskId};
use crate::kernel::rules::question::QuestionOutcome;

/// Whose word an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerSource {
    /// A person's.
    Person,
    /// Another task's worker that plans for this one.
    Worker,
    /// Nobody's: the deadline has passed.
    Default,
}

impl AnswerSource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Person, Self::Worker, Self::Default];

    /// The source as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Worker => "worker",
            Self::Default => "default",
        }
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Question")]
pub struct Question<O = QuestionOutcome> {
    /// Its id; the token of the run that asked.
    #[schemars(with = "String")]
    pub id: QuestionId,
    /// Its task.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// The run that asked.
    pub run_id: Option<RunId>,
    /// Whether its task is blocked until the answer; otherwise its run goes on and waits.
    pub blocks: bool,
    /// What the task needs: `needs_input`, `approval`, `capability` or `transient`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Its choices; an answer may be other words all the same.
    #[serde(default)]
    pub choices: Vec<String>,
    /// The answer at the deadline.
    pub default_answer: Option<String>,
    /// Who asked.
    pub asked_by: String,
    /// Time it was asked, epoch seconds.
    pub asked_at: EpochSeconds,
    /// Its deadline, epoch seconds.
    pub deadline_at: Option<EpochSeconds>,
    /// Time at which its deadline was reported as passed, epoch seconds.
    pub overdue_at: Option<EpochSeconds>,
    /// How often its run asked for the answer.
    #[serde(default)]
    pub calls: u32,
    /// How it stands.
    pub outcome: O,
    /// Time it was answered, or ended otherwise; epoch seconds.
    pub ended_at: Option<EpochSeconds>,
    /// Its answer.
    pub answer: Option<String>,
    /// Whose word the answer is: `person`, `worker` or `default`.
    pub answer_source: Option<String>,
    /// Who answered.
    pub answered_by: Option<String>,
}

impl Question {
    /// What happened to it, for a refusal; `answered by ada: blue`.
    pub fn what_happened(&self) -> String {
        let end = match (self.outcome, &self.answer) {
            (QuestionOutcome::Answered, Some(answer)) if self.is_by_default() => {
                format!("answered by default: {answer}")
            }
            (QuestionOutcome::Answered, Some(answer)) => {
                format!("answered by {}: {answer}", self.answered_by.as_deref().unwrap_or("?"))
            }
            (QuestionOutcome::TimedOut, _) => "its run waited no longer".to_owned(),
            (QuestionOutcome::Withdrawn, _) => "withdrawn: the task went on without it".to_owned(),
            (QuestionOutcome::RunOver, _) => "the run that asked is over".to_owned(),
            (QuestionOutcome::Answered | QuestionOutcome::Open, _) => self.outcome.as_str().into(),
        };
        crate::kernel::shorten::shorten(&end)
    }

    /// Whether its answer is nobody's word.
    pub fn is_by_default(&self) -> bool {
        self.answer_source.as_deref() == Some(AnswerSource::Default.as_str())
    }
}
