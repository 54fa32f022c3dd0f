//! The fence of a leased run: when its lease is over, its tree is ended.
//!
//! The shim outlives its daemon and needs no answer from another process. It wakes only at the known end of the lease, reads the
//! lease again, and continues or ends the run. A lease that cannot be read at that time is over: the board may start the task elsewhere
//! from then on. A run without a lease, which is every run of a board's own host, has no file and no timer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::os::host::clock::boot_ms;
use crate::os::run_files::directory::{LeaseSpec, StartFailure, StartStep};
use crate::os::run_files::lease::{LeaseClock, LeaseEnd, read_lease};
use crate::shim::worker::failure_of;

/// Why there is no fence, and so no worker.
#[derive(Debug)]
pub enum NoFence {
    /// The lease is over.
    Over,
    /// Whether it is over is unknown.
    Failed(StartFailure),
}

/// The lease of a run that is being watched.
#[derive(Debug)]
pub struct Fence<'a> {
    spec: &'a LeaseSpec,
    here: LeaseClock,
    /// Fires when the lease is over as far as it is known; at once when the machine wakes up after that.
    timer: TimerFd,
}

impl<'a> Fence<'a> {
    /// Reads the lease and sets the timer. Before anything of the run is started.
    ///
    /// # Errors
    /// Nothing may be started.
    pub fn arm(spec: &'a LeaseSpec) -> Result<Self, NoFence> {
        let unknown = |error: &io::Error| {
            let what = format!("cannot read the lease {}", spec.path.display());
            NoFence::Failed(failure_of(StartStep::Lease, error, &what))
        };
        let here = LeaseClock::here().map_err(|error| unknown(&error))?;
        let lease = read_lease(&spec.path).map_err(|error| unknown(&error))?;
        let until_ms = match lease.judge(spec.epoch, &here, boot_ms()) {
            Ok(until_ms) => until_ms,
            Err(LeaseEnd::OtherTimeNamespace) => {
                let message = format!(
                    "{} is of time namespace {}, this is {}: cannot determine when the lease ends",
                    spec.path.display(),
                    lease.clock.time_namespace,
                    here.time_namespace
                );
                let (step, part) = (StartStep::Lease, None);
                let failure = StartFailure { step, part, errno: Errno::EINVAL as i32, message };
                return Err(NoFence::Failed(failure));
            }
            Err(LeaseEnd::Passed | LeaseEnd::OtherEpoch | LeaseEnd::OtherBoot) => {
                return Err(NoFence::Over);
            }
        };
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer =
            TimerFd::new(ClockId::CLOCK_BOOTTIME, flags).map_err(|errno| unknown(&errno.into()))?;
        let fence = Self { spec, here, timer };
        fence.set(until_ms).map_err(|errno| unknown(&errno.into()))?;
        Ok(fence)
    }

    /// What becomes readable when the lease has to be looked at.
    pub fn wakes(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }

    /// Reads the lease again: whether it is over. One that is not sets the timer again.
    pub fn is_over(&self) -> bool {
        let lease = read_lease(&self.spec.path);
        let until_ms =
            lease.ok().and_then(|lease| lease.judge(self.spec.epoch, &self.here, boot_ms()).ok());
        // Without a timer nothing would end the run later.
        until_ms.is_none_or(|until_ms| self.set(until_ms).is_err())
    }

    fn set(&self, until_ms: u64) -> nix::Result<()> {
        let at = TimeSpec::from_duration(Duration::from_millis(until_ms));
        self.timer.set(Expiration::OneShot(at), TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }
}
