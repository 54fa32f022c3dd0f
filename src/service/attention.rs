//! What needs a person, as `status` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// `board_lost`, `unkillable`, `disk`, `log`, `search`, `paused`, `breaker`, `gave_up` or `blocked`.
    pub kind: String,
    /// One line for people.
    pub message: String,
    /// Suggested command.
    pub command: String,
}

impl Attention {
    pub(super) fn new(kind: &str, message: String, command: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message, command: command.into() }
    }
}
