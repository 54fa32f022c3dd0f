//! Folders of tests.

use std::path::Path;

/// A folder in memory where the host has one, for boards that are written a lot: there a synced write costs nothing.
///
/// # Panics
///
/// When none can be made.
pub fn in_memory() -> tempfile::TempDir {
    let mut named = tempfile::Builder::new();
    named.prefix("kb");
    let shared_memory = named.tempdir_in(Path::new("/dev/shm"));
    shared_memory.or_else(|_| named.tempdir()).unwrap()
}
