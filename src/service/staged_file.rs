//! A database on its way out of the home or into it. The daemon never opens a path that a caller named.

use std::path::{Path, PathBuf};

use crate::kernel::restore::COMPACT_SUFFIX;
use crate::os::host::random::random_hex;
use crate::service::error::file_fault;
use crate::service::{Service, ServiceError};

/// A file in the home that goes when this does.
#[derive(Debug)]
pub struct StagedFile(PathBuf);

impl StagedFile {
    /// A name in the home that no file has.
    pub(super) fn new(service: &Service, word: &str) -> Result<Self, ServiceError> {
        let random = random_hex(8).map_err(|error| file_fault("name a file", &error))?;
        Ok(Self(service.home.join(format!(".{word}-{random}"))))
    }

    /// Path.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal", COMPACT_SUFFIX] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            // Most of these were never there.
            drop(std::fs::remove_file(PathBuf::from(name)));
        }
    }
}
