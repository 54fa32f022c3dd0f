//! The daemon.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::settings::LogLevel;
use crate::kernel::policy::Policy;
use crate::service::{GetDaemon, Requester, Service, ServiceError};
use crate::telemetry;

/// The daemon.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DaemonInfo {
    /// Program version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Its home.
    pub home: String,
    /// Socket of the operators.
    #[serde(default)]
    pub socket: String,
    /// Containment of runs: how the processes of a run are held together.
    #[serde(default)]
    pub containment: String,
    /// Minimum log level.
    #[serde(default)]
    pub log_level: LogLevel,
    /// Prefix of the branch names of new worktrees.
    #[serde(default = "default_branch_prefix")]
    pub branch_prefix: String,
    /// Start time, epoch seconds.
    pub started_at: i64,
    /// Incarnation of the database; the prefix of event cursors.
    pub incarnation: String,
    /// Number of runs that may have processes.
    pub live_runs: usize,
    /// Number of requests to the database thread.
    pub database_requests: u64,
    /// Number of commits.
    pub database_commits: u64,
    /// Total time of the commits, microseconds.
    pub database_commit_us: u64,
    /// Number of reads on the reading connections.
    pub database_reads: u64,
}

/// What a daemon has that does not say.
fn default_branch_prefix() -> String {
    Policy::default().branch_prefix
}

/// Shows the daemon. Reads no rows, so that looking at the daemon does not change what is looked at.
///
/// # Errors
/// None.
pub async fn show(
    service: Arc<Service>,
    _by: Requester,
    GetDaemon {}: GetDaemon,
) -> Result<DaemonInfo, ServiceError> {
    Ok(daemon_info(&service))
}

/// What is known of the daemon without reading a row.
pub(super) fn daemon_info(service: &Service) -> DaemonInfo {
    let figures = service.database.figures();
    DaemonInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        home: service.home.to_string_lossy().into_owned(),
        socket: service.socket.to_string_lossy().into_owned(),
        containment: service.supervision.containment.get().describe(),
        log_level: telemetry::level(),
        branch_prefix: service.configuration.policy().branch_prefix.clone(),
        started_at: service.started_at,
        incarnation: service.supervision.incarnation(),
        live_runs: service.live_runs.count(),
        database_requests: figures.requests.load(Ordering::Relaxed),
        database_commits: figures.commits.load(Ordering::Relaxed),
        database_commit_us: figures.commit_us.load(Ordering::Relaxed),
        database_reads: service.readers.reads(),
    }
}
