//! Starts the worker: fork(2), a list of steps in the child, execve(2).
//!
//! The standard library can start a process too, but not with a session, a parent-death signal and limits of
//! its own and a report of which step failed. Between fork and exec only async-signal-safe calls are made
//! (signal-safety(7)): every string and array is made before, nothing is allocated, nothing can panic. A step
//! that fails is reported through a pipe that exec closes.
//!
//! The worker asks for SIGKILL when its parent dies: without the shim nobody would take its output, keep its
//! deadline or record its end. The kernel ties this to the parent *thread* (PR_SET_PDEATHSIG(2const)), so the
//! caller has one thread only, and forgets it when a set-user-id program is executed.

#![expect(unsafe_code, reason = "fork(2) and what may be called between it and execve(2)")]

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{
    ForkResult, Gid, Pid, Uid, chdir, fork, getpid, getppid, pipe2, setgroups, setresgid,
    setresuid, setsid,
};

use crate::os::processes::capabilities::{clear_ambient, give_up_all, limit_bounding_set};
use crate::os::processes::landlock::write_only_below;
use crate::os::processes::priorities::{drop_priority, set_oom_score_adj};
use crate::os::processes::proc_stat::own_start_ticks;
use crate::os::processes::user::RunAs;
use crate::os::processes::wait::reap_child;
use crate::os::processes::worker_mark::bear;

/// Exit code of a child that could not become the worker; nobody but this module sees it.
const CHILD_FAILED: libc::c_int = 127;

/// Everything the worker is to be, ready for the kernel.
#[derive(Debug)]
pub struct ExecPlan {
    /// Paths tried in turn until one is there, as execvp(3) does along `PATH`. Not empty.
    pub programs: Vec<CString>,
    /// Arguments, the program's name first.
    pub argv: Vec<CString>,
    /// The whole environment, `KEY=VALUE`.
    pub env: Vec<CString>,
    /// Working directory.
    pub cwd: CString,
    /// File mode mask.
    pub umask: Mode,
    /// Limits, each set as soft and hard one.
    pub rlimits: Vec<(Resource, u64)>,
    /// The mark of a worker, as `worker_mark` has it; none for no mark.
    pub mark_bytes: Option<u64>,
    /// Whether no program that it executes gives it another user, group or capability (PR_SET_NO_NEW_PRIVS(2const)).
    pub no_new_privs: bool,
    /// Where alone it may write, see `landlock`; none for wherever its user may. With it comes `no_new_privs`.
    pub write_only_below: Option<Vec<CString>>,
    /// The user that it becomes, without any capability; none to stay this process's.
    pub run_as: Option<RunAs>,
}

/// Where the worker's standard descriptors lead.
#[derive(Debug, Clone, Copy)]
pub struct WorkerStdio<'a> {
    /// Its standard input.
    pub input: BorrowedFd<'a>,
    /// Its standard output.
    pub output: BorrowedFd<'a>,
    /// Its standard error.
    pub errors: BorrowedFd<'a>,
}

/// What could not be done on the way to the worker's first instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecFailure {
    /// The step.
    pub step: ExecStep,
    /// What the kernel said.
    pub errno: Errno,
}

/// Steps from fork to exec, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecStep {
    /// Making the pipe or the child process.
    Fork,
    /// Entering the leaf.
    Containment,
    /// Becoming the leader of a session, and one that dies with its parent.
    Session,
    /// Putting the standard descriptors in place.
    Stdio,
    /// Entering the working directory.
    WorkingDirectory,
    /// Setting the limit of this index in the plan.
    Limit(u32),
    /// Lowering the limit that is the mark of workers.
    Mark,
    /// Becoming its user.
    User,
    /// Taking rights away from what it executes.
    Confinement,
    /// Taking away the right to write elsewhere.
    Landlock,
    /// Executing the program.
    Exec,
}

/// A child that executes its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forked {
    /// Its PID; it is not reaped.
    pub pid: i32,
    /// Its start time in clock ticks since boot, as it read it before it executed the program: afterwards `/proc` may hide it.
    pub start_ticks: Option<u64>,
}

