//! Room on the disk: how much is left, and a reserve that can be given up when nothing is.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};

/// Bytes that an ordinary user may still write on the file system of `path`; see statvfs(3). Asked before every dispatch
/// pass: it reads counters of the kernel and waits for no disk.
///
/// # Errors
/// What statvfs says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = nix::sys::statvfs::statvfs(path)?;
    Ok(found.blocks_available().saturating_mul(found.fragment_size()))
}

/// File systems that are shared by several hosts or served by a process, by the numbers of statfs(2). SQLite's write-ahead log
/// wants shared memory and locks that hold (<https://sqlite.org/wal.html>), which none of them promises.
const NOT_LOCAL: [(i128, &str); 11] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x5346_414F, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
];

/// The name of the file system of `path` when it is none of a local disk; of its parent's when it is not there yet.
///
/// # Errors
/// What statfs(2) says.
pub fn foreign_file_system(path: &Path) -> io::Result<Option<&'static str>> {
    let found = match (nix::sys::statfs::statfs(path), path.parent()) {
        (Err(Errno::ENOENT), Some(parent)) => nix::sys::statfs::statfs(parent),
        (found, _) => found,
    }?;
    // The field is signed or not and of 32 or 64 bits, by architecture.
    let number = i128::from(found.filesystem_type().0) & 0xFFFF_FFFF;
    Ok(NOT_LOCAL.iter().find(|(magic, _)| *magic == number).map(|(_, name)| *name))
}

/// A file whose only use is to be given up: what it took is there for what must be written when nothing else is left.
#[derive(Debug)]
pub struct DiskReserve {
    path: PathBuf,
    bytes: u64,
    is_held: bool,
}

impl DiskReserve {
    /// Takes the reserve of `bytes` at `path`, or makes do without when there is no room. 0 = none is wanted.
    pub fn take(path: PathBuf, bytes: u64) -> Self {
        let mut reserve = Self { path, bytes, is_held: false };
        if let Err(error) = reserve.hold() {
            let path = reserve.path.display();
            tracing::warn!(%path, bytes, %error, "cannot create the disk reserve");
        }
        reserve
    }

    /// Free bytes on its disk; none when that says nothing.
    pub fn free_bytes(&self) -> Option<u64> {
        free_bytes(self.path.parent()?).ok()
    }

    /// Whether it is wanted and was given up.
    pub fn is_spent(&self) -> bool {
        self.bytes > 0 && !self.is_held
    }

    /// Gives it up; false when there is nothing to give.
    pub fn release(&mut self) -> bool {
        if !self.is_held {
            return false;
        }
        self.is_held = false;
        match std::fs::remove_file(&self.path) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "cannot release the disk reserve");
                false
            }
        }
    }

    /// Takes it again once at least twice as much is free as it needs. Returns whether it is held.
    pub fn refill(&mut self) -> bool {
        if self.is_spent() {
            let free = self.path.parent().map_or(Ok(0), free_bytes).unwrap_or(0);
            self.is_held = free >= self.bytes.saturating_mul(2) && self.hold().is_ok();
        }
        !self.is_spent()
    }

    fn hold(&mut self) -> io::Result<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        let file = open(&self.path)?;
        let length = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        let allocated = file
            .set_len(0)
            .and_then(|()| Ok(fallocate(&file, FallocateFlags::empty(), 0, length)?));
        if let Err(error) = allocated {
            // Half a reserve would take room and could not be relied on.
            let _gone = std::fs::remove_file(&self.path);
            return Err(error);
        }
        self.is_held = true;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_takes_real_room_and_gives_it_back_once() {
        use std::os::unix::fs::MetadataExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let mut reserve = DiskReserve::take(path.clone(), 1 << 20);
        let blocks = std::fs::metadata(&path).unwrap().blocks();
        assert!(blocks * 512 >= 1 << 20, "{blocks} blocks are not the whole of it");
        assert!(!reserve.is_spent());
        assert!(reserve.release());
        assert!(!path.exists());
        assert!(reserve.is_spent());
        assert!(!reserve.release(), "it can be given up once");
        assert!(reserve.refill());
        assert!(path.exists());
    }

    #[test]
    fn no_reserve_is_never_spent() {
        let dir = tempfile::tempdir().unwrap();
        let mut reserve = DiskReserve::take(dir.path().join("reserve"), 0);
        assert!(!reserve.is_spent());
        assert!(!reserve.release());
        assert!(!dir.path().join("reserve").exists());
    }

    #[test]
    fn a_reserve_without_room_is_spent_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("reserve");
        let reserve = DiskReserve::take(path.clone(), 1 << 60);
        assert!(reserve.is_spent());
        assert!(!path.exists());
    }
}
