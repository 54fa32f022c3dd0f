//! Starts a shim inside a control group: clone3(2) with CLONE_INTO_CGROUP, a few steps in the child, execve(2).
//!
//! posix_spawn(3) cannot do it with the C libraries of today, and moving the shim once it runs costs milliseconds in the whole
//! system: a move waits until no process anywhere is just being made. Where `vfork` knows the processor the child borrows the daemon's
//! memory, elsewhere it gets a copy of its map.
//!
//! The daemon has many threads, so the child makes only system calls on what was prepared before: no allocation, no lock, no
//! panic. Every signal is blocked from before the fork until the child has default dispositions, so that no handler of the
//! daemon ever runs in it.

#![expect(unsafe_code, reason = "clone3(2) and what may be called between it and execve(2)")]

use std::ffi::{CStr, CString};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
#[cfg(not(target_arch = "x86_64"))]
use nix::unistd::ForkResult;
use nix::unistd::{Pid, pipe2};

use crate::os::processes::fork_exec::{pointers, set_default_dispositions};
use crate::os::processes::status_pipe::STATUS_DESCRIPTOR;
#[cfg(target_arch = "x86_64")]
use crate::os::processes::vfork::vfork_into;
use crate::os::processes::wait::reap_child;

/// Descriptors of our own in the child lie at or above this, out of the way of those that the shim expects.
const OWN_DESCRIPTORS_MIN: i32 = 10;

/// A program to start.
#[derive(Debug)]
pub struct GroupStart<'a> {
    /// Its path.
    pub program: &'a CStr,
    /// Arguments, the program's name first.
    pub arguments: &'a [CString],
    /// The whole environment, `KEY=VALUE`.
    pub environment: &'a [CString],
    /// What becomes descriptor 3; 0 to 2 lead to `/dev/null`.
    pub status: BorrowedFd<'a>,
    /// Signals that are blocked when the program begins.
    pub blocked: SigSet,
}

/// Starts it in the group whose directory is `group`. Returns its PID when it executes the program.
///
/// # Errors
/// What the kernel said; then there is no child left. `ENOSYS` and the like where the call is not known.
pub fn start_in_group(group: BorrowedFd<'_>, start: &GroupStart<'_>) -> io::Result<i32> {
    let (argv, envp) = (pointers(start.arguments), pointers(start.environment));
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let (null, status) = (out_of_the_way(null.as_fd())?, out_of_the_way(start.status)?);
    let (report, write_end) = pipe2(OFlag::O_CLOEXEC)?;
    let child_report = out_of_the_way(write_end.as_fd())?;
    // As long as a copy of it is open here, the end of the report is never seen.
    drop(write_end);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), Some(&mut before))?;
    let begin = || {
        let errno = become_program(start, &argv, &envp, null.as_fd(), status.as_fd());
        let _unread = nix::unistd::write(&child_report, &(errno as i32).to_ne_bytes());
        127
    };
    let born = born_in(group, &begin);
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    drop(child_report);
    let child = born?;
    match read_errno(report) {
        None => Ok(child.as_raw()),
        Some(errno) => {
            let _ended = reap_child(child.as_raw());
            Err(errno.into())
        }
    }
}

/// Makes a child in `group` that does `begin` and ends with its result.
#[cfg(target_arch = "x86_64")]
fn born_in(group: BorrowedFd<'_>, begin: &impl Fn() -> i32) -> nix::Result<Pid> {
    // SAFETY: every signal is blocked, and `begin` makes system calls only.
    unsafe { vfork_into(group, begin) }
}

/// The same by a fork of the whole memory map.
#[cfg(not(target_arch = "x86_64"))]
fn born_in(group: BorrowedFd<'_>, begin: &impl Fn() -> i32) -> nix::Result<Pid> {
    match crate::os::processes::fork_exec::clone_into(group)? {
        ForkResult::Parent { child } => Ok(child),
        // SAFETY: ends the child without running anything that belongs to the parent.
        ForkResult::Child => unsafe { libc::_exit(begin()) },
    }
}

/// Runs in the child. Only returns when it failed.
fn become_program(
    start: &GroupStart<'_>,
    argv: &[*const libc::c_char],
    envp: &[*const libc::c_char],
    null: BorrowedFd<'_>,
    status: BorrowedFd<'_>,
) -> Errno {
    // SAFETY: these calls touch no memory; the numbers are those that the program expects, and what is open there in this
    // copy of the process is used by nobody.
    let are_placed = unsafe {
        (0..=2).all(|number| libc::dup2(null.as_raw_fd(), number) >= 0)
            && libc::dup2(status.as_raw_fd(), STATUS_DESCRIPTOR) >= 0
    };
    if !are_placed {
        return Errno::last();
    }
    set_default_dispositions();
    if let Err(errno) = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&start.blocked), None) {
        return errno;
    }
    // SAFETY: both arrays end with a null pointer and point to strings that outlive the call.
    unsafe { libc::execve(start.program.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

fn out_of_the_way(fd: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(OWN_DESCRIPTORS_MIN))?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// None when exec has closed the pipe.
fn read_errno(report: OwnedFd) -> Option<Errno> {
    let mut bytes = [0; 4];
    std::fs::File::from(report).read_exact(&mut bytes).ok()?;
    Some(Errno::from_raw(i32::from_ne_bytes(bytes)))
}
