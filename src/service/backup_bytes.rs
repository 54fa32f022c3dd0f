//! The bytes of attached files on their way into a backup and out of one.

use std::io::{self, Read};

use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::restore::{AttachedFile, FileSink, FileSource};
use crate::os::home::attachments::AttachmentFiles;
use crate::os::home::restored_files::{PlacedFiles, RestoredFiles};
use crate::service::error::file_fault;

/// The files of a home, for a backup.
#[derive(Debug)]
pub struct HomeFiles(pub AttachmentFiles);

impl FileSource for HomeFiles {
    fn open(&self, file: &AttachedFile) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(self.0.open(&file.task_id, &file.sha256)?))
    }
}

/// The files of a backup, gathered for a home.
#[derive(Debug)]
pub struct Gathered(RestoredFiles);

impl Gathered {
    /// For this home.
    ///
    /// # Errors
    /// No random name can be had.
    pub fn begin(files: &AttachmentFiles) -> Result<Self, Fault> {
        Ok(Self(files.begin_restore().map_err(|error| unwritten(&error))?))
    }

    /// Puts those that tasks have in their places.
    ///
    /// # Errors
    /// A fault; none is in its place then.
    pub fn put_in_place(self, files: &[AttachedFile]) -> Result<PlacedFiles, Fault> {
        // Whatever a file says its tasks are called, nothing else becomes a path.
        let of_task = |file: &&AttachedFile| TaskId::parse(&file.task_id).is_some();
        let pairs: Vec<(&str, &str)> = files
            .iter()
            .filter(of_task)
            .map(|file| (file.task_id.as_str(), file.sha256.as_str()))
            .collect();
        self.0.put_in_place(&pairs).map_err(|error| unwritten(&error))
    }
}

impl FileSink for Gathered {
    fn take(&mut self, sha256: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.0.write(sha256, bytes).map_err(|error| unwritten(&error))
    }
}

fn unwritten(error: &io::Error) -> Fault {
    file_fault("write the attached files of the backup", error)
}
