//! Directories that workers work in: those kanband made and marked, git worktrees, and where a path leads.

mod beneath;
pub mod git;
pub mod marked;
pub mod place;
pub mod tree;
pub mod worktree;
pub mod worktree_report;
