//! Attached files that come out of a backup: gathered in a folder that nobody reads, then put in their places together.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::os::files::{create_private, create_private_dir};
use crate::os::home::attachments::{ARRIVING, sync_folder};
use crate::os::host::random::random_hex;

/// The files of a backup on their way in; they go when this does.
#[derive(Debug)]
pub struct RestoredFiles {
    root: PathBuf,
    folder: PathBuf,
    writing: Option<(String, File)>,
}

impl RestoredFiles {
    /// Those for the folder of attached files `root`.
    ///
    /// # Errors
    /// No random name can be had.
    pub fn new(root: PathBuf) -> io::Result<Self> {
        let folder = root.join(format!("{ARRIVING}{}", random_hex(8)?));
        Ok(Self { root, folder, writing: None })
    }

    /// Writes on at the file that has this SHA-256. Each comes whole before the next.
    ///
    /// # Errors
    /// As open(2), write(2), fsync(2).
    pub fn write(&mut self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        if self.writing.as_ref().is_none_or(|(name, _)| name != sha256) {
            self.finish()?;
            if !self.folder.is_dir() {
                create_private_dir(&self.folder)?;
            }
            self.writing = Some((sha256.to_owned(), create_private(&self.folder.join(sha256))?));
        }
        match &mut self.writing {
            Some((_, file)) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.writing.take().map_or(Ok(()), |(_, file)| file.sync_all())
    }

    /// Puts the files in their places: for each pair, that of the task and the SHA-256. What is there under the same SHA-256 is
    /// replaced, nothing else is.
    ///
    /// # Errors
    /// As link(2), mkdir(2), rename(2), fsync(2). What was put in place is taken away again.
    pub fn put_in_place(mut self, files: &[(&str, &str)]) -> io::Result<PlacedFiles> {
        self.finish()?;
        let mut placed = PlacedFiles(Vec::new());
        for (task, sha256) in files {
            if let Err(error) = self.put_one(task, sha256, &mut placed) {
                placed.take_back();
                return Err(error);
            }
        }
        Ok(placed)
    }

    fn put_one(&self, task: &str, sha256: &str, placed: &mut PlacedFiles) -> io::Result<()> {
        let folder = self.root.join(task);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let (source, target) = (self.folder.join(sha256), folder.join(sha256));
        let linked = self.folder.join(format!("{sha256}.{task}"));
        std::fs::hard_link(source, &linked)?;
        let was_there = target.symlink_metadata().is_ok();
        std::fs::rename(&linked, &target)?;
        if !was_there {
            placed.0.push(target);
        }
        sync_folder(&folder)?;
        sync_folder(&self.root)
    }
}

impl Drop for RestoredFiles {
    fn drop(&mut self) {
        // What stays is removed at the next start.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Files that a restore has put in place where there was none.
#[derive(Debug)]
pub struct PlacedFiles(Vec<PathBuf>);

impl PlacedFiles {
    /// Takes them away again: the board that has them did not come.
    pub fn take_back(self) {
        for path in self.0 {
            // Bytes without a row: what stays is removed by gc.
            drop(std::fs::remove_file(&path));
            if let Some(folder) = path.parent() {
                drop(std::fs::remove_dir(folder));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::home::attachments::AttachmentFiles;

    fn names(files: &AttachmentFiles) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> =
            files.list().unwrap().into_iter().map(|file| (file.task, file.sha256)).collect();
        names.sort();
        names
    }

    #[test]
    fn files_of_a_backup_are_in_place_together_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let files = AttachmentFiles::new(root.clone());
        std::fs::create_dir(root.join("t_2")).unwrap();
        std::fs::write(root.join("t_2/aa"), "damaged").unwrap();
        let mut restored = RestoredFiles::new(root.clone()).unwrap();
        restored.write("aa", b"a").unwrap();
        restored.write("aa", b"a").unwrap();
        restored.write("bb", b"").unwrap();
        assert_eq!(files.list().unwrap().len(), 1, "nothing is in place yet");
        let placed = restored.put_in_place(&[("t_1", "aa"), ("t_2", "aa"), ("t_2", "bb")]).unwrap();
        let pair = |task: &str, sha256: &str| (task.to_owned(), sha256.to_owned());
        assert_eq!(names(&files), [pair("t_1", "aa"), pair("t_2", "aa"), pair("t_2", "bb")]);
        assert_eq!(std::fs::read(root.join("t_2/aa")).unwrap(), b"aa");
        placed.take_back();
        assert_eq!(names(&files), [pair("t_2", "aa")], "what was there before stays");
        let mut restored = RestoredFiles::new(root.clone()).unwrap();
        restored.write("cc", b"c").unwrap();
        assert!(restored.put_in_place(&[("t_3", "cc"), ("t_3", "dd")]).is_err());
        assert_eq!(names(&files), [pair("t_2", "aa")]);
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1, "nothing is left on its way");
    }
}
