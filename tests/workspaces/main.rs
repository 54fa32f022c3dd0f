//! Workspaces on a real file system and with a real git, without a daemon.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on must fail loudly"
)]

mod diffs;
mod fuzz;
mod hostile;
mod nested;
mod own_work;
mod repository;
mod scratch;
mod worktrees;
