//! Changing how the daemon is set while it works: the whole configuration read again, or its log level alone.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::reloader::ReloadError;
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::operations::{Answer, Call, GetDaemon, json};
use crate::api::operator::operators_only;
use crate::config::settings::LogLevel;
use crate::config::shown::Change;
use crate::kernel::error::ErrorCode;
use crate::telemetry;

/// A setting that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingChange {
    /// Its key with the section, such as `dispatch.max_running`.
    pub key: String,
    /// The value before, as in the file; none when it was not set.
    pub old: Option<String>,
    /// The value now; none when it is not set any more.
    pub new: Option<String>,
    /// Whether it holds only from the next start of the daemon on; every other one holds from the next claim.
    pub from_restart: bool,
}

impl From<Change> for SettingChange {
    fn from(change: Change) -> Self {
        let Change { key, old, new, from_restart } = change;
        Self { key, old, new, from_restart }
    }
}

/// The configuration that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadReply {
    /// What is different, by key.
    pub changes: Vec<SettingChange>,
}

/// Answers `POST /v1/reload`.
pub fn reload(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let GetDaemon {} = call.input.from_body()?;
        operators_only(&call.caller, "reload")?;
        let changes = api.reloader.reload().await.map_err(refused)?;
        json(&ReloadReply { changes: changes.into_iter().map(Into::into).collect() })
    })
}

fn refused(error: ReloadError) -> ApiError {
    match error {
        ReloadError::Config(problems) => {
            ApiError::new(ErrorCode::InvalidValue, problems.to_string())
                .with_hint("the old configuration stays in effect")
        }
        ReloadError::Thread(error) => ApiError::new(ErrorCode::Internal, error.to_string()),
    }
}

/// Changes the log level.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLogLevel {
    /// Least weight of the lines that are written.
    pub level: LogLevel,
}

/// The log level now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLevelReply {
    /// Least weight of the lines that are written.
    pub level: LogLevel,
    /// What it was before.
    pub before: LogLevel,
}

/// Answers `POST /v1/log-level`.
pub fn set_log_level(_api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let SetLogLevel { level } = call.input.from_body()?;
        operators_only(&call.caller, "log_level")?;
        let before = telemetry::level();
        telemetry::set_level(level);
        tracing::warn!(
            before = before.as_str(),
            level = level.as_str(),
            "the log level was changed"
        );
        json(&LogLevelReply { level, before })
    })
}
