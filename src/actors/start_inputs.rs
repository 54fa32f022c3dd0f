//! What every start is made from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actors::supervision::RunSupervision;
use crate::config::worker_user::DaemonUser;

/// Built once, for the workers and for those who say what a worker would be started with.
pub struct StartInputs {
    /// What the run is supervised with.
    pub supervision: Arc<RunSupervision>,
    /// The daemon's own environment; workers get what the allow-list lets through.
    pub daemon_env: BTreeMap<String, String>,
    /// Instructions for every worker.
    pub guidance: &'static str,
    /// The same for those that review.
    pub review_guidance: &'static str,
    /// The daemon's own user.
    pub daemon_user: DaemonUser,
}

impl StartInputs {
    /// The user that workers of a profile run as; none for the daemon's own.
    ///
    /// # Errors
    /// One line: the daemon cannot start workers as that user.
    pub fn worker_user(&self, profile: &str) -> Result<Option<String>, String> {
        self.supervision.configuration.worker_user(&self.daemon_user, profile)
    }
}
