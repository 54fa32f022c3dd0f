//! Submodules of a worktree: found in its index, told when they are empty, checked out when the configuration says so.
//!
//! To check them out means to fetch them, from where the repository says, with the credentials of the worker's user. So this one
//! call of git is not closed: it runs in the user's environment, under the user's configuration. What the repository itself could
//! have it execute is off all the same: hooks, the file system monitor, and commands instead of a checkout.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::os::workspaces::git::{Call, Git, GitError};
use crate::os::workspaces::worktree::content::IndexEntry;
use crate::os::workspaces::worktree::prepare::told_names;

/// The submodules of a worktree.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Submodules {
    /// Paths of all.
    pub all: Vec<Vec<u8>>,
    /// Paths of those that are not checked out.
    pub empty: Vec<Vec<u8>>,
}

/// Those that the index names.
pub fn found(top: &Path, entries: &[IndexEntry]) -> Submodules {
    let all = entries.iter().filter(|entry| entry.is_submodule());
    let all: Vec<Vec<u8>> = all.map(|entry| entry.path.clone()).collect();
    let is_empty = |path: &&Vec<u8>| {
        let link = top.join(OsStr::from_bytes(path)).join(".git");
        link.symlink_metadata().is_err()
    };
    let empty = all.iter().filter(is_empty).cloned().collect();
    Submodules { all, empty }
}

/// What a worker has to know of those that are not checked out.
pub fn note(empty: &[Vec<u8>]) -> Option<String> {
    let count = empty.len();
    let names = told_names(empty.iter().map(|path| String::from_utf8_lossy(path).into_owned()));
    (count > 0).then(|| {
        format!(
            "{count} submodule(s) are not checked out, their directories are empty: {names} (run \
             `git submodule update --init`, or set worktree.submodules to do so before the worker starts)"
        )
    })
}

/// Fetches and checks out the submodules at `paths`, and theirs.
///
/// # Errors
/// One of them cannot be had.
pub fn check_out(git: &Git, top: &Path, paths: &[Vec<u8>]) -> Result<(), GitError> {
    if paths.is_empty() {
        return Ok(());
    }
    let words = ["submodule", "--quiet", "update", "--init", "--recursive", "--checkout", "--"];
    let words = words.into_iter().map(OsStr::new);
    let paths = paths.iter().map(|path| OsStr::from_bytes(path));
    let call = Call::new(words.chain(paths)).directory(top).as_the_user();
    // The link in this very directory is the repository; nothing above it is looked at.
    let call = call.env("GIT_CEILING_DIRECTORIES", top.parent().unwrap_or(top));
    // Whatever `core.worktree` says.
    let call = call.env("GIT_WORK_TREE", top);
    git.run(&call).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_a_few_and_counts_the_rest() {
        let paths =
            |count: usize| (0..count).map(|n| format!("m{n}").into_bytes()).collect::<Vec<_>>();
        assert_eq!(note(&[]), None);
        let message = note(&paths(5)).unwrap();
        assert!(
            message.starts_with("5 submodule(s)") && message.contains("m0, m1, m2 and 2 more"),
            "{message}"
        );
        assert!(message.contains("worktree.submodules"), "{message}");
    }
}
