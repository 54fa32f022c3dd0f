//! Changing the log level alone, until the next reload or start.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::settings::LogLevel;
use crate::service::{Requester, Service, ServiceError};
use crate::telemetry;

/// Changes the log level.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLogLevel {
    /// Minimum log level.
    pub level: LogLevel,
}

/// The log level now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLevelReply {
    /// Minimum log level.
    pub level: LogLevel,
    /// The previous log level.
    pub before: LogLevel,
}

/// Changes the log level.
///
/// # Errors
/// None.
pub async fn set(
    _service: Arc<Service>,
    _by: Requester,
    SetLogLevel { level }: SetLogLevel,
) -> Result<LogLevelReply, ServiceError> {
    let before = telemetry::level();
    telemetry::set_level(level);
    tracing::warn!(before = before.as_str(), level = level.as_str(), "log level changed");
    Ok(LogLevelReply { level, before })
}
