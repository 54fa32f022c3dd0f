//! `[dispatch]`: what is started, by which launcher, and what follows a failure.

use std::time::Duration;

use serde::Deserialize;

use crate::config::settings::{duration, seconds};

/// Value of `dispatch.default_launcher` by which only what is found on the host is started.
pub const AUTO_LAUNCHER: &str = "auto";

/// The launcher that [`AUTO_LAUNCHER`] looks for.
pub const FOUND_LAUNCHER: &str = "hermes";

/// `[dispatch]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dispatch {
    /// Whether anything is started or taken back without being asked to.
    pub enabled: bool,
    /// Time between two passes of the net.
    #[serde(rename = "interval_seconds", deserialize_with = "seconds")]
    pub interval: Duration,
    /// Greatest number of supervised runs open at one time.
    pub max_running: u32,
    /// Launcher of an assignee whose profile names none, or [`AUTO_LAUNCHER`].
    pub default_launcher: String,
    /// Whether an assignee must have a profile.
    pub strict_profiles: bool,
    /// Failures in a row after which a task is given up.
    pub failure_limit: u32,
    /// Wait after the first failure.
    #[serde(deserialize_with = "duration")]
    pub backoff_base: Duration,
    /// Longest wait after a failure; not shorter than `backoff_base`.
    #[serde(deserialize_with = "duration")]
    pub backoff_max: Duration,
    /// Wait after a rate limit whose end was not told.
    #[serde(deserialize_with = "duration")]
    pub rate_limit_wait: Duration,
    /// Time that a task may be ready before an event tells of it; zero: no limit.
    #[serde(deserialize_with = "duration")]
    pub queue_wait_alert: Duration,
    /// Starts of one task without a person's word, over its whole life.
    pub lifetime_starts: u32,
    /// Levels of tasks that workers create.
    pub tree_depth: u32,
    /// Tasks that workers create from one task that none of them created.
    pub tree_tasks: u32,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(60),
            max_running: 8,
            default_launcher: AUTO_LAUNCHER.to_owned(),
            strict_profiles: false,
            failure_limit: 5,
            backoff_base: Duration::from_secs(1),
            backoff_max: Duration::from_secs(10 * 60),
            rate_limit_wait: Duration::from_secs(5 * 60),
            queue_wait_alert: Duration::ZERO,
            lifetime_starts: 20,
            tree_depth: 8,
            tree_tasks: 200,
        }
    }
}

impl Dispatch {
    /// Whether the default launcher starts only what is found on the host.
    pub fn is_auto(&self) -> bool {
        self.default_launcher == AUTO_LAUNCHER
    }

    /// Name of the launcher of an assignee whose profile names none.
    pub fn default_launcher(&self) -> &str {
        if self.is_auto() { FOUND_LAUNCHER } else { &self.default_launcher }
    }
}
