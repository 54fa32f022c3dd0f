//! How much of its doing the daemon writes to its log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Log level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Failures that need a person.
    Error,
    /// Unexpected events that the daemon handled.
    Warn,
    /// Normal operation.
    #[default]
    Info,
    /// Details of each decision.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All of them, from few lines to many.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