/// Starts the worker, in the control group whose directory is `leaf` if there is one, and returns it once it executes its
/// program.
///
/// # Errors
/// The step that failed; then there is no child left.
pub fn fork_exec(
    plan: &ExecPlan,
    stdio: WorkerStdio<'_>,
    leaf: Option<BorrowedFd<'_>>,
) -> Result<Forked, ExecFailure> {
    let prepared = Prepared::new(plan, stdio);
    let (report_read, report_write) =
        pipe2(OFlag::O_CLOEXEC).map_err(|errno| ExecFailure { step: ExecStep::Fork, errno })?;
    let (forked, to_enter) = fork_into(leaf)?;
    match forked {
        ForkResult::Child => {
            let Err(failure) = prepared.become_worker(to_enter, report_write.as_fd());
            let _unread = nix::unistd::write(&report_write, &failure.to_bytes());
            // SAFETY: ends the child without running anything that belongs to the parent.
            unsafe { libc::_exit(CHILD_FAILED) }
        }
        ForkResult::Parent { child } => {
            drop(report_write);
            match read_report(report_read) {
                Report::Executes { start_ticks } => Ok(Forked { pid: child.as_raw(), start_ticks }),
                Report::Failed(failure) => {
                    // It has nothing left to do but to end; without this it would count as the worker.
                    let _ended = reap_child(child.as_raw());
                    Err(failure)
                }
            }
        }
    }
}

/// Forks into the leaf, or beside it where the kernel cannot do both at once; then the child has to enter it by itself.
///
/// Being born there is the rule: a process that moves waits until no other one in the whole system is just being made
/// (milliseconds on a quiet machine), one that is made there waits for nobody.
fn fork_into(
    leaf: Option<BorrowedFd<'_>>,
) -> Result<(ForkResult, Option<BorrowedFd<'_>>), ExecFailure> {
    if let Some(leaf) = leaf {
        match clone_into(leaf) {
            Ok(forked) => return Ok((forked, None)),
            // Before Linux 5.7, or forbidden by a filter that does not know the call.
            Err(Errno::ENOSYS | Errno::E2BIG | Errno::EINVAL) => {}
            Err(errno @ (Errno::EAGAIN | Errno::ENOMEM)) => {
                return Err(ExecFailure { step: ExecStep::Fork, errno });
            }
            Err(errno) => return Err(ExecFailure { step: ExecStep::Containment, errno }),
        }
    }
    // SAFETY: this process has one thread, and the child makes only async-signal-safe calls until it
    // executes a program or ends.
    let forked = unsafe { fork() }.map_err(|errno| ExecFailure { step: ExecStep::Fork, errno })?;
    Ok((forked, leaf))
}

/// fork(2) into a control group: clone3(2) with CLONE_INTO_CGROUP.
pub(in crate::os) fn clone_into(leaf: BorrowedFd<'_>) -> nix::Result<ForkResult> {
    // SAFETY: all zero means "nothing of this kind" to the call.
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = CLONE_INTO_CGROUP;
    request.exit_signal = u64::from((Signal::SIGCHLD as i32).unsigned_abs());
    request.cgroup = u64::from(leaf.as_raw_fd().unsigned_abs());
    // SAFETY: the pointer and the length are those of a live value. Without CLONE_VM and a stack of its own the child
    // goes on from here in a copy of this process, as after fork(2); for the rest see there.
    let forked = unsafe {
        libc::syscall(libc::SYS_clone3, &raw const request, size_of::<libc::clone_args>())
    };
    match Errno::result(forked)? {
        0 => Ok(ForkResult::Child),
        pid => Ok(ForkResult::Parent {
            child: Pid::from_raw(i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?),
        }),
    }
}

/// See clone(2). The library's constant has the type of another call's flags.
pub(in crate::os) const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Enters the leaf from within; the rest of the way to the program is the same.
fn enter(leaf: BorrowedFd<'_>) -> nix::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let members = openat(leaf, c"cgroup.procs", flags, Mode::empty())?;
    nix::unistd::write(members.as_fd(), b"0").map(drop)
}

/// What a child says on the pipe.
#[derive(Debug, PartialEq, Eq)]
enum Report {
    /// Exec has closed the pipe. A child that was killed before that says nothing either; it counts
    /// as a worker that was killed, which is what its end will show.
    Executes {
        /// What it said before.
        start_ticks: Option<u64>,
    },
    /// It could not become the worker.
    Failed(ExecFailure),
}

fn read_report(report: OwnedFd) -> Report {
    let mut bytes = Vec::with_capacity(TICKS_BYTES + REPORT_BYTES);
    // What was said before an error still holds.
    let _read = std::fs::File::from(report).read_to_end(&mut bytes);
    Report::of(&bytes)
}

impl Report {
    /// Start ticks, if any, then a failure, if any: the two differ in length.
    fn of(bytes: &[u8]) -> Self {
        let (ticks, failure) = bytes.split_at_checked(TICKS_BYTES).unwrap_or((&[], bytes));
        let (ticks, failure) =
            if bytes.len() == REPORT_BYTES { (&[][..], bytes) } else { (ticks, failure) };
        match failure.try_into().ok().and_then(ExecFailure::from_bytes) {
            Some(failure) => Self::Failed(failure),
            None => {
                let start_ticks = ticks.try_into().ok().map(u64::from_ne_bytes);
                Self::Executes { start_ticks }
            }
        }
    }
}

