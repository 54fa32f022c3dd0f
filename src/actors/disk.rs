//! Whether the disk of the home has space for more runs.

use std::path::PathBuf;

use crate::actors::configuration::Configuration;
use crate::actors::live::Live;
use crate::os::host::disk::free_bytes;

/// The disk of the home.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The home.
    pub home: PathBuf,
    /// How much must be free.
    pub configuration: Live<Configuration>,
}

impl Disk {
    /// Free bytes on the disk, when that is too little to start anything. A disk that says nothing counts as having room:
    /// what cannot be written is reported where it is written. May wait.
    pub fn low_bytes(&self) -> Option<u64> {
        self.low(free_bytes(&self.home).ok()?)
    }

    /// `free_bytes`, when that is too little to start anything.
    pub fn low(&self, free_bytes: u64) -> Option<u64> {
        (free_bytes < self.configuration.settings().disk.min_free_bytes).then_some(free_bytes)
    }
}
