//! Attachments on the disk: `<root>/<task>/<SHA-256>`. What has such a name is whole and on the disk; what is still
//! arriving has another one and goes with its receiver.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::os::files::create_private;
use crate::os::home::restored_files::RestoredFiles;
use crate::os::host::random::random_hex;

/// What the name of a file that is still arriving begins with.
pub(super) const ARRIVING: &str = ".arriving-";

/// The folder of all attached files.
#[derive(Debug, Clone)]
pub struct AttachmentFiles {
    root: PathBuf,
}

/// A file in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Name of its task.
    pub task: String,
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// When it was last written, epoch seconds.
    pub written_at: i64,
}

impl AttachmentFiles {
    /// Those below `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// As open(2).
    pub fn begin(&self) -> io::Result<ArrivingFile> {
        let path = self.root.join(format!("{ARRIVING}{}", random_hex(8)?));
        let file = create_private(&path)?;
        Ok(ArrivingFile {
            root: self.root.clone(),
            path,
            file,
            hash: Sha256::new(),
            size_bytes: 0,
            is_kept: false,
        })
    }

    /// Takes the files of a backup.
    ///
    /// # Errors
    /// No random name can be had.
    pub fn begin_restore(&self) -> io::Result<RestoredFiles> {
        RestoredFiles::new(self.root.clone())
    }

    fn path_of(&self, task: &str, sha256: &str) -> PathBuf {
        self.root.join(task).join(sha256)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As open(2).
    pub fn open(&self, task: &str, sha256: &str) -> io::Result<File> {
        File::open(self.path_of(task, sha256))
    }

    /// Removes a file, and the folder of its task when that empties it. One that is gone already is no error.
    ///
    /// # Errors
    /// As unlink(2).
    pub fn remove(&self, task: &str, sha256: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path_of(task, sha256)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // Fails when something is left in it, and then it stays.
        drop(std::fs::remove_dir(self.root.join(task)));
        Ok(())
    }

    /// Every file that is in its place.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> io::Result<Vec<KeptFile>> {
        let mut found = Vec::new();
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?;
            let Ok(task) = folder.file_name().into_string() else { continue };
            if task.starts_with('.') || !folder.file_type()?.is_dir() {
                continue;
            }
            // A folder may go while it is looked at.
            let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
            for file in files.flatten() {
                let (Ok(sha256), Ok(meta)) = (file.file_name().into_string(), file.metadata())
                else {
                    continue;
                };
                if meta.is_file() {
                    found.push(KeptFile { task: task.clone(), sha256, written_at: meta.mtime() });
                }
            }
        }
        Ok(found)
    }

    /// Removes what was arriving when an earlier daemon died.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn remove_unfinished(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.root)?.flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(ARRIVING)) {
                // What cannot be removed is in nobody's way.
                drop(std::fs::remove_file(entry.path()));
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
        Ok(())
    }
}

/// A file that is being received; it goes when this does, unless it was kept.
#[derive(Debug)]
pub struct ArrivingFile {
    root: PathBuf,
    path: PathBuf,
    file: File,
    hash: Sha256,
    size_bytes: u64,
    is_kept: bool,
}

impl ArrivingFile {
    /// Writes on.
    ///
    /// # Errors
    /// As write(2): a full disk, for one.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Puts it on the disk, in its place among the files of a task. Returns its SHA-256 and its length in bytes.
    ///
    /// # Errors
    /// As fsync(2), mkdir(2), rename(2).
    pub fn keep(mut self, task: &str) -> io::Result<(String, u64)> {
        let digest = self.hash.clone().finalize();
        let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        self.file.sync_all()?;
        let folder = self.root.join(task);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => sync_folder(&self.root)?,
        }
        // The same bytes may be there already; then one takes the place of the other.
        std::fs::rename(&self.path, folder.join(&sha256))?;
        self.is_kept = true;
        sync_folder(&folder)?;
        Ok((sha256, self.size_bytes))
    }
}

impl Drop for ArrivingFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // The next start looks for it again.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Writes the names in a folder to the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn keep(files: &AttachmentFiles, task: &str, bytes: &[u8]) -> (String, u64) {
        let mut arriving = files.begin().unwrap();
        for part in bytes.chunks(2) {
            arriving.write(part).unwrap();
        }
        arriving.keep(task).unwrap()
    }

    #[test]
    fn a_file_is_in_its_place_when_it_is_whole_and_leaves_nothing_when_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = AttachmentFiles::new(dir.path().to_owned());
        let mut half = files.begin().unwrap();
        half.write(b"ab").unwrap();
        assert_eq!(files.list().unwrap(), []);
        drop(half);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(keep(&files, "t_1", b"abc"), (SHA256_OF_ABC.to_owned(), 3));
        assert_eq!(keep(&files, "t_1", b"abc").0, SHA256_OF_ABC, "the same once more");
        let mut text = String::new();
        files.open("t_1", SHA256_OF_ABC).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        let listed = files.list().unwrap();
        assert_eq!((listed.len(), listed[0].task.as_str()), (1, "t_1"));
        files.remove("t_1", SHA256_OF_ABC).unwrap();
        files.remove("t_1", SHA256_OF_ABC).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_daemon_was_receiving_goes_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let files = AttachmentFiles::new(dir.path().to_owned());
        keep(&files, "t_1", b"abc");
        std::mem::forget(files.begin().unwrap());
        files.remove_unfinished().unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(files.list().unwrap().len(), 1);
    }
}
