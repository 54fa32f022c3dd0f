//! Rights of root in single pieces (capabilities(7)): what a shim keeps when it stops being root, and giving up the rest.
//!
//! Made for the instants between fork and exec: system calls only, nothing is allocated.

#![expect(unsafe_code, reason = "capset(2) and some calls of prctl(2) have no safe wrapper")]

use nix::errno::Errno;
use nix::libc;

/// A capability by its number in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capability(u8);

/// What a shim has that belongs to one user and starts a worker of another.
///
/// CHOWN: a workspace that the daemon has made becomes the worker's. KILL: the worker's processes are signalled. SETGID and
/// SETUID: the worker becomes its user. SETPCAP: the worker's bounding set is emptied.
pub const OF_A_SHIM: [Capability; 5] = [
    Capability(0), // CAP_CHOWN
    Capability(5), // CAP_KILL
    Capability(6), // CAP_SETGID
    Capability(7), // CAP_SETUID
    Capability(8), // CAP_SETPCAP
];

/// No kernel has more: a set is 64 bits.
const COUNT_MAX: u8 = 64;

/// The third version of the call's structures: two words of 32 capabilities each.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Words {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Takes everything out of the bounding set but `kept`: no program that is executed from here on can have more.
///
/// # Errors
/// EPERM without CAP_SETPCAP.
pub fn limit_bounding_set(kept: &[Capability]) -> nix::Result<()> {
    for number in (0..COUNT_MAX).filter(|number| !kept.contains(&Capability(*number))) {
        // SAFETY: the call takes numbers only.
        let dropped = unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0_u64, 0_u64, 0_u64)
        };
        match Errno::result(dropped) {
            Ok(_) => {}
            // The kernel has no capability of this number, hence none of a higher one.
            Err(Errno::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Has exactly `kept` from now on, also in the program that is executed next.
///
/// # Errors
/// EPERM when one of them is not there to be kept.
pub fn keep_only(kept: &[Capability]) -> nix::Result<()> {
    let bits = kept.iter().fold(0_u64, |bits, capability| bits | 1 << capability.0);
    set(bits)?;
    for capability in kept {
        ambient(libc::PR_CAP_AMBIENT_RAISE, libc::c_ulong::from(capability.0))?;
    }
    Ok(())
}

/// Passes none on to a program of the same user.
///
/// # Errors
/// EINVAL before Linux 4.3, which knows no capabilities of this kind.
pub fn clear_ambient() -> nix::Result<()> {
    ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0)
}

/// Has none from now on.
///
/// # Errors
/// None that is documented for these arguments.
pub fn give_up_all() -> nix::Result<()> {
    clear_ambient()?;
    set(0)
}

fn set(bits: u64) -> nix::Result<()> {
    let header = Header { version: VERSION, pid: 0 };
    let word = |shift: u32| {
        // The mask leaves what fits.
        let bits = u32::try_from(bits >> shift & u64::from(u32::MAX)).unwrap_or_default();
        Words { effective: bits, permitted: bits, inheritable: bits }
    };
    let words = [word(0), word(32)];
    // SAFETY: both pointers are to live values of the layout that this version of the call has.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw const header, words.as_ptr()) };
    Errno::result(done).map(drop)
}

fn ambient(what: libc::c_int, number: libc::c_ulong) -> nix::Result<()> {
    let what = libc::c_ulong::from(what.unsigned_abs());
    // SAFETY: the call takes numbers only.
    let done = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, what, number, 0_u64, 0_u64) };
    Errno::result(done).map(drop)
}
