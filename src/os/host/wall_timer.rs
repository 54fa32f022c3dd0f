//! A timer on the wall clock: timerfd_create(2) on CLOCK_REALTIME.
//!
//! An absolute time on that clock is reached also when the host was suspended meanwhile, and TFD_TIMER_CANCEL_ON_SET has the timer
//! report each step of the clock, so nothing that waits for a time of day has to be looked at from time to time.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// The timer. Its descriptor is readable once it has something to report.
#[derive(Debug)]
pub struct WallTimer {
    timer: TimerFd,
}

/// What a timer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Its time has come.
    Reached,
    /// The clock was set; the timer is to be armed again.
    ClockSet,
    /// Nothing yet.
    Nothing,
}

impl WallTimer {
    /// A timer that is not armed.
    ///
    /// # Errors
    /// EMFILE or ENFILE without a free descriptor, ENOMEM.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        Ok(Self { timer: TimerFd::new(ClockId::CLOCK_REALTIME, flags)? })
    }

    /// Arms it for `at`, epoch seconds; a time that has passed is reached at once. Steps of the clock are reported while it is armed: one
    /// that was not taken yet is reported here ([`Report::ClockSet`]), else there is [`Report::Nothing`].
    ///
    /// # Errors
    /// EINVAL for a time that the kernel cannot hold.
    pub fn arm(&self, at: i64) -> io::Result<Report> {
        // Zero would disarm it.
        let at = Expiration::OneShot(TimeSpec::new(at.max(1), 0));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        match self.timer.set(at, flags) {
            Ok(()) => Ok(Report::Nothing),
            // The timer is armed all the same: timerfd_create(2).
            Err(Errno::ECANCELED) => Ok(Report::ClockSet),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what it has to report.
    ///
    /// # Errors
    /// What read(2) reports beside EAGAIN and ECANCELED.
    pub fn take(&self) -> io::Result<Report> {
        match self.timer.wait() {
            Ok(()) => Ok(Report::Reached),
            Err(Errno::EAGAIN) => Ok(Report::Nothing),
            Err(Errno::ECANCELED) => Ok(Report::ClockSet),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsRawFd for WallTimer {
    fn as_raw_fd(&self) -> RawFd {
        use std::os::fd::AsFd as _;
        self.timer.as_fd().as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::host::clock::epoch_seconds;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;

    #[test]
    fn a_time_that_has_passed_is_reached_at_once_and_one_ahead_is_not() {
        let timer = WallTimer::new().unwrap();
        assert_eq!(timer.take().unwrap(), Report::Nothing);
        timer.arm(epoch_seconds() + 86_400).unwrap();
        assert_eq!(timer.take().unwrap(), Report::Nothing);
        for at in [epoch_seconds(), 1, 0, i64::MIN] {
            timer.arm(at).unwrap();
            let mut ready = [PollFd::new(timer.timer.as_fd(), PollFlags::POLLIN)];
            assert_eq!(poll(&mut ready, PollTimeout::NONE).unwrap(), 1, "{at}");
            assert_eq!(timer.take().unwrap(), Report::Reached, "{at}");
            assert_eq!(timer.take().unwrap(), Report::Nothing, "{at}");
        }
    }
}
