//! Reading, writing and clearing the files of one run.
//!
//! Every file appears whole or not at all: it is written beside its place with mode 0600 and renamed. Nothing
//! is flushed to the disk unless a caller asks ([`sync_exit`]): after a power cut no process of the run is
//! left, and the boot id says so. A file that is missing reads as none; one that is damaged is an error that
//! names it, never mistaken for a missing one.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::os::failure::at;
use crate::os::run_files::directory::{ExitRecord, RunDeadline, RunDir, RunIdentity, RunSpec};

/// Mode of every file of a run: the token and the environment in the spec are secrets.
const FILE_MODE: u32 = 0o600;

/// Mode of the run directory.
const DIR_MODE: u32 = 0o700;

/// Mode of a directory that other users pass through.
const PASSABLE_MODE: u32 = 0o711;

impl RunDir {
    /// Creates the directory with mode 0700 if it is missing, and its parent if that was removed.
    ///
    /// # Errors
    /// mkdir(2) fails, or what is there is a symbolic link, no directory, or another user's.
    pub fn create(&self) -> io::Result<()> {
        let create = || DirBuilder::new().mode(DIR_MODE).create(self.path());
        let created = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create_parent()?;
                create()
            }
            created => created,
        };
        match created {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = std::fs::symlink_metadata(self.path())?;
                let is_ours = there.is_dir() && there.uid() == nix::unistd::geteuid().as_raw();
                if is_ours { Ok(()) } else { Err(not_ours(self.path())) }
            }
            created => created.map_err(|error| at(self.path(), error)),
        }
    }

    /// Creates the parent of the run directories again. Where users who are not the daemon's pass through the home, to the tokens of
    /// their workers, they pass through it as well.
    fn create_parent(&self) -> io::Result<()> {
        let Some(runs) = self.path().parent() else { return Ok(()) };
        let home = runs.parent().unwrap_or(runs);
        let is_passed = std::fs::metadata(home).is_ok_and(|home| home.mode() & 0o001 != 0);
        let mode = if is_passed { PASSABLE_MODE } else { DIR_MODE };
        match DirBuilder::new().mode(mode).create(runs) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(runs, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes the files of an earlier run. The lock stays: removing it would let two processes hold "the" lock.
    ///
    /// The caller holds the run lock. Links are removed themselves, never followed; files of other names
    /// are left alone.
    ///
    /// # Errors
    /// A file is there and cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        let known = [
            self.spec(),
            self.identity(),
            self.deadline(),
            self.setup(),
            self.prepared(),
            self.exit(),
            self.exit_collected(),
            self.token(),
        ];
        for path in known {
            remove_if_there(&beside(&path))?;
            remove_if_there(&path)?;
        }
        Ok(())
    }
}

/// Removes a run directory with the files of its run. No process may hold the run lock then, or want it.
///
/// # Errors
/// A file or the directory cannot be removed, or files of other names are there.
pub fn remove(dir: &RunDir) -> io::Result<()> {
    dir.clear()?;
    remove_if_there(&dir.lock())?;
    match std::fs::remove_dir(dir.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| at(dir.path(), error)),
    }
}

/// The spec; none when it is missing.
///
/// # Errors
/// It cannot be read, or is damaged (`InvalidData`).
pub fn read_spec(dir: &RunDir) -> io::Result<Option<RunSpec>> {
    read_json(&dir.spec())
}

/// Writes the spec.
///
/// # Errors
/// It cannot be written.
pub fn write_spec(dir: &RunDir, spec: &RunSpec) -> io::Result<()> {
    write_json(&dir.spec(), spec)
}

/// Who runs the run; none when no shim has got that far.
///
/// # Errors
/// It cannot be read, or is damaged (`InvalidData`).
pub fn read_identity(dir: &RunDir) -> io::Result<Option<RunIdentity>> {
    read_json(&dir.identity())
}

/// Writes who runs the run.
///
/// # Errors
/// It cannot be written.
pub fn write_identity(dir: &RunDir, identity: &RunIdentity) -> io::Result<()> {
    write_json(&dir.identity(), identity)
}

/// When the run has to end; none when that is as its spec says.
///
/// # Errors
/// It cannot be read, or is damaged (`InvalidData`).
pub fn read_deadline(dir: &RunDir) -> io::Result<Option<RunDeadline>> {
    read_json(&dir.deadline())
}

