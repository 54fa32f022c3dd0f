//! The signs of a run: one look at each of its files, its lock and its shim. Nothing is concluded here.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::os::failure::{errno_of, in_words};
use crate::os::processes::identity::{Liveness, ProcessIdentity};
use crate::os::run_files::directory::{
    ExitRecord, RunDir, RunIdentity, RunSpec, read_exit, read_identity, read_spec,
};
use crate::os::run_files::lock::{LockSign, RunLock};
use crate::os::run_files::shim_search::shim_of;

/// What is known of a run beside its files: from its row, or from the actor that has watched it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footing {
    /// Its shim.
    pub shim: Option<ProcessIdentity>,
    /// Its worker.
    pub worker: Option<ProcessIdentity>,
    /// Directory of the control group of its worker tree.
    pub leaf: Option<PathBuf>,
    /// Whether its worker is of another user than the daemon.
    pub is_others: bool,
    /// Its log. One that is there says that a shim had begun.
    pub log: Option<PathBuf>,
}

/// What one look at something has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    There(T),
    /// It is not there.
    Missing,
    /// It cannot be looked at.
    Unreadable {
        /// One line: why.
        why: String,
        /// This process lacked something for the look (descriptors, memory); that says nothing about what was looked at.
        is_passing: bool,
    },
}

/// What stands where the run directory should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directory {
    /// The directory of the run, as far as can be seen.
    Own,
    /// Nothing.
    Missing,
    /// Something else: a link, a file, a directory of another user, or the files of another run.
    Other(String),
    /// It cannot be looked at.
    Unreadable(String),
}

/// What a search of the process table has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// There was none.
    NotDone,
    /// Not a shim of this run.
    Nobody,
    /// This one.
    Shim(ProcessIdentity),
    /// The process table cannot be read.
    Failed(String),
}

/// Everything that was seen of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signs {
    /// Its directory.
    pub directory: Directory,
    /// Its lock.
    pub lock: LockSign,
    /// Its exit record.
    pub exit: Seen<ExitRecord>,
    /// Who runs it, as its shim wrote it down.
    pub identity: Seen<RunIdentity>,
    /// What it was to start.
    pub spec: Seen<RunSpec>,
    /// Its shim by row, actor or file, and whether that lives.
    pub shim: Option<(ProcessIdentity, Liveness)>,
    /// Its worker by row, actor or file.
    pub worker: Option<ProcessIdentity>,
    /// What the process table says, when it was asked.
    pub search: Search,
    /// Whether its log is there.
    pub has_log: bool,
}

impl Signs {
    /// Looks at a run. `run_id` is its number, by which the files of another run are distinguished from its own.
    pub fn look(dir: &RunDir, run_id: Option<i64>, footing: &Footing) -> Self {
        let mut signs = Self {
            directory: look_at_directory(dir.path()),
            lock: RunLock::look(dir),
            exit: Seen::Missing,
            identity: Seen::Missing,
            spec: Seen::Missing,
            shim: None,
            worker: footing.worker.clone(),
            search: Search::NotDone,
            // One that cannot be looked at may be there.
            has_log: footing.log.as_ref().is_some_and(|log| log.try_exists().unwrap_or(true)),
        };
        if signs.directory == Directory::Own {
            // The record comes before the identity, which is written before it.
            signs.exit = seen(read_exit(dir));
            signs.identity = seen(read_identity(dir));
            signs.spec = seen(read_spec(dir));
            if let Some(why) = signs.is_of_another_run(run_id, footing) {
                signs.forget_files(Directory::Other(why));
            }
        } else {
            signs.lock = match &signs.directory {
                Directory::Missing => LockSign::Missing,
                Directory::Other(why) | Directory::Unreadable(why) => {
                    LockSign::Unreadable(why.clone())
                }
                Directory::Own => signs.lock,
            };
        }
        let by_file = match &signs.identity {
            Seen::There(identity) => Some(identity.clone()),
            Seen::Missing | Seen::Unreadable { .. } => None,
        };
        let shim = footing.shim.clone().or_else(|| by_file.as_ref().map(|file| file.shim.clone()));
        signs.shim = shim.map(|shim| {
            let life = shim.check();
            (shim, life)
        });
        signs.worker = signs.worker.or_else(|| by_file.and_then(|file| file.worker));
        signs
    }

    /// Asks the process table for the shim.
    pub fn search(&mut self, dir: &RunDir) {
        self.search = match shim_of(dir.path()) {
            Ok(Some(shim)) => Search::Shim(shim),
            Ok(None) => Search::Nobody,
            Err(error) => Search::Failed(in_words(&error)),
        };
    }

