//! One check of `doctor`, and how it went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a check went.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Fine.
    Ok,
    /// Works, but somebody should know.
    Warn,
    /// Does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// One line about it.
    pub message: String,
    /// What mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Check {
    /// One that is fine.
    pub fn ok(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), health: Health::Ok, message: message.into(), fix: None }
    }

    /// One that is not, with what mends it.
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
