//! What a worker does not inherit of its daemon's standing with the kernel. System calls only: for the instants between fork and exec.

#![expect(unsafe_code, reason = "the calls about priorities have no safe wrapper")]

use std::os::fd::AsFd as _;

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;

/// A daemon is often protected from the OOM killer; its workers are not to inherit that. Going back to 0 from
/// a protected score is always allowed (proc_pid_oom_score_adj(5)); where it is not, the score was no
/// protection.
pub(in crate::os) fn set_oom_score_adj() {
    let opened =
        open(c"/proc/self/oom_score_adj", OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty());
    if let Ok(file) = opened {
        let _refused = nix::unistd::write(file.as_fd(), b"0");
    }
}

/// Takes away a priority above the ordinary one: the daemon may have it, its workers are not to crowd out everybody else. One below
/// it is inherited. Giving up a priority is always allowed.
pub(in crate::os) fn drop_priority() {
    // SAFETY: the calls take numbers, and a structure that lives as long as they take.
    unsafe {
        // The raw call answers 20 less the nice value, so that no answer is negative.
        if libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, 0) > 20 {
            libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, 0, 0);
        }
        let policy = libc::syscall(libc::SYS_sched_getscheduler, 0);
        let is_real_time = [libc::SCHED_FIFO, libc::SCHED_RR, libc::SCHED_DEADLINE]
            .iter()
            .any(|one| policy & !i64::from(libc::SCHED_RESET_ON_FORK) == i64::from(*one));
        if is_real_time {
            let ordinary: libc::sched_param = std::mem::zeroed();
            libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_OTHER, &raw const ordinary);
        }
        if libc::syscall(libc::SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) >> IOPRIO_CLASS_SHIFT
            == IOPRIO_CLASS_RT
        {
            libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
        }
    }
}

/// See ioprio_get(2); the C library has no names for these.
const IOPRIO_WHO_PROCESS: libc::c_int = 1;
const IOPRIO_CLASS_SHIFT: i64 = 13;
const IOPRIO_CLASS_RT: i64 = 1;
