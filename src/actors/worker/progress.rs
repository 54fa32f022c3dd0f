//! Whether a run makes progress: a function of samples and their times.
//!
//! A sign of life is anything that has changed since the last look: new output, CPU time used by its tree, a call of the
//! board. A worker that waits for a model shows none of them for a while, so the limit is the operator's to choose; one that
//! computes or writes output never counts as dead.
//!
//! Only time in which the daemon looked counts. While the daemon itself is stopped or starved, a worker that waits for its
//! answer shows nothing, and that is not the worker's fault.

use crate::os::run_files::log::LogMark;

/// What is seen of a run at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// How far its log is.
    pub log: LogMark,
    /// CPU time of its tree, clock ticks; may also go down when a process ends.
    pub cpu_ticks: u64,
    /// How often it has called the board.
    pub calls: u64,
}

/// What a look at a run says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It gets on, or may.
    Alive,
    /// It has shown no sign of life for too long.
    Stalled {
        /// How long, milliseconds.
        idle_ms: u64,
    },
}

/// Watches one run for signs of life.
#[derive(Debug, Clone, Copy)]
pub struct ProgressWatch {
    timeout_ms: u64,
    /// The longest time between two looks that counts.
    between_ms: u64,
    idle_ms: u64,
    looked_ms: u64,
    last: Option<Sample>,
}

impl ProgressWatch {
    /// A watch that begins now, with a look every `interval_ms` or somewhat later. A look that comes after more than twice
    /// that time was held up, and the time before it does not count.
    pub fn new(timeout_ms: u64, interval_ms: u64, now_ms: u64) -> Self {
        let between_ms = interval_ms.saturating_mul(2);
        Self { timeout_ms, between_ms, idle_ms: 0, looked_ms: now_ms, last: None }
    }

    /// Takes what was seen at `now_ms` (CLOCK_MONOTONIC); none when it could not be seen, which is no sign of death.
    pub fn look(&mut self, sample: Option<Sample>, now_ms: u64) -> Progress {
        let since_look_ms = now_ms.saturating_sub(self.looked_ms);
        self.looked_ms = now_ms;
        if sample.is_none() || sample != self.last {
            self.last = sample;
            self.idle_ms = 0;
            return Progress::Alive;
        }
        if since_look_ms <= self.between_ms {
            self.idle_ms = self.idle_ms.saturating_add(since_look_ms);
        }
        if self.idle_ms >= self.timeout_ms {
            return Progress::Stalled { idle_ms: self.idle_ms };
        }
        Progress::Alive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Sample = Sample { log: LogMark::NONE, cpu_ticks: 7, calls: 3 };

    fn looks(samples: &[(u64, Option<Sample>)]) -> Vec<Progress> {
        let mut watch = ProgressWatch::new(1000, 500, 0);
        samples.iter().map(|(now_ms, sample)| watch.look(*sample, *now_ms)).collect()
    }

    #[test]
    fn a_run_that_shows_nothing_for_the_whole_time_is_stalled_and_not_before() {
        let seen = [(0, Some(QUIET)), (500, Some(QUIET)), (999, Some(QUIET)), (1000, Some(QUIET))];
        let stalled = Progress::Stalled { idle_ms: 1000 };
        assert_eq!(looks(&seen), [Progress::Alive, Progress::Alive, Progress::Alive, stalled]);
    }

    #[test]
    fn each_sign_of_life_begins_the_time_anew() {
        let written = std::env::temp_dir();
        for sign in [
            Sample { cpu_ticks: 8, ..QUIET },
            Sample { cpu_ticks: 6, ..QUIET },
            Sample { calls: 4, ..QUIET },
            Sample { log: crate::os::run_files::log::mark(&written), ..QUIET },
        ] {
            let seen =
                [(0, Some(QUIET)), (900, Some(sign)), (1800, Some(sign)), (1900, Some(sign))];
            let stalled = Progress::Stalled { idle_ms: 1000 };
            let expected = [Progress::Alive, Progress::Alive, Progress::Alive, stalled];
            assert_eq!(looks(&seen), expected, "{sign:?}");
        }
    }

    #[test]
    fn time_in_which_the_daemon_did_not_look_does_not_count() {
        let hour = 3_600_000;
        let seen = [
            (0, Some(QUIET)),
            (500, Some(QUIET)),
            (hour, Some(QUIET)),
            (hour + 499, Some(QUIET)),
            (hour + 500, Some(QUIET)),
        ];
        let stalled = Progress::Stalled { idle_ms: 1000 };
        let alive = Progress::Alive;
        assert_eq!(looks(&seen), [alive, alive, alive, alive, stalled]);
    }

    #[test]
    fn what_cannot_be_seen_is_not_dead() {
        let seen = [
            (0, Some(QUIET)),
            (5000, None),
            (9000, None),
            (9500, Some(QUIET)),
            (10_499, Some(QUIET)),
        ];
        assert_eq!(looks(&seen), [Progress::Alive; 5]);
    }
}