/// The plan and the arrays of pointers into it that execve(2) takes.
struct Prepared<'a> {
    plan: &'a ExecPlan,
    stdio: WorkerStdio<'a>,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    groups: Vec<Gid>,
    parent: Pid,
}

impl<'a> Prepared<'a> {
    fn new(plan: &'a ExecPlan, stdio: WorkerStdio<'a>) -> Self {
        let (argv, env) = (pointers(&plan.argv), pointers(&plan.env));
        let groups = plan.run_as.as_ref().map(RunAs::group_ids).unwrap_or_default();
        Self { plan, stdio, argv, env, groups, parent: getpid() }
    }

    /// Runs in the child. Only returns when it failed.
    fn become_worker(
        &self,
        leaf: Option<BorrowedFd<'_>>,
        report: BorrowedFd<'_>,
    ) -> Result<Infallible, ExecFailure> {
        let start_ticks = own_start_ticks();
        if let Some(leaf) = leaf {
            at(ExecStep::Containment, enter(leaf))?;
        }
        at(ExecStep::Session, setsid())?;
        at(ExecStep::Stdio, self.own_stdio())?;
        set_oom_score_adj();
        drop_priority();
        umask(self.plan.umask);
        if self.plan.run_as.is_none() {
            at(ExecStep::WorkingDirectory, chdir(self.plan.cwd.as_c_str()))?;
        }
        let mut index = 0;
        for (resource, limit) in &self.plan.rlimits {
            at(ExecStep::Limit(index), setrlimit(*resource, *limit, *limit))?;
            index = index.saturating_add(1);
        }
        if let Some(highest) = self.plan.mark_bytes {
            at(ExecStep::Mark, bear(highest))?;
        }
        if let Some(run_as) = &self.plan.run_as {
            // After the limits, which may need rights; before the directory, which the user has to be let into.
            at(ExecStep::User, self.become_user(run_as))?;
            at(ExecStep::WorkingDirectory, chdir(self.plan.cwd.as_c_str()))?;
        }
        // A capability that the daemon was started with is not the worker's. Kernels without the call have none of this kind.
        let _none_there = clear_ambient();
        // After the user: a change of user clears it.
        at(ExecStep::Session, self.die_with_parent())?;
        if self.plan.no_new_privs {
            at(ExecStep::Confinement, set_no_new_privs())?;
        }
        if let Some(paths) = &self.plan.write_only_below {
            at(ExecStep::Landlock, write_only_below(paths))?;
        }
        reset_signals();
        if let Some(start_ticks) = start_ticks {
            let _unread = nix::unistd::write(report, &start_ticks.to_ne_bytes());
        }
        let errno = self.exec();
        Err(ExecFailure { step: ExecStep::Exec, errno })
    }

    fn become_user(&self, run_as: &RunAs) -> nix::Result<()> {
        let (uid, gid) = (Uid::from_raw(run_as.uid), Gid::from_raw(run_as.gid));
        setgroups(&self.groups)?;
        setresgid(gid, gid, gid)?;
        limit_bounding_set(&[])?;
        setresuid(uid, uid, uid)?;
        give_up_all()
    }

    fn die_with_parent(&self) -> nix::Result<()> {
        set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the kernel was asked to watch it.
        if getppid() == self.parent { Ok(()) } else { Err(Errno::ESRCH) }
    }

    fn own_stdio(&self) -> nix::Result<()> {
        // All lie above 2: the shim's own standard descriptors are always open. dup2(2) gives the copies
        // no close-on-exec flag; everything else gets it, in case something was opened without.
        nix::unistd::dup2_stdin(self.stdio.input)?;
        nix::unistd::dup2_stdout(self.stdio.output)?;
        nix::unistd::dup2_stderr(self.stdio.errors)?;
        match mark_from(3) {
            // Before Linux 5.11 it marks nothing. None can be closed instead: the workspace is entered by its descriptor later.
            Err(Errno::EINVAL) => {
                mark_each(3..DESCRIPTORS_MARKED);
                Ok(())
            }
            marked => marked,
        }
    }