    /// Why the files are those of another run; none when they are not.
    fn is_of_another_run(&self, run_id: Option<i64>, footing: &Footing) -> Option<String> {
        if let (Seen::There(spec), Some(run_id)) = (&self.spec, run_id)
            && spec.run_id != run_id
        {
            return Some(format!("it has the files of run {}", spec.run_id));
        }
        let nonce = match (&self.identity, &self.spec) {
            (Seen::There(identity), _) => Some(&identity.nonce),
            (_, Seen::There(spec)) => Some(&spec.nonce),
            (Seen::Missing | Seen::Unreadable { .. }, Seen::Missing | Seen::Unreadable { .. }) => {
                None
            }
        };
        if let (Seen::There(record), Some(nonce)) = (&self.exit, nonce)
            && record.nonce != *nonce
        {
            return Some("it has the exit record of another start".to_owned());
        }
        if let (Seen::There(identity), Some(shim)) = (&self.identity, &footing.shim)
            && (identity.shim.pid, identity.shim.start_ticks) != (shim.pid, shim.start_ticks)
        {
            return Some("it names another shim than the one started".to_owned());
        }
        None
    }

    fn forget_files(&mut self, directory: Directory) {
        self.directory = directory;
        self.lock = LockSign::Unreadable("a file is not the run's".to_owned());
        self.exit = Seen::Missing;
        self.identity = Seen::Missing;
        self.spec = Seen::Missing;
    }
}

fn look_at_directory(path: &Path) -> Directory {
    match std::fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Directory::Other("a link is in its place".to_owned()),
        Ok(there) if !there.is_dir() => Directory::Other("a file is in its place".to_owned()),
        // To root every directory is readable, and the home may be another user's (`kanban restore`).
        Ok(there) if there.uid() != geteuid().as_raw() && !geteuid().is_root() => {
            Directory::Other("it belongs to another user".to_owned())
        }
        Ok(_own) => Directory::Own,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Directory::Missing,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Directory::Other("the directory of the runs was replaced by a file".to_owned())
        }
        Err(error) => Directory::Unreadable(in_words(&error)),
    }
}

fn seen<T>(read: io::Result<Option<T>>) -> Seen<T> {
    match read {
        Ok(Some(there)) => Seen::There(there),
        Ok(None) => Seen::Missing,
        Err(error) => {
            Seen::Unreadable { why: error.to_string(), is_passing: is_passing(errno_of(&error)) }
        }
    }
}

/// Whether an error number is about the one who looks and not about what was looked at.
fn is_passing(errno: Option<i32>) -> bool {
    let errno = errno.map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EINTR | Errno::EAGAIN)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::run_files::directory::{RUN_FILE_VERSION, write_identity};

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        dir.create().unwrap();
        (temp, dir)
    }

    fn process(pid: i32) -> ProcessIdentity {
        ProcessIdentity { boot_id: "b".to_owned(), pid, start_ticks: 9 }
    }

    fn identity(pid: i32) -> RunIdentity {
        RunIdentity {
            version: RUN_FILE_VERSION,
            nonce: "n".to_owned(),
            shim: process(pid),
            worker: Some(process(pid + 1)),
            deadline_ms: None,
        }
    }

    #[test]
    fn whatever_stands_in_the_place_of_a_run_directory_is_told_from_it() {
        let (temp, dir) = run_dir();
        assert_eq!(look_at_directory(dir.path()), Directory::Own);
        assert_eq!(look_at_directory(&temp.path().join("8")), Directory::Missing);
        std::fs::write(temp.path().join("9"), "").unwrap();
        std::os::unix::fs::symlink(dir.path(), temp.path().join("10")).unwrap();
        for other in ["9", "10", "9/7"] {
            let seen = look_at_directory(&temp.path().join(other));
            assert!(matches!(seen, Directory::Other(_)), "{other}: {seen:?}");
        }
    }

    #[test]
    fn files_that_name_another_shim_than_the_row_are_not_the_runs() {
        let (_temp, dir) = run_dir();
        write_identity(&dir, &identity(5)).unwrap();
        let by_file = Signs::look(&dir, Some(7), &Footing::default());
        assert_eq!(by_file.shim, Some((process(5), Liveness::Gone)), "another boot");
        assert_eq!(by_file.worker, Some(process(6)));
        let footing = Footing { shim: Some(process(50)), ..Footing::default() };
        let signs = Signs::look(&dir, Some(7), &footing);
        assert!(matches!(signs.directory, Directory::Other(_)), "{signs:?}");
        assert_eq!(signs.shim, Some((process(50), Liveness::Gone)));
        assert_eq!((signs.worker, signs.identity), (None, Seen::Missing));
    }

    #[test]
    fn a_damaged_file_is_not_a_missing_one() {
        let (_temp, dir) = run_dir();
        std::fs::write(dir.exit(), "{").unwrap();
        std::fs::write(dir.identity(), "{}").unwrap();
        let signs = Signs::look(&dir, Some(7), &Footing::default());
        assert!(matches!(signs.exit, Seen::Unreadable { is_passing: false, .. }), "{signs:?}");
        assert!(matches!(signs.identity, Seen::Unreadable { is_passing: false, .. }));
        assert_eq!((signs.spec, signs.lock), (Seen::Missing, LockSign::Missing));
    }
}
