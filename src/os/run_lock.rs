//! The run lock: whoever holds it is the only process that may start the run's worker.
//!
//! The shim takes it before anything else and keeps it until its process is gone. A starting daemon that gets
//! it knows that no shim lives. The lock belongs to the open file description (flock(2)), so the kernel gives
//! it back when the holder dies by whatever cause; the descriptor is close-on-exec, so a worker never keeps
//! it alive. The file is never removed: a second file of the same name would be a second lock.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::os::run_files::RunDir;

/// The run lock, held until this value is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct RunLock {
    _held: Flock<File>,
}

impl RunLock {
    /// Takes the lock if nobody holds it; none when somebody does.
    ///
    /// # Errors
    /// The file cannot be opened: `NotFound` means that there is no run directory, hence no shim either.
    pub fn try_acquire(dir: &RunDir) -> io::Result<Option<Self>> {
        Ok(try_lock(&dir.lock())?.map(|held| Self { _held: held }))
    }
}

/// Opens, creating it with mode 0600 if it is missing, and locks; none when another description holds it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<Flock<File>>> {
    // The standard library opens everything close-on-exec.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(held)),
        Err((_file, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_file, failed)) => Err(failed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::test_child::Sleeper;

    #[test]
    fn only_one_holds_the_lock_and_a_child_does_not_inherit_it() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        assert_eq!(RunLock::try_acquire(&dir).unwrap_err().kind(), io::ErrorKind::NotFound);
        dir.create().unwrap();
        let held = RunLock::try_acquire(&dir).unwrap().expect("nobody holds it");
        assert!(RunLock::try_acquire(&dir).unwrap().is_none());
        let child = Sleeper::start();
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", child.identity.pid)).unwrap();
        let inherited =
            descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        assert_eq!(inherited.filter(|path| *path == dir.lock()).count(), 0);
        drop(held);
        assert!(RunLock::try_acquire(&dir).unwrap().is_some());
        assert!(dir.lock().exists());
    }
}
