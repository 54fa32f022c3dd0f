//! What statx(2) reports beyond stat(2): whether a name is a mount point, and whether it is immutable.

#![expect(unsafe_code, reason = "neither the standard library nor nix has statx(2)")]

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use nix::errno::Errno;
use nix::libc;

/// One entry of a directory. Symbolic links are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Type and permissions, as in stat(2).
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// It is a mount point. Always false before Linux 5.8.
    pub is_mount_point: bool,
    /// It is immutable or append-only (chattr(1)), where the file system says so.
    pub is_immutable: bool,
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }
}

/// Looks at `name` in an open directory; at the directory itself when `name` is empty.
///
/// # Errors
/// As the system call.
pub fn look(directory: BorrowedFd<'_>, name: &OsStr) -> io::Result<Entry> {
    let name = CString::new(name.as_bytes())?;
    let flags = libc::AT_SYMLINK_NOFOLLOW | libc::AT_NO_AUTOMOUNT | libc::AT_EMPTY_PATH;
    let mask = libc::STATX_MODE | libc::STATX_TYPE | libc::STATX_UID;
    let mut message = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: the name ends with a zero and outlives the call, and the kernel fills in the whole structure or fails.
    let message = unsafe {
        let done =
            libc::statx(directory.as_raw_fd(), name.as_ptr(), flags, mask, message.as_mut_ptr());
        Errno::result(done)?;
        message.assume_init()
    };
    let has = |attribute: libc::c_int| {
        u64::try_from(attribute).is_ok_and(|bit| message.stx_attributes & bit != 0)
    };
    Ok(Entry {
        mode: u32::from(message.stx_mode),
        uid: message.stx_uid,
        is_mount_point: has(libc::STATX_ATTR_MOUNT_ROOT),
        is_immutable: has(libc::STATX_ATTR_IMMUTABLE) || has(libc::STATX_ATTR_APPEND),
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn an_entry_is_described_without_following_links() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("/", temp.path().join("link")).unwrap();
        let folder = std::fs::File::open(temp.path()).unwrap();
        let at = |name: &str| look(folder.as_fd(), OsStr::new(name));
        assert!(at("").unwrap().is_directory());
        let file = at("file").unwrap();
        let is_file = |entry: &Entry| entry.mode & libc::S_IFMT == libc::S_IFREG;
        assert!(is_file(&file) && !file.is_mount_point && !file.is_immutable);
        assert_eq!(file.uid, nix::unistd::geteuid().as_raw());
        let link = at("link").unwrap();
        assert!(!link.is_directory() && !is_file(&link) && !link.is_mount_point);
        assert_eq!(at("none").unwrap_err().kind(), io::ErrorKind::NotFound);
        let root = std::fs::File::open("/").unwrap();
        assert!(look(root.as_fd(), OsStr::new("proc")).unwrap().is_mount_point);
    }
}