/// Writes when the run has to end.
///
/// # Errors
/// It cannot be written.
pub fn write_deadline(dir: &RunDir, deadline: &RunDeadline) -> io::Result<()> {
    write_json(&dir.deadline(), deadline)
}

/// How the run ended, whether collected or not; none when its tree is not proven empty.
///
/// # Errors
/// It cannot be read, or is damaged (`InvalidData`).
pub fn read_exit(dir: &RunDir) -> io::Result<Option<ExitRecord>> {
    // In this order: a rename between the two looks moves the file to where the second one finds it.
    match read_json(&dir.exit())? {
        Some(record) => Ok(Some(record)),
        None => read_json(&dir.exit_collected()),
    }
}

/// Writes how the run ended.
///
/// # Errors
/// It cannot be written.
pub fn write_exit(dir: &RunDir, record: &ExitRecord) -> io::Result<()> {
    write_json(&dir.exit(), record)
}

/// Tells the shim, and a later daemon, that what the exit record says is durable elsewhere.
///
/// To be called after the commit, never before. Safe to repeat; false when there was nothing to collect.
///
/// # Errors
/// The record cannot be renamed.
pub fn collect_exit(dir: &RunDir) -> io::Result<bool> {
    match std::fs::rename(dir.exit(), dir.exit_collected()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(&dir.exit(), error)),
    }
}

/// Whether the exit record that was written here has been collected since, or cleared away.
pub fn is_exit_collected(dir: &RunDir) -> bool {
    match std::fs::symlink_metadata(dir.exit()) {
        Ok(_there) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Flushes the exit record and its name to the disk, wherever it is by now.
///
/// # Errors
/// fsync(2) failed, or the record is gone.
pub fn sync_exit(dir: &RunDir) -> io::Result<()> {
    match File::open(dir.exit()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            File::open(dir.exit_collected())?.sync_all()?;
        }
        opened => opened?.sync_all()?,
    }
    File::open(dir.path())?.sync_all()
}

/// The token; none when it is missing.
///
/// # Errors
/// It cannot be read.
pub fn read_token(dir: &RunDir) -> io::Result<Option<String>> {
    let path = dir.token();
    let Some(bytes) = read_bytes(&path)? else { return Ok(None) };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) => Err(damaged(&path, &error.to_string())),
    }
}

/// What the command that made the workspace printed; none when there was none.
///
/// # Errors
/// It cannot be read.
pub fn read_prepared(dir: &RunDir) -> io::Result<Option<Vec<u8>>> {
    read_bytes(&dir.prepared())
}

/// Writes the token.
///
/// # Errors
/// It cannot be written.
pub fn write_token(dir: &RunDir, token: &str) -> io::Result<()> {
    write_private(&dir.token(), token.as_bytes())
}

/// Replaces the file at `path` with one of mode 0600 that holds `bytes`, in one step. Not flushed to the disk.
///
/// # Errors
/// Naming the file: it cannot be written or renamed; then the old one is still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path);
    let written = write_new(&new, bytes).and_then(|()| std::fs::rename(&new, path));
    if let Err(error) = written {
        // Whatever was begun must not take the disk's last block; the first error is the one to tell.
        let _cleared = std::fs::remove_file(&new);
        return Err(at(path, error));
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // O_EXCL also rules out a planted link.
    let create = || OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
    let mut file = match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Left by a writer that was killed.
            remove_if_there(path)?;
            create()?
        }
        created => created?,
    };
    file.write_all(bytes)
}

fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value).map_err(io::Error::from)?;
    bytes.push(b'\n');
    write_private(path, &bytes)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let Some(bytes) = read_bytes(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(path, &error.to_string()))
}

