//! Reading the whole configuration again while the daemon works.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actors::reloader::ReloadError;
use crate::config::shown::Change;
use crate::service::{GetDaemon, Requester, Service, ServiceError};

/// A changed setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingChange {
    /// Key with its section, such as `dispatch.max_running`.
    pub key: String,
    /// The previous value, as in the file; null when it was unset.
    pub old: Option<String>,
    /// The new value; null when unset.
    pub new: Option<String>,
    /// Whether the change takes effect only at the next start of the daemon; otherwise it applies from the next claim
    /// on.
    pub from_restart: bool,
}

impl From<Change> for SettingChange {
    fn from(change: Change) -> Self {
        let Change { key, old, new, from_restart } = change;
        Self { key, old, new, from_restart }
    }
}

/// Result of `reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadReply {
    /// Changed settings, by key.
    pub changes: Vec<SettingChange>,
}

/// Reads the configuration again: all of it is taken, or nothing.
///
/// # Errors
/// The new configuration is refused, or no thread could be had for the reading.
pub async fn reload(
    service: Arc<Service>,
    _by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<ReloadReply, ServiceError> {
    let changes = service.reloader.reload().await.map_err(|error| match error {
        ReloadError::Config(problems) => {
            ServiceError::ConfigurationRefused { problems: problems.to_string() }
        }
        ReloadError::Thread(error) => {
            let detail = error.to_string();
            ServiceError::NoThread { purpose: "reads the configuration", detail }
        }
    })?;
    Ok(ReloadReply { changes: changes.into_iter().map(Into::into).collect() })
}
