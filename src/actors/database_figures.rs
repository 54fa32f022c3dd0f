//! What the database thread counts of itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::actors::figures::{BATCH_SIZES, Histogram, SHORT_TIMES_US};

/// What the thread has done so far; the figures behind `GET /v1/daemon` and `GET /v1/metrics`.
#[derive(Debug)]
pub struct DatabaseFigures {
    /// Requests run.
    pub requests: AtomicU64,
    /// Commits made.
    pub commits: AtomicU64,
    /// Time spent in commits, microseconds.
    pub commit_us: AtomicU64,
    /// Each commit's time, its sync to disk included, microseconds.
    pub commit_times_us: Histogram,
    /// Requests that shared each commit.
    pub batch_sizes: Histogram,
    /// Id of the newest event that is committed.
    pub newest_event: AtomicI64,
    free_space: FreeSpace,
}

/// What the last commit left on the disk of the home.
#[derive(Debug, Default)]
struct FreeSpace {
    bytes: AtomicU64,
    /// When that was seen, milliseconds on CLOCK_MONOTONIC; 0 while nothing was.
    at_ms: AtomicU64,
}

impl DatabaseFigures {
    /// Takes what a look at the disk has found; nothing when that said nothing. Called by the database's thread after a commit, which has
    /// waited for the same disk.
    pub fn see_free_bytes(&self, found: Option<u64>, now_ms: u64) {
        if let Some(bytes) = found {
            self.free_space.bytes.store(bytes, Ordering::Relaxed);
        }
        let at_ms = if found.is_some() { now_ms } else { 0 };
        self.free_space.at_ms.store(at_ms, Ordering::Release);
    }

    /// Free bytes on the disk of the home, if they were seen within `within_ms`.
    pub fn free_bytes(&self, within_ms: u64, now_ms: u64) -> Option<u64> {
        let at_ms = self.free_space.at_ms.load(Ordering::Acquire);
        let is_recent = at_ms > 0 && now_ms.saturating_sub(at_ms) < within_ms;
        is_recent.then(|| self.free_space.bytes.load(Ordering::Relaxed))
    }
}

impl Default for DatabaseFigures {
    fn default() -> Self {
        Self {
            requests: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            commit_us: AtomicU64::new(0),
            commit_times_us: Histogram::new(SHORT_TIMES_US),
            batch_sizes: Histogram::new(BATCH_SIZES),
            newest_event: AtomicI64::new(0),
            free_space: FreeSpace::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_known_for_as_long_as_it_is_recent_and_not_after_a_disk_that_said_nothing() {
        let figures = DatabaseFigures::default();
        assert_eq!(figures.free_bytes(1_000, 500), None);
        figures.see_free_bytes(Some(7), 10_000);
        assert_eq!(figures.free_bytes(1_000, 10_999), Some(7));
        assert_eq!(figures.free_bytes(1_000, 11_000), None);
        figures.see_free_bytes(None, 10_500);
        assert_eq!(figures.free_bytes(1_000, 10_501), None);
    }
}
