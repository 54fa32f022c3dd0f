//! Time limit of a read. SQLite asks at short intervals whether to stop; the answer is here, on the thread that reads.
//!
//! A snapshot that is held for long keeps the write-ahead log from being reused, and a thread that reads for one caller reads for
//! nobody else. What counts is processor time, because a busy host is not the caller's fault; a slow disk is bounded by the clock
//! on the wall.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kernel::limits::{LONG_READ_MS_MAX, READ_MS_MAX, READ_WALL_MS_MAX};
use crate::os::host::clock::{monotonic_ms, thread_cpu_ms};

/// How much a read may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// As much as an ordinary answer takes.
    Short,
    /// For reads of a person that look at the whole file.
    Long,
    /// For the daemon itself.
    Unlimited,
}

/// Why a read was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It took longer than so many milliseconds.
    TooLong(u64),
    /// The caller has stopped waiting for the answer.
    Abandoned,
}

/// Whether a read stops. `cpu_ms` is asked only when the time on the wall makes it matter.
fn stop(
    allowance: Allowance,
    is_abandoned: bool,
    wall_ms: u64,
    cpu_ms: impl FnOnce() -> u64,
) -> Option<Stop> {
    if is_abandoned {
        return Some(Stop::Abandoned);
    }
    let is_over = match allowance {
        Allowance::Unlimited => false,
        Allowance::Long => wall_ms >= LONG_READ_MS_MAX,
        Allowance::Short => {
            wall_ms >= READ_MS_MAX && (wall_ms >= READ_WALL_MS_MAX || cpu_ms() >= READ_MS_MAX)
        }
    };
    is_over.then_some(Stop::TooLong(wall_ms))
}

struct Limit {
    allowance: Allowance,
    is_abandoned: Arc<AtomicBool>,
    began_ms: u64,
    began_cpu_ms: u64,
    stopped: Option<Stop>,
}

thread_local! {
    static LIMIT: RefCell<Option<Limit>> = const { RefCell::new(None) };
}

/// Runs `read` under a limit. Also says whether it was stopped.
pub fn limited<T>(
    allowance: Allowance,
    is_abandoned: Arc<AtomicBool>,
    read: impl FnOnce() -> T,
) -> (T, Option<Stop>) {
    /// A panic in `read` ends the limit too.
    struct Ended;
    impl Drop for Ended {
        fn drop(&mut self) {
            LIMIT.set(None);
        }
    }
    LIMIT.set(Some(Limit {
        allowance,
        is_abandoned,
        began_ms: monotonic_ms(),
        began_cpu_ms: thread_cpu_ms(),
        stopped: None,
    }));
    let _ended = Ended;
    let answer = read();
    let stopped = LIMIT.with_borrow(|limit| limit.as_ref().and_then(|limit| limit.stopped));
    (answer, stopped)
}

/// Whether the read under way on this thread is to stop. Called by SQLite while it works.
pub fn must_stop() -> bool {
    LIMIT.with_borrow_mut(|limit| {
        let Some(limit) = limit else { return false };
        let wall_ms = monotonic_ms().saturating_sub(limit.began_ms);
        let cpu_ms = || thread_cpu_ms().saturating_sub(limit.began_cpu_ms);
        let is_abandoned = limit.is_abandoned.load(Ordering::Relaxed);
        if limit.stopped.is_none() {
            limit.stopped = stop(limit.allowance, is_abandoned, wall_ms, cpu_ms);
        }
        limit.stopped.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_stopped_when_it_has_had_its_time_or_nobody_waits() {
        let (short, long, free) = (Allowance::Short, Allowance::Long, Allowance::Unlimited);
        let over = |ms| Some(Stop::TooLong(ms));
        for (allowance, is_abandoned, wall_ms, cpu_ms, expected) in [
            (short, false, 0, 0, None),
            (short, false, READ_MS_MAX - 1, READ_MS_MAX - 1, None),
            (short, false, READ_MS_MAX, READ_MS_MAX, over(READ_MS_MAX)),
            (short, false, READ_WALL_MS_MAX - 1, 1, None),
            (short, false, READ_WALL_MS_MAX, 1, over(READ_WALL_MS_MAX)),
            (short, true, 0, 0, Some(Stop::Abandoned)),
            (long, false, READ_WALL_MS_MAX, READ_WALL_MS_MAX, None),
            (long, false, LONG_READ_MS_MAX, 0, over(LONG_READ_MS_MAX)),
            (free, false, u64::MAX, u64::MAX, None),
            (free, true, 0, 0, Some(Stop::Abandoned)),
        ] {
            let found = stop(allowance, is_abandoned, wall_ms, || cpu_ms);
            assert_eq!(found, expected, "{allowance:?} {wall_ms} ms, {cpu_ms} ms of processor");
        }
    }

    #[test]
    fn a_limit_holds_for_one_read_and_ends_with_a_panic() {
        assert!(!must_stop());
        let flag = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = limited(Allowance::Short, Arc::clone(&flag), || {
            let before = must_stop();
            flag.store(true, Ordering::Relaxed);
            (before, must_stop())
        });
        assert_eq!((seen, stopped), ((false, true), Some(Stop::Abandoned)));
        assert!(!must_stop());
        let panicking = std::panic::catch_unwind(|| {
            limited(Allowance::Unlimited, Arc::new(AtomicBool::new(true)), || panic!("in a read"))
        });
        assert!(panicking.is_err() && !must_stop());
    }
}
