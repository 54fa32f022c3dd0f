//! Directories that workers work in: those kanband made and marked, git worktrees, and where a path leads.

mod beneath;
pub mod diff_report;
pub mod git;
pub mod location;
pub mod marked;
pub mod tree;
pub mod worktree;
pub mod worktree_report;
