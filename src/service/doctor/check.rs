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

impl Health {
    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// The result of a text; none when there is no such result.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::Warn, Self::Fail].into_iter().find(|one| one.as_str() == text)
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Check")]
pub struct Check<H = Health> {
    /// What was checked.
    pub name: String,
    /// Result.
    pub health: H,
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
}

impl<H> Check<H> {
    /// One that is not, with the fix.
    pub fn bad(name: &str, health: H, message: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Self { name: name.to_owned(), health, message: message.into(), fix }
    }
}
