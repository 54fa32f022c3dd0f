//! Temporary directories of mirrors. One that a killed process has left is removed when the next one is made: its lock tells, which the
//! kernel lets go with the process.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::geteuid;

use crate::os::host::clock::epoch_seconds;

/// How their names begin.
const PREFIX: &str = "kanban-git-";

/// Age from which one without a lock counts as left: it is made first and locked then, and earlier releases locked none.
const LEFT_AGE_SECONDS: i64 = 3_600;

/// A directory of this process. Dropping it removes it.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    _lock: Flock<File>,
}

impl Temporary {
    /// Makes one, and removes what others have left there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make_in(parent: &Path) -> io::Result<Self> {
        remove_left(parent);
        let path = nix::unistd::mkdtemp(&parent.join(format!("{PREFIX}XXXXXX")))?;
        // Empty as it is, nobody else removes it before it is locked.
        let locked = open(&path)
            .and_then(|directory| lock(directory, FlockArg::LockExclusive))
            .inspect_err(|_error| drop(std::fs::remove_dir(&path)))?;
        Ok(Self { path, _lock: locked })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Links in it are removed, not followed.
        drop(std::fs::remove_dir_all(&self.path));
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

fn lock(directory: File, how: FlockArg) -> io::Result<Flock<File>> {
    Flock::lock(directory, how).map_err(|(_, errno)| errno.into())
}

/// Removes directories of this user whose process is gone. What cannot be looked at stays.
fn remove_left(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else { return };
    let is_one = |entry: &std::fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
    };
    for entry in entries.flatten().filter(is_one) {
        drop(remove_if_left(&entry.path()));
    }
}

fn remove_if_left(path: &Path) -> io::Result<()> {
    let directory = open(path)?;
    let found = directory.metadata()?;
    if found.uid() != geteuid().as_raw() {
        return Ok(());
    }
    let _lock = lock(directory, FlockArg::LockExclusiveNonblock)?;
    // Its process may be about to lock it, or be one that locks nothing.
    if epoch_seconds() - found.mtime() > LEFT_AGE_SECONDS {
        return std::fs::remove_dir_all(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_dead_process_has_left_is_removed_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let filled = |name: &str| {
            let path = make(name);
            std::fs::write(path.join("config"), "x").unwrap();
            path
        };
        let in_use = Temporary::make_in(parent.path()).unwrap();
        std::fs::write(in_use.path().join("config"), "x").unwrap();
        let (left, other) = (filled("kanban-git-left00"), filled("something-else"));
        let (young, old) = (make("kanban-git-young0"), make("kanban-git-old000"));
        let outside = filled("outside");
        std::os::unix::fs::symlink(&outside, left.join("objects")).unwrap();
        std::os::unix::fs::symlink(&outside, parent.path().join("kanban-git-link00")).unwrap();
        let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        let unlocked = filled("kanban-git-before");
        for path in [&old, &left, &in_use.path().to_owned()] {
            File::open(path).unwrap().set_times(long_ago).unwrap();
        }
        let next = Temporary::make_in(parent.path()).unwrap();
        for (path, is_there) in [
            (in_use.path(), true),
            (next.path(), true),
            (left.as_path(), false),
            (other.as_path(), true),
            (young.as_path(), true),
            (unlocked.as_path(), true),
            (old.as_path(), false),
        ] {
            assert_eq!(path.exists(), is_there, "{}", path.display());
        }
        assert!(outside.join("config").exists(), "a link is not followed");
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
