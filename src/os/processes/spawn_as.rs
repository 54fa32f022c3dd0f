//! Starts a shim that belongs to another user than the root process that starts it, and keeps the few rights that it needs to
//! start a worker of a third (`OF_A_SHIM` in `capabilities`).
//!
//! The caller has one thread and little memory, so this is a plain fork, into the group of the shims where there is one. In the
//! child only what was prepared before is used, and the steps are in this order: descriptors, signals, mounts, groups, the bounding
//! set, the user, the rights, the program.

#![expect(unsafe_code, reason = "fork(2) and what may be called between it and execve(2)")]

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::libc;
use nix::sys::prctl::set_keepcaps;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Gid, Uid, fork, pipe2, setgroups, setresgid, setresuid};

use crate::os::processes::capabilities::{OF_A_SHIM, keep_only, limit_bounding_set};
use crate::os::processes::fork_exec::{clone_into, pointers, set_default_dispositions};
use crate::os::processes::proc_root::HOST_PROC_DESCRIPTOR;
use crate::os::processes::run_view::PreparedView;
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
    /// What it and its run see of the machine; none for what this process sees. With one the host's `/proc` is at
    /// [`HOST_PROC_DESCRIPTOR`].
    pub view: Option<&'a PreparedView>,
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
        host_proc: start.view.map(|_| open_proc()).transpose()?,
        start,
    };
    let (report, write_end) = pipe2(OFlag::O_CLOEXEC)?;
    // The child puts descriptors of its own at low numbers.
    let child_report = out_of_the_way(write_end.as_fd())?;
    // As long as a copy of it is open here, the end of the report is never seen.
    drop(write_end);
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

/// Descriptors of our own in the child lie at or above this.
const OWN_DESCRIPTORS_MIN: i32 = 10;

fn out_of_the_way(fd: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let copy = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(OWN_DESCRIPTORS_MIN))?;
    // SAFETY: the call has just made this descriptor, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

fn open_proc() -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(c"/proc", flags, Mode::empty())
}

struct Prepared<'a> {
    start: &'a ShimStart<'a>,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    groups: Vec<Gid>,
    null: OwnedFd,
    host_proc: Option<OwnedFd>,
}

impl Prepared<'_> {
    /// Runs in the child. Only returns when it failed.
    fn become_shim(&self) -> Result<Infallible, Errno> {
        self.own_descriptors()?;
        set_default_dispositions();
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.start.blocked), None)?;
        // As root still, and before its file is looked for: the program is where the run will see it.
        if let Some(view) = self.start.view {
            view.enter()?;
        }
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
        // Both from copies that lie higher: neither takes the number of the other.
        let status = out_of_the_way(self.start.status)?;
        let host_proc = self
            .host_proc
            .as_ref()
            .map(|host_proc| out_of_the_way(host_proc.as_fd()))
            .transpose()?;
        let numbers =
            [(Some(&status), STATUS_DESCRIPTOR), (host_proc.as_ref(), HOST_PROC_DESCRIPTOR)];
        for (from, number) in numbers {
            let Some(from) = from else { continue };
            // SAFETY: the call touches no memory; what is open at this number in this copy of the process is used by nobody.
            Errno::result(unsafe { libc::dup2(from.as_raw_fd(), number) })?;
        }
        Ok(())
    }
}
