//! The attachments of the home, and the lock for changes.

use std::io;
use std::path::PathBuf;

use tokio::sync::RwLock;

use crate::os::home::attachments::AttachmentFiles;

/// The attached files of the home.
#[derive(Debug)]
pub struct AttachmentStore {
    pub(super) files: AttachmentFiles,
    /// Shared by those who add bytes with their row; alone for those who take bytes away.
    pub(super) change: RwLock<()>,
}

impl AttachmentStore {
    /// Those in the folder `root`, which is there. What was arriving when an earlier daemon died is removed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        let files = AttachmentFiles::new(root);
        files.remove_unfinished()?;
        Ok(Self { files, change: RwLock::new(()) })
    }
}
