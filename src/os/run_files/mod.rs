//! The directory of a run: its files, its lock, its log, and what they say about a run whose shim is gone.

pub mod deadline;
pub mod directory;
pub mod env_file;
pub mod inspection;
pub mod lease;
pub mod leftovers;
pub mod lock;
pub mod log;
pub mod redact;
pub mod registry;
pub mod remains;
pub mod shim_search;
pub mod shim_start;
pub mod signs;
