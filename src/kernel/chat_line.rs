//! A line that a person wrote in a chat, on its way to the program `kanban` that runs it, and what comes of it. Pure.
//!
//! The courier has the line run by a process of its own: so it holds neither the words of the command line nor what they need, and ends one that
//! takes too long.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::kernel::chat::Confirm;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The daemon's socket for the courier.
    pub socket: PathBuf,
    /// The words.
    pub text: String,
    /// For whom: a [`crate::kernel::chat::For`].
    pub person: String,
    /// The token that confirms it.
    pub confirm: Option<String>,
    /// The name of the person.
    pub name: Option<String>,
}

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It was done, or refused: this is shown.
    Text(String),
    /// It is done when the person confirms it.
    AskBack {
        /// The question.
        question: String,
        /// How it is confirmed.
        confirm: Confirm,
    },
    /// No daemon answers: nothing was learned, and it may be run again.
    NotReachable,
    /// It took too long and was ended.
    TooLong,
}
