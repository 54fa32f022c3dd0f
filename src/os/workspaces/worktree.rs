//! A task's worktree: created from a repository, inspected, saved, removed.
//!
//! All of it runs in the process of `kanban workspace`, which a shim has started as the worker's user; nothing of it runs in
//! the daemon. A tree is removed when everything in it is elsewhere too, and only then; what git calls the state of a worktree
//! counts with it. What is unknown keeps it.
//!
//! | module | what it decides |
//! |---|---|
//! | [`prepare`] | how the worktree is made, or found again |
//! | `branch` | which branch it gets |
//! | `submodules` | which of them are empty |
//! | [`examine`] | what would be lost with it |
//! | `content` | … of index and working tree |
//! | `commits` | … of commits that nothing else leads to |
//! | `state` | … of operations under way |
//! | `nested` | … of repositories in it |
//! | [`salvage`] | what of that is saved, and where |
//! | [`sweep`] | whether it is removed |
//! | [`diff`] | what has changed in it, for people and reviewers |
//! | [`start`] | what is written down when a run begins in it |

mod branch;
mod commits;
mod content;
pub mod diff;
pub mod examine;
mod nested;
pub mod prepare;
mod registered;
pub mod salvage;
pub mod start;
mod state;
mod submodules;
pub mod sweep;
mod words;
