//! One check of `doctor`, and how it went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Result of a check.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// No problem.
    Ok,
    /// Works, but needs attention.
    Warn,
    /// Does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// Result.
    pub health: Health,
    /// One line for people.
    pub message: String,
    /// How to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// One that is fine.
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), health: Health::Ok, message: message.into(), fix: None }
    }

    /// One that is not, with the fix.
    pub fn bad(
        name: &str,
        health: Health,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let fix = Some(fix.into());
        Self { name: name.to_owned(), health, message: message.into(), fix }
    }
}
