//! The time limits of a run that its worker actor watches: total time, and time without a sign of life.

use std::time::Duration;

use super::progress::ProgressWatch;
use super::seed::WorkerSeed;
use crate::config::Settings;

/// Least time between two looks for signs of life.
const LOOK_MIN: Duration = Duration::from_secs(1);

/// What is known of a run's times.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TimeLimits {
    /// The run's time limit. An adopted run is given all of it again: no clock that an earlier daemon has read survives a
    /// suspended machine or a set clock, and looking too late harms nobody, while too early would end a healthy run.
    pub(super) max_runtime: Option<Duration>,
    /// How long it may show no sign of life.
    pub(super) progress_timeout: Option<Duration>,
    pub(super) watch: Option<ProgressWatch>,
}

impl TimeLimits {
    /// The watch over a run that was just claimed or was found.
    pub(super) fn of(seed: &WorkerSeed, settings: &Settings) -> Self {
        let (max_runtime_seconds, profile) = match seed {
            WorkerSeed::Claimed(order) => (order.max_runtime_seconds, Some(&order.profile)),
            WorkerSeed::Adopted(adopted) => {
                (adopted.run.max_runtime_seconds, adopted.run.profile.as_ref())
            }
            WorkerSeed::Ended(_) => return Self::default(),
        };
        let own = profile.and_then(|name| settings.profiles.get(name)?.progress_timeout);
        let progress_timeout = own.unwrap_or(settings.supervision.progress_timeout);
        let seconds = |seconds: i64| Duration::from_secs(seconds.max(0).unsigned_abs());
        Self {
            max_runtime: max_runtime_seconds.map(seconds),
            progress_timeout: Some(progress_timeout).filter(|timeout| !timeout.is_zero()),
            watch: None,
        }
    }
}

/// How often to look at a run that may show no sign of life for `timeout`.
pub(super) fn between_looks(timeout: Duration) -> Duration {
    (timeout / 4).max(LOOK_MIN)
}
