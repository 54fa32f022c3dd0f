//! Settings of the free space on the disk.

use serde::Deserialize;

/// `[disk]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// Free bytes at the home below which nothing is started.
    pub min_free_bytes: u64,
    /// Size of the file that is given up when nothing else is left.
    pub reserve_bytes: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Self { min_free_bytes: 200 * 1024 * 1024, reserve_bytes: 16 * 1024 * 1024 }
    }
}
