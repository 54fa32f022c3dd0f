//! How Linux does it: processes, files, locks, signals. Knows nothing of the board.
//!
//! A process is a [`identity::ProcessIdentity`], never a PID; signals go through a [`pidfd::PidFd`] that was
//! compared with it after opening. What cannot be read is *unknown*, and unknown is never acted on.

pub mod ask_program;
pub mod attachments;
pub mod board_files;
mod capabilities;
pub mod cgroup;
pub mod cgroup_controllers;
pub mod cgroup_hierarchy;
pub mod cgroup_leaf;
pub mod clock;
pub mod code_pages;
pub mod command_as;
pub mod descriptors;
pub mod disk;
pub mod env_file;
pub mod failure;
pub mod fd_passing;
pub mod file_watch;
pub mod files;
pub mod fork_exec;
pub mod git;
pub mod group;
pub mod holder;
pub mod holder_protocol;
pub mod home_files;
pub mod home_lock;
pub mod host;
pub mod identity;
pub mod inherited;
pub mod journal;
pub mod leftovers;
pub mod lock_owner;
pub mod own_process;
pub mod peer;
pub mod pidfd;
pub mod place;
pub mod proc_stat;
pub mod proc_tree;
pub mod proc_view;
pub mod random;
pub mod redact;
pub mod remains;
pub mod run_files;
pub mod run_inspection;
pub mod run_lock;
pub mod run_log;
pub mod run_registry;
pub mod run_signs;
pub mod service_manager;
pub mod shim_search;
pub mod shim_start;
pub mod signals;
pub mod skill_files;
pub mod socket_file;
pub mod spawn;
pub mod spawn_as;
mod spawn_in_group;
pub mod status_pipe;
pub mod statx;
pub mod stderr;
pub mod terminal;
#[cfg(test)]
mod test_child;
pub mod tree;
pub mod user;
#[cfg(target_arch = "x86_64")]
mod vfork;
pub mod wait;
pub mod workspaces;
pub mod worktree;
pub mod worktree_report;
pub mod young_processes;
