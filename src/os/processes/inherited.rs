//! What a process inherits from its starter, made ordinary before anything else is done.
//!
//! Most of it survives execve(2) without the program's doing: a shell's background job, `nohup`, a script with traps, a runtime
//! that blocks signals, a cron job, a container's entry point each leave something behind. The table says what becomes of it. What
//! is left as it is, is the starter's to decide, and holds for workers too.
//!
//! | inherited | daemon | shim, holder | worker | `kanban` |
//! |---|---|---|---|---|
//! | blocked signals | none | its own set | none | left |
//! | ignored signals | default; TTIN, TTOU, XFSZ, PIPE ignored | default, then its own | default | CHLD default, else left |
//! | interval timers, alarms | off | off | off | left |
//! | umask | 077 | 077 | the profile's, else 022 | left |
//! | descriptors from 3 on | closed, but for handed sockets | closed, but for the status pipe and the host's `/proc` | closed | left |
//! | closed descriptors 0 to 2 | `/dev/null` (by the standard library) | the same | its own | the same |
//! | working directory | `/` | `/` | the workspace | left |
//! | child sub-reaper | no | yes | no | left |
//! | timer slack | 50 µs | 50 µs | 50 µs | left |
//! | raised priority (nice below 0, real-time scheduling or input and output) | left | left | none | left |
//! | ambient capabilities | left | what it needs | none | left |
//! | environment | read | empty | built from nothing | read |
//! | session, terminal | left | a session of its own | a session of its own | left |
//! | resource limits, lowered priority, affinity, no_new_privs, securebits, seccomp, namespaces, death signal | left | left | left, but for the profile's `rlimits`, the mark of workers and what the profile confines | left |
//!
//! A daemon of the background is not stopped for writing to its terminal (`stty tostop`), and a file size limit is an error of a
//! write, not its end. A death signal is its starter's wish; the kernel clears it for every child.

#![expect(
    unsafe_code,
    reason = "sigaction(2), setitimer(2) and close_range(2) have no safe wrapper"
)]

use std::io;

use nix::libc;
use nix::sys::prctl::{set_child_subreaper, set_timerslack};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, signal, sigprocmask,
};
use nix::sys::stat::{Mode, umask};

use crate::os::processes::fork_exec::set_default_dispositions;
use crate::os::processes::own_process::close_inherited_from;

/// Access that the daemon and its shims give to nobody but their user, whatever a file's own mode says.
const OWN_MASK: Mode = Mode::from_bits_truncate(0o077);

/// What the kernel gives every process that has not asked for another one, nanoseconds.
const TIMER_SLACK_NS: libc::c_ulong = 50_000;

/// Signals that do not end or stop a daemon: a terminal in whose background it is, a limit on file sizes, a reader that has gone.
const IGNORED_BY_DAEMON: [Signal; 4] =
    [Signal::SIGTTIN, Signal::SIGTTOU, Signal::SIGXFSZ, Signal::SIGPIPE];

/// The first descriptor that a service manager hands over, see sd_listen_fds(3).
const FIRST_HANDED: i32 = 3;

/// Makes the daemon's process ordinary. To be called before there is a thread, and before anything is opened.
///
/// # Errors
/// The kernel refuses one of the calls.
pub fn normalize_daemon() -> io::Result<()> {
    close_inherited_from(FIRST_HANDED.saturating_add(handed_count()))?;
    // First what a signal does, then that it arrives.
    set_default_but_faults();
    for number in IGNORED_BY_DAEMON {
        // SAFETY: ignoring installs no handler, so nothing can run at an unsafe moment.
        unsafe { signal(number, SigHandler::SigIgn) }?;
    }
    stop_timers();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    umask(OWN_MASK);
    set_child_subreaper(false)?;
    set_timerslack(TIMER_SLACK_NS)?;
    Ok(())
}

/// Makes the process of a shim or of the holder ordinary, as far as it does not set things itself.
///
/// # Errors
/// The kernel refuses one of the calls.
pub fn normalize_shim() -> io::Result<()> {
    stop_timers();
    umask(OWN_MASK);
    Ok(set_timerslack(TIMER_SLACK_NS)?)
}

/// Makes sure that the command line learns how its children end. Everything else is its caller's to decide.
pub fn normalize_client() {
    // SAFETY: the default disposition is no handler.
    let _always_allowed = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
}

/// Leaves the directory in which the daemon was started: it may be gone, or is to be unmounted.
///
/// # Errors
/// chdir(2) fails.
pub fn leave_directory() -> io::Result<()> {
    std::env::set_current_dir("/")
}

/// How many sockets a service manager handed to this very process. What does not read as a number is none, and refused later.
fn handed_count() -> i32 {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
    let is_for_us = number("LISTEN_PID") == Some(std::process::id());
    let count = number("LISTEN_FDS").filter(|_| is_for_us).unwrap_or(0);
    i32::try_from(count).unwrap_or(i32::MAX - FIRST_HANDED)
}

/// Default dispositions. The runtime's own handlers for a stack that overflows stay, where it has installed them.
fn set_default_but_faults() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let faults = [Signal::SIGSEGV, Signal::SIGBUS].map(|number| {
        // SAFETY: the default disposition is no handler.
        (number, unsafe { sigaction(number, &default) })
    });
    set_default_dispositions();
    for (number, before) in faults {
        if let Ok(before) = before
            && !matches!(before.handler(), SigHandler::SigIgn)
        {
            // SAFETY: it was in place a moment ago.
            let _restored = unsafe { sigaction(number, &before) };
        }
    }
}

/// An alarm that was set before execve(2) would end the process when its time comes.
fn stop_timers() {
    // SAFETY: all zero is a timer that is off.
    let off: libc::itimerval = unsafe { std::mem::zeroed() };
    for timer in [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF] {
        // SAFETY: the pointer is to a live value, and the old one is not asked for.
        unsafe { libc::setitimer(timer, &raw const off, std::ptr::null_mut()) };
    }
}
