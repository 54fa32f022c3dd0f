//! The clocks: for deadlines, for leases, for rows.
//!
//! Deadlines are kept on CLOCK_MONOTONIC and leases on CLOCK_BOOTTIME, which cannot be set; times that people read are epoch
//! milliseconds and may jump. See clock_gettime(2), which cannot fail for these clocks.

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// Milliseconds on CLOCK_MONOTONIC. Only differences mean anything, and only within one boot.
pub fn monotonic_ms() -> u64 {
    u64::try_from(read_ms(ClockId::CLOCK_MONOTONIC)).unwrap_or(0)
}

/// Milliseconds on CLOCK_BOOTTIME, which includes suspends. Comparable within one boot and one time namespace.
pub fn boot_ms() -> u64 {
    u64::try_from(read_ms(ClockId::CLOCK_BOOTTIME)).unwrap_or(0)
}

/// Milliseconds since 1970-01-01 UTC on the wall clock, which may be set back.
pub fn epoch_ms() -> i64 {
    read_ms(ClockId::CLOCK_REALTIME)
}

/// Whole seconds since 1970-01-01 UTC, as the rows of the board hold them.
pub fn epoch_seconds() -> i64 {
    epoch_ms().div_euclid(1_000)
}

/// Milliseconds of processor time that this thread has had.
pub fn thread_cpu_ms() -> u64 {
    u64::try_from(read_ms(ClockId::CLOCK_THREAD_CPUTIME_ID)).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "the clock module")]
fn read_ms(clock: ClockId) -> i64 {
    let now = clock_gettime(clock).unwrap_or(TimeSpec::new(0, 0));
    now.tv_sec().saturating_mul(1_000).saturating_add(now.tv_nsec() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what the module says, read in another way")]
    fn both_clocks_count_milliseconds() {
        let wall =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        assert!(u128::try_from(epoch_ms()).unwrap().abs_diff(wall) < 60_000);
        let first = monotonic_ms();
        assert!(first > 0 && monotonic_ms() >= first);
    }
}
