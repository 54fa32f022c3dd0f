//! Counters of the daemon: plain atomics beside the work, gathered only on request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many of what was seen were at most so large.
#[derive(Debug)]
pub struct Histogram {
    /// Upper bounds, rising.
    bounds: &'static [u64],
    /// A count per bound, and one for everything above.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramNow {
    /// Each bound with how many were at most so large.
    pub up_to: Vec<(u64, u64)>,
    /// How many there were.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
}

impl Histogram {
    /// An empty one with these upper bounds.
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts one.
    pub fn see(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts a time, in microseconds.
    pub fn see_time(&self, time: Duration) {
        self.see(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// What it holds.
    pub fn now(&self) -> HistogramNow {
        let mut count = 0;
        let mut sums = self.counts.iter().map(|one| {
            count += one.load(Ordering::Relaxed);
            count
        });
        let up_to = self.bounds.iter().copied().zip(sums.by_ref()).collect();
        sums.for_each(drop);
        HistogramNow { up_to, count, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// Bounds of times that are hoped to be short, microseconds: 100 µs to 10 s.
pub const SHORT_TIMES_US: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000,
];

/// Bounds of the numbers of requests that share a commit.
pub const BATCH_SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// Bounds of waits in the queue, seconds: the rows have whole ones.
const WAITS_SECONDS: &[u64] = &[0, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400];

/// Figures of runs.
#[derive(Debug)]
pub struct Figures {
    /// From a task's being ready to its claim by the dispatcher, whole seconds.
    pub ready_wait_seconds: Histogram,
    /// From the claim to the worker's process, microseconds.
    pub start_time_us: Histogram,
    closed: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            ready_wait_seconds: Histogram::new(WAITS_SECONDS),
            start_time_us: Histogram::new(SHORT_TIMES_US),
            closed: Mutex::default(),
        }
    }
}

impl Figures {
    /// A supervised run was closed with this outcome.
    pub fn count_closed(&self, profile: &str, outcome: &'static str) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        *closed.entry((profile.to_owned(), outcome)).or_default() += 1;
    }

    /// Runs closed since the start, by profile and outcome.
    pub fn closed(&self) -> BTreeMap<(String, &'static str), u64> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_up_to_each_bound_and_what_is_above_all() {
        let histogram = Histogram::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11] {
            histogram.see(value);
        }
        let now = histogram.now();
        assert_eq!(now, HistogramNow { up_to: vec![(1, 2), (10, 4)], count: 5, sum: 24 });
    }
}
