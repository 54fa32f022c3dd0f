//! A handle on one process that a reused PID cannot divert.
//!
//! See pidfd_open(2) and pidfd_send_signal(2). The C library of the oldest system we support has no wrappers
//! for them, hence the raw system calls.

#![expect(unsafe_code, reason = "pidfd_open(2) and pidfd_send_signal(2) have no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
pub use nix::sys::signal::Signal;

use crate::os::processes::identity::{Liveness, ProcessIdentity};

/// An open pidfd. Closed on exec; readable (POLLIN) once every thread of the process has ended.
#[derive(Debug)]
pub struct PidFd {
    fd: OwnedFd,
}

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The kernel has queued it for the process.
    Sent,
    /// The process has ended.
    Ended,
}

impl PidFd {
    /// Opens exactly the process of `identity`; none when it has ended, also when its PID lives on.
    ///
    /// The identity is compared after the descriptor is open: if it still holds then, it held at the
    /// opening, because a PID is not given away while its process lives.
    ///
    /// # Errors
    /// The kernel refuses, or it is unknown whether the process is the same.
    pub fn open(identity: &ProcessIdentity) -> io::Result<Option<Self>> {
        let Some(opened) = open_raw(identity.pid)? else { return Ok(None) };
        match identity.check() {
            Liveness::Same => Ok(Some(opened)),
            Liveness::Gone => Ok(None),
            Liveness::Unknown => {
                let untold = format!("cannot tell process {} from a later one", identity.pid);
                Err(io::Error::new(io::ErrorKind::PermissionDenied, untold))
            }
        }
    }

    /// Opens a child that the caller has not reaped yet: until then its PID is its own.
    ///
    /// # Errors
    /// There is no such process, or the kernel refuses.
    pub fn from_child(pid: i32) -> io::Result<Self> {
        open_raw(pid)?.ok_or_else(|| io::Error::from(Errno::ESRCH))
    }

    /// Opens whatever process has `pid` now; none when there is none. The caller must know by other means
    /// which process that is.
    pub(in crate::os) fn of_current_holder(pid: i32) -> io::Result<Option<Self>> {
        open_raw(pid)
    }

    /// Takes a pidfd that the kernel handed out.
    pub(in crate::os) fn from_kernel(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Sends `signal` to the process.
    ///
    /// # Errors
    /// EPERM and the like, see pidfd_send_signal(2); an ended process is no error.
    pub fn signal(&self, signal: Signal) -> io::Result<Delivery> {
        // SAFETY: the descriptor is open for the call, and a null siginfo asks for the kernel's default.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.fd.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0_u32,
            )
        };
        match Errno::result(sent) {
            Ok(_zero) => Ok(Delivery::Sent),
            Err(Errno::ESRCH) => Ok(Delivery::Ended),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether every thread of the process has ended; it may still wait to be reaped.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn has_exited(&self) -> io::Result<bool> {
        self.wait_exit(Duration::ZERO)
    }

    /// Waits until every thread of the process has ended, at most for `patience`; false when it has not by then.
    ///
    /// # Errors
    /// poll(2) failed.
    pub fn wait_exit(&self, patience: Duration) -> io::Result<bool> {
        let started = Instant::now();
        let mut watched = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        loop {
            let left = patience.saturating_sub(started.elapsed());
            match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(ready) if ready > 0 => return Ok(true),
                // poll(2) counts whole milliseconds, so it may return in the last one.
                Ok(_) if started.elapsed() >= patience => return Ok(false),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for PidFd {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn open_raw(pid: i32) -> io::Result<Option<PidFd>> {
    // SAFETY: the call takes two integers and touches no memory of ours.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0_u32) };
    match Errno::result(opened) {
        Ok(number) => {
            let number = RawFd::try_from(number).map_err(io::Error::other)?;
            // SAFETY: the kernel has just returned this descriptor, with close-on-exec set, to us alone.
            let fd = unsafe { OwnedFd::from_raw_fd(number) };
            Ok(Some(PidFd { fd }))
        }
        // ENOENT: the PID is that of a thread which leads no process (EINVAL before Linux 6.9).
        Err(Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

#[cfg(test)]
mod tests {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};

    use super::*;
    use crate::os::processes::test_child::Sleeper;

    #[test]
    fn a_signal_reaches_exactly_the_process_that_was_meant() {
        let mut child = Sleeper::start();
        let identity = child.identity.clone();
        let pidfd = PidFd::open(&identity).unwrap().expect("the sleeper lives");
        assert!(!pidfd.has_exited().unwrap());
        let flags = FdFlag::from_bits_truncate(fcntl(&pidfd, FcntlArg::F_GETFD).unwrap());
        assert!(flags.contains(FdFlag::FD_CLOEXEC));
        assert_eq!(pidfd.signal(Signal::SIGKILL).unwrap(), Delivery::Sent);
        let mut watched = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        poll(&mut watched, PollTimeout::NONE).unwrap();
        assert!(pidfd.has_exited().unwrap());
        child.reap();
        assert_eq!(pidfd.signal(Signal::SIGKILL).unwrap(), Delivery::Ended);
    }

    #[test]
    fn an_end_is_waited_for_no_longer_than_asked() {
        let mut child = Sleeper::start();
        let pidfd = PidFd::open(&child.identity).unwrap().expect("the sleeper lives");
        assert!(!pidfd.wait_exit(Duration::from_millis(1)).unwrap());
        child.kill();
        assert!(pidfd.wait_exit(Duration::from_secs(600)).unwrap());
        child.reap();
    }

    #[test]
    fn a_pid_that_now_belongs_to_another_process_is_not_opened() {
        let mut child = Sleeper::start();
        let identity = child.identity.clone();
        let earlier = ProcessIdentity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        assert!(PidFd::open(&earlier).unwrap().is_none());
        child.kill();
        child.reap();
        assert!(PidFd::open(&identity).unwrap().is_none());
        assert!(PidFd::from_child(identity.pid).is_err());
    }
}