    /// Tries the programs in turn. A name that is found but may not be executed outranks one that is
    /// missing, so that the reported reason is one that a person can do something about.
    fn exec(&self) -> Errno {
        let mut message = Errno::ENOENT;
        for program in &self.plan.programs {
            // SAFETY: both arrays end with a null pointer and point to strings that outlive the call.
            unsafe { libc::execve(program.as_ptr(), self.argv.as_ptr(), self.env.as_ptr()) };
            match Errno::last() {
                Errno::ENOENT | Errno::ENOTDIR => {}
                Errno::EACCES => message = Errno::EACCES,
                other => return other,
            }
        }
        message
    }
}

/// Descriptors that are marked one by one where close_range(2) marks none. A shim has closed what it inherited, and opens few.
const DESCRIPTORS_MARKED: libc::c_int = 256;

/// Marks all descriptors from `first` on as closed at exec; see close_range(2), CLOSE_RANGE_CLOEXEC.
fn mark_from(first: libc::c_uint) -> nix::Result<()> {
    // SAFETY: the call touches no memory and closes nothing before exec.
    let marked = unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    Errno::result(marked).map(drop)
}

fn mark_each(descriptors: std::ops::Range<libc::c_int>) {
    for descriptor in descriptors {
        // SAFETY: the call touches no memory and closes nothing before exec; a number that is not open is refused (EBADF).
        let _not_open = unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

fn at<T>(step: ExecStep, result: nix::Result<T>) -> Result<T, ExecFailure> {
    result.map_err(|errno| ExecFailure { step, errno })
}

/// Default dispositions and an empty mask: ignored and blocked signals are inherited through exec (signal(7)),
/// and a worker that ignores SIGPIPE without knowing is a classic.
fn reset_signals() {
    set_default_dispositions();
    let _always_allowed = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// Default dispositions for all signals.
///
/// The raw system call, because the C library refuses to touch the two signals that it keeps to itself, which
/// are inherited just the same.
pub(in crate::os) fn set_default_dispositions() {
    // The kernel's own sigaction: handler, flags, restorer and mask, one word each. All zero is SIG_DFL.
    let default = [0_usize; 4];
    for number in 1..=LAST_SIGNAL {
        // SAFETY: the pointer is to a live value as large as the kernel's structure, and the default
        // disposition is no handler. SIGKILL and SIGSTOP refuse, rightly.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                default.as_ptr(),
                std::ptr::null_mut::<usize>(),
                SIGNAL_SET_BYTES,
            )
        };
    }
}

/// Highest signal number (signal(7)), and the size of the kernel's set of them.
const LAST_SIGNAL: libc::c_int = 64;
const SIGNAL_SET_BYTES: usize = 8;

pub(in crate::os) fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let strings = strings.iter().map(CString::as_c_str).map(CStr::as_ptr);
    strings.chain(std::iter::once(std::ptr::null())).collect()
}

const REPORT_BYTES: usize = 12;
const TICKS_BYTES: usize = size_of::<u64>();

impl ExecFailure {
    fn to_bytes(self) -> [u8; REPORT_BYTES] {
        let (step, index) = match self.step {
            ExecStep::Fork => (0_u32, 0),
            ExecStep::Session => (1, 0),
            ExecStep::Stdio => (2, 0),
            ExecStep::WorkingDirectory => (3, 0),
            ExecStep::Limit(index) => (4, index),
            ExecStep::Exec => (5, 0),
            ExecStep::Containment => (6, 0),
            ExecStep::User => (7, 0),
            ExecStep::Mark => (8, 0),
            ExecStep::Confinement => (9, 0),
            ExecStep::Landlock => (10, 0),
        };
        let mut bytes = [0; REPORT_BYTES];
        let words = [step, index, (self.errno as i32).cast_unsigned()];
        for (location, byte) in bytes.iter_mut().zip(words.into_iter().flat_map(u32::to_ne_bytes)) {
            *location = byte;
        }
        bytes
    }

    fn from_bytes(bytes: [u8; REPORT_BYTES]) -> Option<Self> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
        let step = match (word(0)?, word(4)?) {
            (0, _) => ExecStep::Fork,
            (1, _) => ExecStep::Session,
            (2, _) => ExecStep::Stdio,
            (3, _) => ExecStep::WorkingDirectory,
            (4, index) => ExecStep::Limit(index),
            (5, _) => ExecStep::Exec,
            (6, _) => ExecStep::Containment,
            (7, _) => ExecStep::User,
            (8, _) => ExecStep::Mark,
            (9, _) => ExecStep::Confinement,
            (10, _) => ExecStep::Landlock,
            _ => return None,
        };
        Some(Self { step, errno: Errno::from_raw(word(8)?.cast_signed()) })
    }
}

impl From<ExecFailure> for io::Error {
    fn from(failure: ExecFailure) -> Self {
        failure.errno.into()
    }
}

#[cfg(test)]
mod tests;
