//! The daemon's lifetime lock on its home: one daemon, one writer.
//!
//! Held from before anything in the home is touched until the process is gone, by flock(2) like the run lock, on two things:
//! the home directory itself, whose lock no removal of a name takes away, and the file `lock` in it, which is all that earlier
//! releases look at. A home that is renamed takes its lock along.
//!
//! The file holds the owner's PID for people, and may be a dead owner's. It decides one thing: a daemon that was killed while
//! it forked leaves the lock with the child until that executes its program, so a dead owner's lock is waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::poll::ppoll;
use nix::sys::time::TimeSpec;
use thiserror::Error;

use crate::os::processes::proc_stat;
use crate::os::run_files::lock::try_lock;

/// How long a dead owner's child may keep the lock. It is about to give it back; on a busy host that takes its time.
const DEAD_OWNER_PATIENCE: Duration = Duration::from_secs(5);

/// Pause between two tries, when the owner is dead.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// The lock, held until this value is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct HomeLock {
    _directory: Flock<File>,
    _file: Flock<File>,
}

/// Why a home could not be taken.
#[derive(Debug, Error)]
pub enum HomeLockError {
    /// Another daemon owns it.
    #[error("{} is locked by another daemon{}", path.display(), owner(*owner_pid))]
    Held {
        /// The home.
        home: PathBuf,
        /// What is locked: the home itself, or the lock file in it.
        path: PathBuf,
        /// PID that the owner wrote; none in the instant before it has.
        owner_pid: Option<i32>,
    },
    /// The home or the lock file cannot be opened, locked or written.
    #[error("cannot lock {}: {source}", path.display())]
    Unusable {
        /// Which of the two.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl HomeLock {
    /// Takes the home and `<home>/lock`, and writes this process's PID into the file. The home must exist. Waits, for a moment,
    /// only for a lock whose owner is dead.
    ///
    /// # Errors
    /// [`HomeLockError`].
    pub fn acquire(home: &Path) -> Result<Self, HomeLockError> {
        let path = home.join("lock");
        let started = Instant::now();
        loop {
            let held_by_another = match acquire_both(home, &path)? {
                Acquired::Both(lock) => return Ok(lock),
                Acquired::NotTheHome => home,
                Acquired::NotTheFile => &path,
            };
            let owner_pid = read_owner(&path);
            let is_dead = owner_pid.is_some_and(proc_stat::is_gone);
            if !is_dead || started.elapsed() >= DEAD_OWNER_PATIENCE {
                let (home, path) = (home.to_owned(), held_by_another.to_owned());
                return Err(HomeLockError::Held { home, path, owner_pid });
            }
            let _interrupted = ppoll(&mut [], Some(TimeSpec::from(TRY_AGAIN)), None);
        }
    }
}

/// Name of the courier's lock in a home.
pub const COURIER_LOCK: &str = "courier.lock";

/// The courier's lock of a home, held until this is dropped. A file of its own: the daemon of the home runs beside it.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct CourierLock {
    _held: Flock<File>,
}

impl CourierLock {
    /// Takes the lock at `path`; none when another courier has it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        Ok(try_lock(path)?.map(|held| Self { _held: held }))
    }

    /// Returns when no courier has the lock at `path`. Costs a blocked thread and no wake-up.
    ///
    /// # Errors
    /// The file cannot be opened, or the system cannot wait.
    pub fn wait_until_free(path: &Path) -> io::Result<()> {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        loop {
            file = match Flock::lock(file, FlockArg::LockShared) {
                Ok(_given_back) => return Ok(()),
                Err((file, Errno::EINTR)) => file,
                Err((_file, failed)) => return Err(failed.into()),
            };
        }
    }
}

enum Acquired {
    Both(HomeLock),
    /// Another process has the directory.
    NotTheHome,
    /// Another process, of an earlier release, has the file.
    NotTheFile,
}

fn acquire_both(home: &Path, path: &Path) -> Result<Acquired, HomeLockError> {
    let unusable = |path: &Path| {
        let path = path.to_owned();
        move |source| HomeLockError::Unusable { path, source }
    };
    let Some(directory) = lock_directory(home).map_err(unusable(home))? else {
        return Ok(Acquired::NotTheHome);
    };
    match acquire_at(path).map_err(unusable(path))? {
        Some(file) => Ok(Acquired::Both(HomeLock { _directory: directory, _file: file })),
        None => Ok(Acquired::NotTheFile),
    }
}

