//! Attached files beside an export: a tar archive in which each file is called `TASK/NAME`.
//!
//! Names in an archive are compared with those of an export; none of them becomes a path.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::api::client::{Client, ClientError, Download, task_path};
use crate::cli::failure::Failure;
use crate::cli::files::NewFile;
use crate::kernel::limits::ATTACHMENT_BYTES_MAX;
use crate::kernel::transfer::record::AttachmentFields;

/// What is added to the name of an export for the name of its archive.
const SUFFIX: &str = ".files.tar";

/// A file of a task, as an export names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileOfTask {
    /// The task.
    pub task: String,
    /// Name of the file.
    pub filename: String,
}

impl FileOfTask {
    fn path(&self) -> String {
        format!("{}/{}", self.task, self.filename)
    }
}

/// The archive that belongs to an export.
pub fn archive_of(export: &Path) -> PathBuf {
    let mut name = export.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

/// An archive that is being written.
pub struct NewArchive(tar::Builder<NewFile>);

/// What came of a file that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It is in the archive.
    Whole,
    /// It is not, for this reason.
    LeftOut(String),
}

impl NewArchive {
    /// Begins one.
    pub fn new(file: NewFile) -> Self {
        Self(tar::Builder::new(file))
    }

    /// Adds a file, which the daemon is asked for.
    ///
    /// # Errors
    /// The archive cannot be written, the connection breaks, or the file is not what the board says: the archive is useless then.
    pub fn add(
        &mut self,
        client: &Client,
        file: &FileOfTask,
        fields: &AttachmentFields,
    ) -> Result<Added, Failure> {
        let path = task_path(&file.task, "attachment")?;
        let wanted = [("filename", file.filename.as_str())];
        let reply = match client.download(&path, &wanted) {
            Ok(reply) => reply,
            // It was lost, or removed since the export began.
            Err(ClientError::Refused(detail)) => return Ok(Added::LeftOut(detail.message)),
            Err(error) => return Err(error.into()),
        };
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(fields.size_bytes).unwrap_or_default());
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(fields.created_at).unwrap_or_default());
        let mut bytes = Hashed::of(Pieces { reply, piece: bytes::Bytes::new() });
        self.0.append_data(&mut header, file.path(), &mut bytes).map_err(|error| {
            Failure::fault(format!("cannot add {} to the archive: {error}", file.path()))
        })?;
        let is_whole = bytes.sha256() == fields.sha256;
        is_whole.then_some(Added::Whole).ok_or_else(|| {
            Failure::fault(format!("{} differs from the attached file", file.path()))
                .with_hint("the file in the daemon's home was changed or is damaged")
        })
    }

    /// Puts it on the disk under its name.
    ///
    /// # Errors
    /// A full disk, for one.
    pub fn finish(self) -> Result<(), Failure> {
        let unwritten =
            |error: io::Error| Failure::fault(format!("cannot write the archive: {error}"));
        self.0.into_inner().map_err(unwritten)?.finish()
    }
}

/// A reply as a reader.
struct Pieces<'c> {
    reply: Download<'c>,
    piece: bytes::Bytes,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let broken = |error: ClientError| io::Error::other(error.to_string());
            match self.reply.piece().map_err(broken)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(length);
        buffer.iter_mut().zip(taken).for_each(|(to, from)| *to = from);
        Ok(length)
    }
}

/// A reader whose bytes are counted into a hash.
struct Hashed<R> {
    reader: R,
    hash: Sha256,
}

impl<R> Hashed<R> {
    fn of(reader: R) -> Self {
        Self { reader, hash: Sha256::new() }
    }

    fn sha256(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// What an export says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    sha256: String,
    size_bytes: i64,
}

impl Expected {
    /// Of these fields.
    pub fn of(fields: &AttachmentFields) -> Self {
        Self { sha256: fields.sha256.clone(), size_bytes: fields.size_bytes }
    }

    /// The size of a member of an archive, when it can be this file.
    fn size_of(&self, size_bytes: u64) -> Option<u64> {
        let is_same = u64::try_from(self.size_bytes).is_ok_and(|expected| expected == size_bytes);
        (is_same && size_bytes <= ATTACHMENT_BYTES_MAX).then_some(size_bytes)
    }
}

/// An archive that is read.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
}

impl Archive {
    /// The archive at `path`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: PathBuf) -> Result<Self, Failure> {
        File::open(&path).map_err(|error| unreadable(&path, &error))?;
        Ok(Self { path })
    }

    /// Writes each file that is wanted to `staged`, and hands it out. Returns what was wanted and did not come: it is not in the
    /// archive, is another file there, or is longer than an attached file may be.
    ///
    /// A member of another length than the export says is not unpacked at all: one with holes may be of any length.
    ///
    /// # Errors
    /// The archive cannot be read, or what `take` returns.
    pub fn each(
        &self,
        mut wanted: BTreeMap<FileOfTask, Expected>,
        staged: &Path,
        take: &mut dyn FnMut(&FileOfTask) -> Result<(), Failure>,
    ) -> Result<Vec<FileOfTask>, Failure> {
        let failed = |error: io::Error| unreadable(&self.path, &error);
        let mut archive = tar::Archive::new(File::open(&self.path).map_err(failed)?);
        for entry in archive.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let Some((task, filename)) = name.split_once('/') else { continue };
            let file = FileOfTask { task: task.to_owned(), filename: filename.to_owned() };
            let Some(expected) = wanted.get(&file) else { continue };
            let Some(size_bytes) = expected.size_of(entry.size()) else { continue };
            let mut bytes = Hashed::of(entry.take(size_bytes));
            let mut copy = File::create(staged).map_err(failed)?;
            io::copy(&mut bytes, &mut copy).map_err(failed)?;
            if bytes.sha256() == expected.sha256 {
                take(&file)?;
                wanted.remove(&file);
            }
        }
        Ok(wanted.into_keys().collect())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A member of nothing but a hole.
    fn hole(bytes: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_path("t_1/hole.bin").unwrap();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_size(0);
        let digits = format!("{bytes:011o}\0");
        let gnu = header.as_gnu_mut().unwrap();
        gnu.realsize.copy_from_slice(digits.as_bytes());
        gnu.sparse[0].offset.copy_from_slice(digits.as_bytes());
        gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
        header.set_cksum();
        header
    }

    #[test]
    fn a_member_that_is_longer_than_the_export_says_or_than_any_attached_file_is_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, staged) = (folder.path().join("a.tar"), folder.path().join("file"));
        let file = FileOfTask { task: "t_1".to_owned(), filename: "hole.bin".to_owned() };
        let over = ATTACHMENT_BYTES_MAX + 1;
        for (bytes, expected, is_unpacked) in [
            (4096, 4096, true),
            (4097, 3, false),
            (3, 4096, false),
            (4096, -1, false),
            (over, i64::try_from(over).unwrap(), false),
        ] {
            let mut builder = tar::Builder::new(File::create(&path).unwrap());
            builder.append(&hole(bytes), io::empty()).unwrap();
            builder.finish().unwrap();
            drop(std::fs::remove_file(&staged));
            let fields = AttachmentFields {
                size_bytes: expected,
                sha256: "0".repeat(64),
                ..AttachmentFields::default()
            };
            let wanted = BTreeMap::from([(file.clone(), Expected::of(&fields))]);
            let archive = Archive::open(path.clone()).unwrap();
            let missing = archive.each(wanted, &staged, &mut |_| Ok(())).unwrap();
            assert_eq!(missing, std::slice::from_ref(&file));
            assert_eq!(staged.exists(), is_unpacked, "{bytes} for {expected}");
        }
    }
}
