//! Reaping of a child by its one owner.
//!
//! nix's wrappers cannot express an end by a real-time signal: they fail after the child has been reaped,
//! and its status is lost. Hence wait4(2) and waitid(2) here.

#![expect(unsafe_code, reason = "wait4(2) and waitid(2) write through pointers")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;

/// Error number of reaping a process that is not our child (or was reaped before): ECHILD.
pub const NOT_OUR_CHILD: i32 = Errno::ECHILD as i32;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitStatus {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Signaled(i32),
}

/// A child that has just been reaped; its PID may belong to another process from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReapedChild {
    /// PID that it had.
    pub pid: i32,
    /// How it ended.
    pub end: WaitStatus,
    /// User and system time of it and of the children it had waited for, microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one of these, bytes.
    pub max_rss_bytes: u64,
}

/// Answer of [`reap_any`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reap {
    /// This child had ended.
    Child(ReapedChild),
    /// There are children, none of which has ended.
    NoneEnded,
    /// There are no children at all. To a sub-reaper (PR_SET_CHILD_SUBREAPER(2const)) this proves that it
    /// has no descendants, because every orphan among them becomes its child.
    NoChildren,
}

/// Reaps one ended child, whichever, without waiting.
///
/// # Errors
/// wait4(2) failed in a way it does not document for these arguments.
pub fn reap_any() -> io::Result<Reap> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // __WALL: also children made by clone(2) with another signal than SIGCHLD, or the proof would be void.
    let options = libc::WNOHANG | libc::__WALL;
    loop {
        // SAFETY: both pointers are to live values of the right types.
        let waited = unsafe { libc::wait4(-1, &raw mut status, options, usage.as_mut_ptr()) };
        match Errno::result(waited) {
            Ok(0) => return Ok(Reap::NoneEnded),
            Ok(pid) => {
                // SAFETY: the value was zeroed, which is a valid rusage, before the kernel filled it.
                let usage = unsafe { usage.assume_init() };
                return Ok(Reap::Child(ReapedChild {
                    pid,
                    end: end_of_status(status),
                    cpu_us: micros(usage.ru_utime).saturating_add(micros(usage.ru_stime)),
                    max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
                }));
            }
            Err(Errno::ECHILD) => return Ok(Reap::NoChildren),
            Err(Errno::EINTR) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
}

/// Reaps the child `pid`, waiting for its end.
///
/// # Errors
/// It is not a child of this process or has been reaped (ECHILD).
pub fn reap_child(pid: i32) -> io::Result<WaitStatus> {
    let mut status = 0;
    loop {
        // SAFETY: the status pointer is to a live value; a null rusage is allowed.
        let waited =
            unsafe { libc::wait4(pid, &raw mut status, libc::__WALL, std::ptr::null_mut()) };
        match Errno::result(waited) {
            Ok(_pid) => return Ok(end_of_status(status)),
            Err(Errno::EINTR) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
}

/// Reaps the child behind a pidfd if it has ended; none while it runs.
///
/// # Errors
/// It is not a child of this process or has been reaped (ECHILD).
pub fn reap_pidfd(pidfd: impl AsFd) -> io::Result<Option<WaitStatus>> {
    let number = libc::id_t::try_from(pidfd.as_fd().as_raw_fd()).map_err(io::Error::other)?;
    let options = libc::WEXITED | libc::WNOHANG;
    loop {
        // SAFETY: all-zero is a valid siginfo_t; the kernel leaves it so when the child still runs.
        let mut ended: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
        // SAFETY: the pointer is to a live value, and the descriptor is open for the call.
        let waited = unsafe { libc::waitid(libc::P_PIDFD, number, &raw mut ended, options) };
        match Errno::result(waited) {
            Ok(_zero) if ended.si_signo == 0 => return Ok(None),
            Ok(_zero) => {
                // SAFETY: waitid(2) fills the status of a child that it reports.
                let status = unsafe { ended.si_status() };
                let exited = ended.si_code == libc::CLD_EXITED;
                let end =
                    if exited { WaitStatus::Exited(status) } else { WaitStatus::Signaled(status) };
                return Ok(Some(end));
            }
            Err(Errno::EINTR) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
}

fn end_of_status(status: i32) -> WaitStatus {
    if libc::WIFSIGNALED(status) {
        WaitStatus::Signaled(libc::WTERMSIG(status))
    } else {
        WaitStatus::Exited(libc::WEXITSTATUS(status))
    }
}

fn micros(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_usec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::os::processes::pidfd::PidFd;
    use crate::os::processes::test_child::Sleeper;

    #[test]
    #[expect(clippy::zombie_processes, reason = "reaping by other means is what is tested")]
    fn codes_and_signals_come_back_as_they_were() {
        // 34 and 64 are real-time signals, which have no name in nix's enum.
        let cases = [
            ("exit 0", WaitStatus::Exited(0)),
            ("exit 75", WaitStatus::Exited(75)),
            ("kill -TERM $$", WaitStatus::Signaled(15)),
            ("kill -34 $$", WaitStatus::Signaled(34)),
            ("kill -64 $$", WaitStatus::Signaled(64)),
        ];
        for (script, expected) in cases {
            let by_pid = Command::new("sh").args(["-c", script]).spawn().unwrap();
            assert_eq!(reap_child(i32::try_from(by_pid.id()).unwrap()).unwrap(), expected);
            let by_fd = Command::new("sh").args(["-c", script]).spawn().unwrap();
            let pidfd = PidFd::from_child(i32::try_from(by_fd.id()).unwrap()).unwrap();
            let mut polled = [nix::poll::PollFd::new(pidfd.as_fd(), nix::poll::PollFlags::POLLIN)];
            nix::poll::poll(&mut polled, nix::poll::PollTimeout::NONE).unwrap();
            assert_eq!(reap_pidfd(&pidfd).unwrap(), Some(expected), "{script}");
            assert!(reap_pidfd(&pidfd).is_err(), "a child is reaped once");
        }
    }

    #[test]
    fn a_child_that_runs_is_not_reaped() {
        let child = Sleeper::start();
        let pidfd = PidFd::from_child(child.identity.pid).unwrap();
        assert_eq!(reap_pidfd(&pidfd).unwrap(), None);
    }
}
