//! What the shim does to its own process before it touches anything else.

#![expect(unsafe_code, reason = "close_range(2) and sigaction(2) have no safe wrapper")]

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Closes every descriptor from `first` on, whatever the starting process has leaked into this one.
///
/// To be called before this process opens anything in that range: what is closed must not be owned by a value
/// that lives on.
///
/// # Errors
/// close_range(2) failed.
pub fn close_inherited_from(first: RawFd) -> io::Result<()> {
    let first = libc::c_uint::try_from(first).map_err(io::Error::other)?;
    // SAFETY: the call touches no memory, and nothing in this process owns these descriptors yet.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0_u32) };
    Errno::result(closed)?;
    Ok(())
}

/// Makes this process the head of its own session and the parent of every orphan among its descendants, out
/// of the way of unmounting, and visible as `name` (it was started by way of a descriptor, so the kernel
/// knows no better name than a number).
///
/// # Errors
/// prctl(2) or chdir(2) failed.
pub fn lead_own_tree(name: &CStr) -> io::Result<()> {
    match nix::unistd::setsid() {
        // EPERM: it leads its process group already, as when it was started from a terminal.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(failed) => return Err(failed.into()),
    }
    nix::sys::prctl::set_child_subreaper(true)?;
    nix::sys::prctl::set_name(name)?;
    nix::unistd::chdir(c"/")?;
    Ok(())
}

/// Makes this process the head of its own session, away from the terminal of its caller.
///
/// # Errors
/// setsid(2) failed.
pub fn lead_own_session() -> io::Result<()> {
    match nix::unistd::setsid() {
        // EPERM: it leads its process group already.
        Ok(_) | Err(Errno::EPERM) => Ok(()),
        Err(failed) => Err(failed.into()),
    }
}

/// Ignores these signals from now on, and makes sure that SIGCHLD is not ignored: a starter may have handed
/// that down, and then the kernel reaps children by itself and wait(2) has nothing to tell.
///
/// # Errors
/// sigaction(2) refuses one of them.
pub fn ignore_signals(signals: &[Signal]) -> io::Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in signals {
        // SAFETY: ignoring installs no handler, so nothing can run at an unsafe moment.
        unsafe { sigaction(*signal, &ignore) }?;
    }
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition is no handler either.
    unsafe { sigaction(Signal::SIGCHLD, &default) }?;
    Ok(())
}

/// Blocks these signals and returns a descriptor that reads them: close-on-exec, never waiting.
///
/// Meant for a process of one thread; another thread that has them unblocked would take them (signalfd(2)).
///
/// # Errors
/// sigprocmask(2) or signalfd(2) failed.
pub fn signals_as_descriptor(signals: &[Signal]) -> io::Result<SignalFd> {
    let mut set = SigSet::empty();
    for signal in signals {
        set.add(*signal);
    }
    set.thread_block()?;
    Ok(SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// What this process makes from here on is its user's alone, unless a mode says otherwise. Its file mode mask is inherited by
/// what it starts; a worker gets one of its own.
pub fn make_files_private() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
}