/// Locks a directory; none when another description holds its lock.
fn lock_directory(path: &Path) -> io::Result<Option<Flock<File>>> {
    let directory =
        OpenOptions::new().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(path)?;
    match Flock::lock(directory, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(held)),
        Err((_directory, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_directory, failed)) => Err(failed.into()),
    }
}

fn acquire_at(path: &Path) -> io::Result<Option<Flock<File>>> {
    let Some(mut held) = try_lock(path)? else { return Ok(None) };
    held.set_len(0)?;
    held.rewind()?;
    writeln!(held, "{}", std::process::id())?;
    Ok(Some(held))
}

fn read_owner(path: &Path) -> Option<i32> {
    let mut text = String::new();
    File::open(path).ok()?.take(64).read_to_string(&mut text).ok()?;
    // Without its line end the number may be half written.
    text.strip_suffix('\n')?.parse().ok()
}

fn owner(pid: Option<i32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told_who_owns_the_home() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("lock"), "99999999999\nolder and longer").unwrap();
        let held = HomeLock::acquire(home.path()).unwrap();
        let error = HomeLock::acquire(home.path()).unwrap_err();
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(
            matches!(&error, HomeLockError::Held { owner_pid: Some(pid), .. } if *pid == me),
            "{error:?}"
        );
        assert!(error.to_string().contains(&format!("(pid {me})")), "{error}");
        drop(held);
        drop(HomeLock::acquire(home.path()).unwrap());
        assert!(home.path().join("lock").exists());
    }

    #[test]
    fn without_its_name_the_lock_is_held_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (home, renamed) = (dir.path().join("home"), dir.path().join("renamed"));
        std::fs::create_dir(&home).unwrap();
        let held = HomeLock::acquire(&home).unwrap();
        std::fs::remove_file(home.join("lock")).unwrap();
        let refused = HomeLock::acquire(&home).unwrap_err();
        assert!(matches!(&refused, HomeLockError::Held { path, .. } if *path == home));
        std::fs::write(home.join("lock"), "").unwrap();
        assert!(matches!(HomeLock::acquire(&home), Err(HomeLockError::Held { .. })));
        std::fs::rename(&home, &renamed).unwrap();
        assert!(matches!(HomeLock::acquire(&renamed), Err(HomeLockError::Held { .. })));
        drop(held);
        drop(HomeLock::acquire(&renamed).unwrap());
    }

    #[test]
    fn a_daemon_of_an_earlier_release_and_this_one_keep_each_other_out() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let earlier = try_lock(&path).unwrap().expect("nobody holds it");
        let refused = HomeLock::acquire(home.path()).unwrap_err();
        assert!(matches!(&refused, HomeLockError::Held { path: found, .. } if *found == path));
        drop(earlier);
        let held = HomeLock::acquire(home.path()).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
    }

    #[test]
    fn a_lock_that_a_dead_owner_left_with_a_child_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let held = try_lock(&path).unwrap();
        // No PID is so high.
        std::fs::write(&path, format!("{}\n", i32::MAX)).unwrap();
        let (say, said) = std::sync::mpsc::channel();
        let at = home.path().to_owned();
        let waiting = std::thread::spawn(move || say.send(HomeLock::acquire(&at)).unwrap());
        let early = said.recv_timeout(Duration::from_millis(50));
        assert!(early.is_err(), "{early:?}");
        drop(held);
        drop(said.recv().unwrap().unwrap());
        waiting.join().unwrap();
    }

    #[test]
    fn an_owner_that_has_not_written_its_pid_yet_is_not_guessed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let held = try_lock(&path).unwrap();
        for text in ["", "12", "word\n"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_owner(&path), None, "{text:?}");
        }
        drop(held);
        let missing = HomeLock::acquire(&home.path().join("none")).unwrap_err();
        assert!(matches!(missing, HomeLockError::Unusable { .. }), "{missing:?}");
    }
}
