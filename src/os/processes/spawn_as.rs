//! Starts a shim that belongs to another user than the root process that starts it, and keeps the few rights that it needs to
//! start a worker of a third (`OF_A_SHIM` in `capabilities`).
//!
//! The caller has one thread and little memory, so this is a plain fork, into the group of the shims where there is one. In the
//! child only what was prepared before is used, and the steps are in this order: descriptors, signals, groups, the bounding set,
//! the user, the rights, the program.

#![expect(unsafe_code, reason = "fork(2) and what may be called between it and execve(2)")]

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_keepcaps;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::unistd::{ForkResult, Gid, Uid, fork, pipe2, setgroups, setresgid, setresuid};

use crate::os::processes::capabilities::{OF_A_SHIM, keep_only, limit_bounding_set};
use crate::os::processes::fork_exec::{clone_into, pointers, set_default_dispositions};
use crate::os::processes::status_pipe::STATUS_DESCRIPTOR;
use crate::os::processes::user::RunAs;
use crate::os::processes::wait::reap_child;

/// A shim to start.
#[derive(Debug)]
pub struct ShimStart<'a> {
    /// Path of its program.
    pub program: &'a CStr,
    /// Arguments, the program's name first.
    pub arguments: &'a [CString],
    /// The whole environment, `KEY=VALUE`.
    pub environment: &'a [CString],
    /// What becomes descriptor 3; 0 to 2 lead to `/dev/null`.
    pub status: BorrowedFd<'a>,
    /// Signals that are blocked when the program begins.
    pub blocked: SigSet,
    /// Directory of the group that it is born in.
    pub group: Option<BorrowedFd<'a>>,
    /// Whose it is.
    pub owner: &'a RunAs,
}

/// Starts it. Returns its PID when it executes the program.
///
/// # Errors
/// What the kernel said; then there is no child left.
pub fn start_as(start: &ShimStart<'_>) -> io::Result<i32> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let prepared = Prepared {
        argv: pointers(start.arguments),
        envp: pointers(start.environment),
        groups: start.owner.group_ids(),
        null: null.into(),
        start,
    };
    let (report, child_report) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    let forked = match start.group {
        Some(group) => clone_into(group)?,
        // SAFETY: this process has one thread, and the child makes only async-signal-safe calls until it executes a
        // program or ends.
        None => unsafe { fork() }?,
    };
    match forked {
        ForkResult::Child => {
            let Err(errno) = prepared.become_shim();
            let _unread = nix::unistd::write(&child_report, &(errno as i32).to_ne_bytes());
            // SAFETY: ends the child without running anything that belongs to the parent.
            unsafe { libc::_exit(127) }
        }
        ForkResult::Parent { child } => {
            drop(child_report);
            let mut bytes = [0; 4];
            // Exec closes the pipe, and nothing comes.
            if std::fs::File::from(report).read_exact(&mut bytes).is_err() {
                return Ok(child.as_raw());
            }
            let _ended = reap_child(child.as_raw());
            Err(Errno::from_raw(i32::from_ne_bytes(bytes)).into())
        }
    }
}

struct Prepared<'a> {
    start: &'a ShimStart<'a>,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    groups: Vec<Gid>,
    null: OwnedFd,
}

impl Prepared<'_> {
    /// Runs in the child. Only returns when it failed.
    fn become_shim(&self) -> Result<Infallible, Errno> {
        self.own_descriptors()?;
        set_default_dispositions();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.start.blocked), None)?;
        let owner = self.start.owner;
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        setgroups(&self.groups)?;
        setresgid(gid, gid, gid)?;
        limit_bounding_set(&OF_A_SHIM)?;
        set_keepcaps(true)?;
        setresuid(uid, uid, uid)?;
        keep_only(&OF_A_SHIM)?;
        // SAFETY: both arrays end with a null pointer and point to strings that outlive the call.
        unsafe {
            libc::execve(self.start.program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr())
        };
        Err(Errno::last())
    }

    fn own_descriptors(&self) -> Result<(), Errno> {
        let null = self.null.as_fd();
        nix::unistd::dup2_stdin(null)?;
        nix::unistd::dup2_stdout(null)?;
        nix::unistd::dup2_stderr(null)?;
        let status = self.start.status.as_raw_fd();
        // SAFETY: these calls touch no memory; what is open at this number in this copy of the process is used by nobody
        // after that, unless it is the pipe itself, which then has to lose its close-on-exec flag.
        let placed = unsafe {
            if status == STATUS_DESCRIPTOR {
                libc::fcntl(status, libc::F_SETFD, 0)
            } else {
                libc::dup2(status, STATUS_DESCRIPTOR)
            }
        };
        Errno::result(placed).map(drop)
    }
}
