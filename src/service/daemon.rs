//! The daemon itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::settings::LogLevel;
use crate::kernel::policy::Policy;
use crate::service::{GetDaemon, Requester, Service, ServiceError};
use crate::telemetry;

/// The daemon itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DaemonInfo {
    /// Version of the program.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Its home.
    pub home: String,
    /// The socket of people and operators.
    #[serde(default)]
    pub socket: String,
    /// What holds the processes of a run together.
    #[serde(default)]
    pub containment: String,
    /// Least weight of its log lines.
    #[serde(default)]
    pub log_level: LogLevel,
    /// Beginning of the names of branches of new worktrees.
    #[serde(default = "default_branch_prefix")]
    pub branch_prefix: String,
    /// When it started, epoch seconds.
    pub started_at: i64,
    /// The life of the database; event cursors begin with it.
    pub incarnation: String,
    /// Runs whose processes may be there.
    pub live_runs: usize,
    /// Requests that the database thread ran.
    pub database_requests: u64,
    /// Commits that it made.
    pub database_commits: u64,
    /// Time that the commits took, microseconds.
    pub database_commit_us: u64,
    /// Reads on the reading connections.
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