fn read_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path);
    let mut bytes = Vec::new();
    match opened.and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_length) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path, error)),
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Where a file is written before it takes its place.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn damaged(path: &Path, what: &str) -> io::Error {
    let text = format!("{} is damaged: {what}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn not_ours(path: &Path) -> io::Error {
    let text = format!("{} is not a directory of this user", path.display());
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::os::failure::errno_of;
    use crate::os::processes::identity::ProcessIdentity;
    use crate::os::run_files::directory::RUN_FILE_VERSION;

    fn run_dir() -> (tempfile::TempDir, RunDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        dir.create().unwrap();
        (temp, dir)
    }

    fn identity() -> RunIdentity {
        RunIdentity {
            version: RUN_FILE_VERSION,
            nonce: "n".to_owned(),
            shim: ProcessIdentity { boot_id: "b".to_owned(), pid: 5, start_ticks: 9 },
            worker: None,
            deadline_ms: Some(7),
        }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_written_is_read_back_and_is_private() {
        let (_temp, dir) = run_dir();
        assert_eq!(read_identity(&dir).unwrap(), None);
        write_identity(&dir, &identity()).unwrap();
        write_identity(&dir, &identity()).unwrap();
        assert_eq!(read_identity(&dir).unwrap(), Some(identity()));
        write_token(&dir, "secret").unwrap();
        assert_eq!(read_token(&dir).unwrap().as_deref(), Some("secret"));
        assert_eq!(
            (mode(dir.path()), mode(&dir.identity()), mode(&dir.token())),
            (0o700, 0o600, 0o600)
        );
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 2, "nothing is left beside the files");
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let (_temp, dir) = run_dir();
        for damage in ["", "{", "[]", "{\"version\":1}"] {
            std::fs::write(dir.identity(), damage).unwrap();
            let error = read_identity(&dir).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{damage:?}");
            assert!(error.to_string().contains("7/identity"), "{error}");
        }
    }

    #[test]
    fn keys_of_a_later_version_are_ignored() {
        let (_temp, dir) = run_dir();
        let text = r#"{"version":9,"nonce":"n","later":[1],"worker":null,
            "shim":{"boot_id":"b","pid":5,"start_ticks":9,"cgroup":"/x"}}"#;
        std::fs::write(dir.identity(), text).unwrap();
        assert_eq!(read_identity(&dir).unwrap().map(|read| read.shim), Some(identity().shim));
    }

    #[test]
    fn a_collected_record_is_still_read() {
        let (_temp, dir) = run_dir();
        assert!(!collect_exit(&dir).unwrap());
        std::fs::write(dir.exit(), "{").unwrap();
        assert!(!is_exit_collected(&dir));
        assert!(collect_exit(&dir).unwrap());
        assert!(is_exit_collected(&dir));
        assert!(read_exit(&dir).unwrap_err().to_string().contains("exit.collected"));
        assert!(!collect_exit(&dir).unwrap());
        sync_exit(&dir).unwrap();
    }

    #[test]
    fn clearing_removes_links_and_not_what_they_point_to() {
        let (temp, dir) = run_dir();
        let precious = temp.path().join("precious");
        std::fs::write(&precious, "kept").unwrap();
        symlink(&precious, dir.spec()).unwrap();
        symlink(&precious, dir.token()).unwrap();
        symlink(&precious, beside(&dir.exit())).unwrap();
        for path in [dir.lock(), dir.identity(), dir.path().join("notes")] {
            std::fs::write(path, "x").unwrap();
        }
        assert!(read_token(&dir).is_err(), "a link is not read through");
        write_private(&dir.exit(), b"new").unwrap();
        dir.clear().unwrap();
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "kept");
        let mut left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["lock", "notes"]);
    }

    #[test]
    fn an_error_names_the_file_and_keeps_its_number() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("runs"), "").unwrap();
        let dir = RunDir::new(temp.path().join("runs/7"));
        for error in [dir.create().unwrap_err(), write_token(&dir, "t").unwrap_err()] {
            assert_eq!(errno_of(&error), Some(nix::libc::ENOTDIR), "{error}");
            assert!(error.to_string().contains("/runs/7"), "{error}");
        }
    }

    #[test]
    fn run_directories_whose_parent_was_removed_are_made_again() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        for (home_mode, runs_mode) in [(0o700, 0o700), (0o711, 0o711)] {
            std::fs::create_dir(&home).unwrap();
            std::fs::set_permissions(&home, std::fs::Permissions::from_mode(home_mode)).unwrap();
            RunDir::new(home.join("runs/7")).create().unwrap();
            assert_eq!((mode(&home.join("runs")), mode(&home.join("runs/7"))), (runs_mode, 0o700));
            std::fs::remove_dir_all(&home).unwrap();
        }
        assert!(RunDir::new(home.join("runs/7")).create().is_err(), "a home is not made");
    }

    #[test]
    fn a_link_in_the_place_of_the_directory_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let elsewhere = temp.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        symlink(&elsewhere, temp.path().join("7")).unwrap();
        let dir = RunDir::new(temp.path().join("7"));
        assert_eq!(dir.create().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
