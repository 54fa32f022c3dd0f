//! How Linux does it: processes, files, locks, signals. Knows nothing of the board.

pub mod identity;
pub mod run_files;
