//! Whether somebody has set the wall clock back: times that rows wait for then lie further ahead than they should.

/// Least step that is one, milliseconds: below it lies what a clock that is kept in step is slewed by.
const STEP_MS: i64 = 2_000;

/// The wall clock measured against CLOCK_MONOTONIC, which nobody can set.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockWatch {
    ahead_ms: i64,
}

impl ClockWatch {
    /// A watch that begins with both clocks as they are.
    pub(super) fn new(epoch_ms: i64, monotonic_ms: u64) -> Self {
        Self { ahead_ms: ahead(epoch_ms, monotonic_ms) }
    }

    /// Whether the wall clock was set back since the last look. A machine that slept and a clock that was set forward are
    /// no harm: what waits is due earlier, never later.
    pub(super) fn was_set_back(&mut self, epoch_ms: i64, monotonic_ms: u64) -> bool {
        let before = std::mem::replace(&mut self.ahead_ms, ahead(epoch_ms, monotonic_ms));
        before.saturating_sub(self.ahead_ms) >= STEP_MS
    }
}

fn ahead(epoch_ms: i64, monotonic_ms: u64) -> i64 {
    epoch_ms.saturating_sub(i64::try_from(monotonic_ms).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_step_back_is_one_and_each_is_told_once() {
        let mut clock = ClockWatch::new(1_000_000, 5_000);
        for (epoch_ms, monotonic_ms, is_step) in [
            (1_060_000, 65_000, false),   // a minute passed
            (1_119_000, 125_000, false),  // slewed by a second
            (90_000_000, 185_000, false), // a day asleep, or set forward
            (3_660_000, 245_000, true),   // set back by a day
            (3_720_000, 305_000, false),
        ] {
            assert_eq!(clock.was_set_back(epoch_ms, monotonic_ms), is_step, "at {monotonic_ms}");
        }
    }
}
