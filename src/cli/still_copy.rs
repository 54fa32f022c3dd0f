//! Copies of database files that another process may be writing to.
//!
//! The file and its journals are copied, again until none has changed meanwhile. The `-shm` beside it is memory of other processes
//! and means nothing to a copy.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Attempts at a copy that nobody writes into.
const ATTEMPTS: usize = 20;

/// What belongs to a database file beside its `-shm`.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// Whether a journal with something in it lies beside the file: the file alone is then not the whole database.
pub(super) fn has_journal(file: &Path) -> bool {
    let has_bytes = |suffix: &&str| {
        std::fs::metadata(with_suffix(file, suffix)).is_ok_and(|journal| journal.len() > 0)
    };
    SUFFIXES.iter().skip(1).any(has_bytes)
}

/// Copies the file and its journals; false when it never stood still.
///
/// # Errors
/// It cannot be read, or the copy cannot be written.
pub(super) fn copy_still(from: &Path, to: &Path) -> io::Result<bool> {
    for _ in 0..ATTEMPTS {
        let before = stamps(from)?;
        for suffix in SUFFIXES {
            copy_one(&with_suffix(from, suffix), &with_suffix(to, suffix), suffix.is_empty())?;
        }
        if stamps(from)? == before {
            return Ok(true);
        }
    }
    Ok(false)
}

fn copy_one(from: &Path, to: &Path, is_needed: bool) -> io::Result<()> {
    match File::open(from) {
        Ok(mut source) => {
            let mut target = replace_private(to)?;
            io::copy(&mut source, &mut target).map(drop)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_needed => {
            match std::fs::remove_file(to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}

/// What changes with a write: which file it is, its length and its time; none where there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

fn stamps(path: &Path) -> io::Result<Vec<Stamp>> {
    let stamp = |suffix: &&str| match std::fs::metadata(with_suffix(path, suffix)) {
        Ok(file) => Ok(Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    SUFFIXES.iter().map(stamp).collect()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// An empty file for its owner alone, in a directory that is private.
fn replace_private(path: &Path) -> io::Result<File> {
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
