//! What a button in a chat does, and what the next text of a person counts as. Kept in a row; the button itself says nothing.

use serde::{Deserialize, Serialize};

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Answers a question with one of its choices.
    Answer {
        /// The task.
        task: String,
        /// The question.
        question: String,
        /// The choice.
        answer: String,
    },
    /// Asks for the text of an answer.
    AskAnswer {
        /// The task.
        task: String,
        /// The question.
        question: String,
    },
    /// Takes a text as the answer.
    TakeAnswer {
        /// The task.
        task: String,
        /// The question.
        question: String,
    },
    /// Lets a blocked task go on.
    Unblock {
        /// The task.
        task: String,
    },
    /// Accepts what was handed in.
    Approve {
        /// The task.
        task: String,
    },
    /// Asks for what has to change.
    AskChanges {
        /// The task.
        task: String,
    },
    /// Takes a text as what has to change.
    TakeChanges {
        /// The task.
        task: String,
    },
    /// Keeps words as a comment.
    Keep {
        /// The task.
        task: String,
        /// The words.
        text: String,
    },
    /// Runs a line that only reads.
    Read {
        /// The line.
        line: String,
    },
    /// Runs a line that was asked back.
    Confirm {
        /// The line.
        line: String,
        /// The operation that was asked for.
        operation: String,
        /// Digest of its request.
        digest: String,
    },
}
