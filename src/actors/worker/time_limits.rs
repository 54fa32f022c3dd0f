//! The time limits of a run that its worker actor watches: total time, and time without a sign of life.

use std::time::{Duration, Instant};

use actix::SpawnHandle;

use super::progress::ProgressWatch;
use super::seed::WorkerSeed;
use crate::config::Settings;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::rules::ask_pause::{Pause, Wait, pause};
use crate::os::host::clock::epoch_seconds;

/// Least time between two looks for signs of life.
const LOOK_MIN: Duration = Duration::from_secs(1);

/// What is known of a run's times.
#[derive(Debug, Default)]
pub(super) struct TimeLimits {
    /// The run's time limit. An adopted run is given all of it again: no clock that an earlier daemon has read survives a
    /// suspended machine or a set clock, and looking too late harms nobody, while too early would end a healthy run.
    pub(super) max_runtime: Option<Duration>,
    /// How long it may show no sign of life.
    pub(super) progress_timeout: Option<Duration>,
    pub(super) watch: Option<ProgressWatch>,
    /// When an adopted run was claimed, epoch seconds.
    pub(super) adopted_from: Option<EpochSeconds>,
    /// When the worker was seen.
    pub(super) watched_from: Option<Instant>,
    /// Looks whether the shim has ended a run whose time is up.
    pub(super) overdue: Option<SpawnHandle>,
    /// Waits of the run for answers.
    pub(super) waits: Vec<Wait>,
    pub(super) moved: MovedDeadline,
}

/// By how much the time limit is to be moved, and what the shim can know of it.
#[derive(Debug, Default)]
pub(super) struct MovedDeadline {
    pub(super) wanted: Duration,
    /// None before this actor has written it: an earlier one may have written another time.
    pub(super) written: Option<Duration>,
    pub(super) is_being_written: bool,
    /// Writes that have failed since the last one that did not.
    pub(super) failures: u32,
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
            adopted_from: match seed {
                WorkerSeed::Adopted(adopted) => Some(adopted.run.started_at),
                WorkerSeed::Claimed(_) | WorkerSeed::Ended(_) => None,
            },
            progress_timeout: Some(progress_timeout).filter(|timeout| !timeout.is_zero()),
            ..Self::default()
        }
    }

    /// What the waits of the run do to its limits now.
    pub(super) fn pause(&self, settings: &Settings) -> Pause {
        let limit = settings.supervision.ask_timeout.as_secs();
        pause(&self.waits, epoch_seconds(), i64::try_from(limit).unwrap_or(i64::MAX))
    }

    /// When the shim must have ended the run, after `grace`; none without a limit.
    pub(super) fn overdue_in(&self, grace: Duration) -> Option<Duration> {
        let (limit, from) = (self.max_runtime?, self.watched_from?);
        Some((limit + self.moved.wanted + grace).saturating_sub(from.elapsed()))
    }
}

/// How often to look at a run that may show no sign of life for `timeout`.
pub(super) fn between_looks(timeout: Duration) -> Duration {
    (timeout / 4).max(LOOK_MIN)
}
