//! The run lock: its holder is the only process that may start the run's worker.
//!
//! The shim takes it before anything else and keeps it until its process is gone. A starting daemon that gets
//! it knows that no shim lives. The lock belongs to the open file description (flock(2)), so the kernel gives
//! it back when the holder dies by whatever cause; the descriptor is close-on-exec, so a worker never keeps
//! it alive. The file is never removed by us: a second file of the same name would be a second lock. Other processes may remove it
//! all the same. So a lock counts only while its file is the one at its path, and a lock that is free proves nothing alone: a process that
//! looks asks for the shim itself as well, see [`crate::os::run_files::inspection`].

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::os::failure::in_words;
use crate::os::run_files::directory::RunDir;

/// The run lock, held until this value is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct RunLock {
    _held: Flock<File>,
}

impl RunLock {
    /// Takes the lock if nobody holds it, with a file for it if there is none; none when one does. For those who start
    /// something, or make sure that nobody will.
    ///
    /// # Errors
    /// The file cannot be opened, or was removed or replaced meanwhile (`ESTALE`). `NotFound`: there is no run directory.
    pub fn try_acquire(dir: &RunDir) -> io::Result<Option<Self>> {
        let Some(held) = try_lock(&dir.lock())? else { return Ok(None) };
        match is_at(&held, &dir.lock())? {
            true => Ok(Some(Self { _held: held })),
            false => Err(Errno::ESTALE.into()),
        }
    }

    /// Looks how the lock stands and makes nothing.
    pub fn look(dir: &RunDir) -> LockSign {
        let file = match options().open(dir.lock()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return LockSign::Missing,
            Err(error) => return LockSign::Unreadable(in_words(&error)),
        };
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(_given_back) => LockSign::Free,
            Err((_file, Errno::EWOULDBLOCK)) => LockSign::Held,
            Err((_file, failed)) => LockSign::Unreadable(in_words(&failed.into())),
        }
    }
}

/// How a run lock stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockSign {
    /// A process holds it.
    Held,
    /// Nobody holds the file that is there now. An earlier file of its name may be held.
    Free,
    /// There is no file.
    Missing,
    /// It cannot be tried.
    Unreadable(String),
}

/// Whether the locked file is the one at `path`.
fn is_at(held: &File, path: &Path) -> io::Result<bool> {
    let own = held.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The standard library opens everything close-on-exec.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlag::O_NOFOLLOW.bits());
    options
}

/// Opens, creating it with mode 0600 if it is missing, and locks; none when another description holds it.
pub(in crate::os) fn try_lock(path: &Path) -> io::Result<Option<Flock<File>>> {
    let file = options().create(true).truncate(false).mode(0o600).open(path)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(held)),
        Err((_file, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_file, failed)) => Err(failed.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::processes::test_child::Sleeper;

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

    #[test]
    fn a_look_takes_nothing_and_makes_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        assert_eq!(RunLock::look(&dir), LockSign::Missing);
        dir.create().unwrap();
        assert_eq!(RunLock::look(&dir), LockSign::Missing);
        assert!(!dir.lock().exists());
        let held = RunLock::try_acquire(&dir).unwrap().expect("nobody holds it");
        assert_eq!(RunLock::look(&dir), LockSign::Held);
        std::fs::remove_file(dir.lock()).unwrap();
        assert_eq!(RunLock::look(&dir), LockSign::Missing, "held by a file without a name");
        std::fs::write(dir.lock(), "").unwrap();
        assert_eq!(RunLock::look(&dir), LockSign::Free, "a second file is a second lock");
        drop(held);
        std::fs::remove_file(dir.lock()).unwrap();
        std::os::unix::fs::symlink("/dev/null", dir.lock()).unwrap();
        assert!(matches!(RunLock::look(&dir), LockSign::Unreadable(_)), "a link is not followed");
        std::fs::remove_file(dir.lock()).unwrap();
        std::fs::remove_dir(dir.path()).unwrap();
        std::fs::write(dir.path(), "").unwrap();
        assert!(matches!(RunLock::look(&dir), LockSign::Unreadable(_)), "a file is no directory");
    }
}
