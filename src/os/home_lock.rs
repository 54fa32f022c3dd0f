//! The daemon's lifetime lock on its home: one daemon, one writer.
//!
//! Held from before anything in the home is touched until the process is gone, by flock(2) like the run lock.
//! The file holds the owner's PID for people, and may be a dead owner's. It decides one thing: a daemon that was killed while
//! it forked leaves the lock with the child until that executes its program, so a dead owner's lock is waited for.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::Flock;
use nix::poll::ppoll;
use nix::sys::time::TimeSpec;
use thiserror::Error;

use crate::os::proc_stat;
use crate::os::run_lock::try_lock;

/// How long a dead owner's child may keep the lock. It is about to give it back; on a busy host that takes its time.
const DEAD_OWNER_PATIENCE: Duration = Duration::from_secs(5);

/// Pause between two tries, when the owner is dead.
const TRY_AGAIN: Duration = Duration::from_millis(2);

/// The lock, held until this value is dropped or the process ends.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct HomeLock {
    _held: Flock<File>,
}

/// Why a home could not be taken.
#[derive(Debug, Error)]
pub enum HomeLockError {
    /// Another daemon owns it.
    #[error("{} is held by another daemon{}", path.display(), owner(*owner_pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// PID that the owner wrote; none in the instant before it has.
        owner_pid: Option<i32>,
    },
    /// The lock file cannot be opened, locked or written.
    #[error("{} cannot be locked", path.display())]
    Unusable {
        /// The lock file.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl HomeLock {
    /// Takes `<home>/lock` and writes this process's PID into it. The home must exist. Waits, for a moment, only for a lock
    /// whose owner is dead.
    ///
    /// # Errors
    /// [`HomeLockError`].
    pub fn acquire(home: &Path) -> Result<Self, HomeLockError> {
        let path = home.join("lock");
        let started = Instant::now();
        loop {
            match acquire_at(&path) {
                Ok(Some(held)) => return Ok(Self { _held: held }),
                Ok(None) => {
                    let owner_pid = read_owner(&path);
                    let is_dead = owner_pid.is_some_and(proc_stat::is_gone);
                    if !is_dead || started.elapsed() >= DEAD_OWNER_PATIENCE {
                        return Err(HomeLockError::Held { path, owner_pid });
                    }
                    let _interrupted = ppoll(&mut [], Some(TimeSpec::from(TRY_AGAIN)), None);
                }
                Err(source) => return Err(HomeLockError::Unusable { path, source }),
            }
        }
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
