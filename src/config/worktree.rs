//! `[worktree]`: how git worktrees are created.

use serde::Deserialize;

/// `[worktree]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Worktree {
    /// Beginning of the names of their branches; the task's id follows.
    pub branch_prefix: String,
    /// Whether submodules are checked out before the worker starts.
    pub submodules: bool,
    /// Command that runs in the worktree before the worker starts; empty: none.
    pub setup: Vec<String>,
}

impl Default for Worktree {
    fn default() -> Self {
        Self { branch_prefix: "kanban/".to_owned(), submodules: false, setup: Vec::new() }
    }
}
