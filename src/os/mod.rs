//! How Linux does it: processes, files, locks, signals. Knows nothing of the board.
//!
//! A process is a [`processes::identity::ProcessIdentity`], never a PID; signals go through a [`processes::pidfd::PidFd`]
//! compared with it after opening. What cannot be read is *unknown*, and nothing acts on *unknown*.

pub mod control_groups;
pub mod failure;
pub mod files;
pub mod holder;
pub mod home;
pub mod host;
pub mod processes;
pub mod run_files;
pub mod statx;
pub mod workspaces;
