//! A line that is to be run for a person, and what comes of it.
//!
//! Who runs it is not known here: the program is given a function for that (`cli::for_chat`), so that this layer knows nothing of words.

use std::path::PathBuf;

use crate::api::client::{AskedBack, Interrupt};
use crate::kernel::chat::For;

/// A line.
#[derive(Debug, Clone)]
pub struct Line {
    /// The daemon's socket for the courier.
    pub socket: PathBuf,
    /// The words.
    pub text: String,
    /// For whom.
    pub person: For,
    /// The token that confirms it.
    pub confirm: Option<String>,
    /// The name of the person.
    pub name: Option<String>,
    /// Ends it before its time.
    pub interrupt: Interrupt,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It was done, or refused: this is shown.
    Text(String),
    /// It is done when the person confirms it.
    AskBack(AskedBack),
    /// No daemon answers: nothing was learned, and it may be run again.
    NotReachable,
}

/// What runs a line. It blocks, and writes under the same ids of requests each time.
pub type RunLine = fn(Line) -> Said;
