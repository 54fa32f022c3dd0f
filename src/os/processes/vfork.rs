//! A child that borrows this process's memory until it executes a program, and is born in a control group: clone3(2) with
//! CLONE_VFORK, CLONE_VM and CLONE_INTO_CGROUP.
//!
//! It is what posix_spawn(3) does inside, which cannot name a group with the C libraries of today. Compared with a fork,
//! nothing of the memory map is copied, and no thread of the daemon meets pages afterwards that it has to copy before it may
//! write to them. Only on x86-64; elsewhere the caller forks.

#![expect(
    unsafe_code,
    reason = "clone3(2) with a stack of the child's own, which takes a few instructions by hand"
)]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::os::processes::fork_exec::CLONE_INTO_CGROUP;

/// Stack of the child in units of sixteen bytes, which is how it has to be aligned. It makes a few system calls on it.
const STACK_UNITS: usize = 64 * 1024 / size_of::<u128>();

/// Starts a child in `group` that does `child` and ends with its result as exit code, unless that executes a program. This
/// thread waits until either has happened.
///
/// # Safety
/// Every signal is blocked in this thread. `child` makes only calls that are allowed after vfork(2) in a process of many
/// threads: no allocation, no lock, no panic; what it writes to is this process's own memory.
///
/// # Errors
/// What the kernel said; then there is no child.
pub(in crate::os) unsafe fn vfork_into<C: Fn() -> i32>(
    group: BorrowedFd<'_>,
    child: &C,
) -> nix::Result<Pid> {
    let mut stack = Box::<[u128]>::new_uninit_slice(STACK_UNITS);
    // SAFETY: all zero means "nothing of this kind" to the call.
    let mut request: libc::clone_args = unsafe { std::mem::zeroed() };
    request.flags = CLONE_INTO_CGROUP
        | libc::CLONE_VM.unsigned_abs() as u64
        | libc::CLONE_VFORK.unsigned_abs() as u64;
    request.exit_signal = u64::from((Signal::SIGCHLD as i32).unsigned_abs());
    request.cgroup = u64::from(group.as_raw_fd().unsigned_abs());
    request.stack = stack.as_mut_ptr().addr() as u64;
    request.stack_size = size_of_val::<[MaybeUninit<u128>]>(&stack) as u64;
    let result: i64;
    // SAFETY: the request lives until the call returns here, which is after the child has left this memory. The child starts
    // behind the call with the end of its own stack in `rsp`, so that nothing of this thread's stack is written to; it never
    // comes back from `enter`. Registers that the call changes are named.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {data}",
            "call {enter}",
            "ud2",
            "2:",
            inout("rax") libc::SYS_clone3 => result,
            in("rdi") &raw const request,
            in("rsi") size_of::<libc::clone_args>(),
            data = in(reg) std::ptr::from_ref(child),
            enter = in(reg) enter::<C> as extern "C" fn(*const C) -> !,
            out("rcx") _,
            out("r11") _,
        );
    }
    drop(stack);
    if result < 0 {
        return Err(Errno::from_raw(i32::try_from(-result).unwrap_or_default()));
    }
    i32::try_from(result).map(Pid::from_raw).map_err(|_| Errno::EOVERFLOW)
}

/// The child's first and last function.
extern "C" fn enter<C: Fn() -> i32>(child: *const C) -> ! {
    // SAFETY: the caller of `vfork_into` holds it and waits.
    let code = unsafe { (*child)() };
    // SAFETY: ends the child without running anything that belongs to the parent.
    unsafe { libc::_exit(code) }
}
