//! The programs under test: cargo puts them beside the folder of the test programs.

use std::path::PathBuf;

/// The daemon.
pub fn kanband() -> PathBuf {
    built("kanband")
}

/// The command line.
pub fn kanban() -> PathBuf {
    built("kanban")
}

/// A program of this build.
///
/// # Panics
///
/// When it was not built.
pub fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().unwrap();
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    let program = folder.join(name);
    assert!(program.exists(), "{} is missing: cargo test --workspace builds it", program.display());
    program
}
