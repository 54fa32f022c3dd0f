//! What the database thread counts of itself.

use std::sync::atomic::{AtomicI64, AtomicU64};

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
        }
    }
}
