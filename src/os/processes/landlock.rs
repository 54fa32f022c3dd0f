//! A worker that may write only where its profile says: Landlock (landlock(7)).
//!
//! A domain cannot be left, not even by a program with more rights, and is inherited by everything that the worker starts. Only writing
//! is restricted here; reading and executing are what its user may do. In a domain nobody mounts anything, so sandboxes made of mounts
//! (bubblewrap, rootless containers, those that agents bring along) do not work.
//!
//! Made between fork and exec, after the change of user: paths are opened with the worker's rights. System calls only.

#![expect(unsafe_code, reason = "the calls of Landlock have no wrapper")]

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, fstat};

/// Rights about files: writing one, and (from version 3) cutting it off.
const WRITE_FILE: u64 = 1 << 1;
const TRUNCATE: u64 = 1 << 14;

/// Rights about directories: making and removing what is in them, and (from version 2) moving it to another one.
const REMOVE_AND_MAKE: u64 = 0b1_1111_1111 << 4;
const REFER: u64 = 1 << 13;

/// The flag that asks for the version, and the kind of rule.
const ASK_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

#[repr(C)]
struct Ruleset {
    handled_access_fs: u64,
}

/// Packed, as the kernel has it.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// Whether the kernel knows it and has it switched on.
pub fn is_supported() -> bool {
    version().is_ok()
}

fn version() -> nix::Result<u32> {
    // SAFETY: with this flag no memory is read.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<Ruleset>(),
            0_usize,
            ASK_VERSION,
        )
    };
    let version = Errno::result(version)?;
    u32::try_from(version).map_err(|_| Errno::EOVERFLOW)
}

/// The rights that a kernel of this version can take away: about directories with what is in them, and about single files.
fn rights(version: u32) -> (u64, u64) {
    let of_files = WRITE_FILE | if version >= 3 { TRUNCATE } else { 0 };
    (of_files | REMOVE_AND_MAKE | if version >= 2 { REFER } else { 0 }, of_files)
}

/// Lets this process write nowhere but in `paths` and below them from now on. One that is missing, or that its user cannot reach, is
/// left out. Needs no_new_privs.
///
/// # Errors
/// ENOSYS or EOPNOTSUPP where there is no Landlock, and what it says.
pub(in crate::os) fn write_only_below(paths: &[CString]) -> nix::Result<()> {
    let (of_directories, of_files) = rights(version()?);
    let ruleset = Ruleset { handled_access_fs: of_directories };
    // SAFETY: the pointer and the length are those of a live value.
    let made = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const ruleset,
            size_of::<Ruleset>(),
            0_u32,
        )
    };
    let number = RawFd::try_from(Errno::result(made)?).map_err(|_| Errno::EOVERFLOW)?;
    // SAFETY: the kernel has just returned this descriptor to us alone.
    let ruleset = unsafe { OwnedFd::from_raw_fd(number) };
    for path in paths {
        allow(&ruleset, path, (of_directories, of_files))?;
    }
    // SAFETY: the call takes numbers.
    let restricted =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    Errno::result(restricted).map(drop)
}

fn allow(
    ruleset: &OwnedFd,
    path: &CStr,
    (of_directories, of_files): (u64, u64),
) -> nix::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let Ok(parent) = open(path, flags, Mode::empty()) else { return Ok(()) };
    let is_directory = fstat(&parent)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
    let allowed_access = if is_directory { of_directories } else { of_files };
    let rule = PathBeneath { allowed_access, parent_fd: parent.as_raw_fd() };
    // SAFETY: the pointer is to a live value of the layout that this kind of rule has.
    let added = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const rule,
            0_u32,
        )
    };
    Errno::result(added).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rights_that_the_version_knows_are_taken_and_reading_never() {
        const ALL_OF_1: u64 = 0b1_1111_1111_0010;
        for (version, of_directories, of_files) in [
            (1, ALL_OF_1, WRITE_FILE),
            (2, ALL_OF_1 | REFER, WRITE_FILE),
            (3, ALL_OF_1 | REFER | TRUNCATE, WRITE_FILE | TRUNCATE),
            (7, ALL_OF_1 | REFER | TRUNCATE, WRITE_FILE | TRUNCATE),
        ] {
            assert_eq!(rights(version), (of_directories, of_files), "version {version}");
        }
        // EXECUTE, READ_FILE and READ_DIR.
        assert_eq!(rights(7).0 & (1 | 1 << 2 | 1 << 3), 0);
    }
}
