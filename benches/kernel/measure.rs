//! Samples, and what is shown of them.

use std::time::Duration;

/// Microseconds of one operation.
#[derive(Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// `time` was shared by `operations`.
    pub fn add(&mut self, time: Duration, operations: usize) {
        self.0.push(time.as_secs_f64() * 1e6 / operations as f64);
    }

    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * percent / 100]
    }
}

/// The same work with the kernel and bare.
#[derive(Default)]
pub struct Compared {
    pub kernel: Samples,
    pub bare: Samples,
}

impl Compared {
    pub fn ratio(&self, percent: usize) -> f64 {
        self.kernel.percentile(percent) / self.bare.percentile(percent)
    }
}

/// One operation on one board.
pub struct Line {
    pub name: &'static str,
    pub size: usize,
    /// Until the reply may be given: for a write, the commit included.
    pub whole: Compared,
    /// For a write: without the commit, whose wait for the disk hides everything else.
    pub inside: Option<Compared>,
    /// It finds more on a larger board, so that it may cost more.
    pub finds_more: bool,
    /// Statements of one operation.
    pub statements: f64,
    /// Steps of SQLite's virtual machine of one operation: what it looks at, whatever the machine's mood.
    pub steps: f64,
}
