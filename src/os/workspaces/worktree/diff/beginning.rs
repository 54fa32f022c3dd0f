//! Where a worktree began, and where each of its runs did: two files in the worktree's own directory of the repository, which are
//! written before a worker starts and go with the worktree.

use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::os::workspaces::git::repository::{is_missing, read_regular};

/// Name of the file about the worktree.
pub const BASE_NOTE: &str = "kanban-base";

/// Name of the file about its runs: `RUN COMMIT` a line.
pub const HEADS_NOTE: &str = "kanban-heads";

/// Most that is read of either, bytes.
const BYTES_MAX: u64 = 1024 * 1024;

/// Where a worktree began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// The branch that it was made from; none when the repository's head was detached.
    pub branch: Option<String>,
    /// The last commit that it had in common with it.
    pub commit: String,
}

/// Reads where a worktree began; none when that was not written down, or is not readable.
pub fn read(git_dir: &Path) -> Option<Beginning> {
    let text = read_regular(&git_dir.join(BASE_NOTE), BYTES_MAX).ok()?;
    let read: Beginning = serde_json::from_slice(&text).ok()?;
    let is_branch = |name: &String| !name.starts_with('-') && !name.is_empty();
    is_commit(&read.commit)
        .then(|| Beginning { branch: read.branch.filter(is_branch), commit: read.commit })
}

/// Writes where a worktree began.
///
/// # Errors
/// It cannot be written.
pub fn write(git_dir: &Path, beginning: &Beginning) -> io::Result<()> {
    let text = serde_json::to_string(beginning).map_err(io::Error::other)?;
    replace(git_dir, BASE_NOTE, format!("{text}\n").as_bytes())
}

/// Adds the commit at which a run begins.
///
/// # Errors
/// It cannot be written.
pub fn add_head(git_dir: &Path, run_id: i64, commit: &str) -> io::Result<()> {
    let mut text = match read_regular(&git_dir.join(HEADS_NOTE), BYTES_MAX) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    text.extend(format!("{run_id} {commit}\n").into_bytes());
    replace(git_dir, HEADS_NOTE, &text)
}

/// The commit at which the first of these runs began that has one.
pub fn head_of_first(git_dir: &Path, runs: &[i64]) -> Option<String> {
    let text = read_regular(&git_dir.join(HEADS_NOTE), BYTES_MAX).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let find = |run: &i64| {
        let heads = text.lines().filter_map(|line| line.split_once(' '));
        let mut of_run = heads.filter(|(id, _)| id.parse() == Ok(*run));
        of_run.next().map(|(_, commit)| commit.to_owned()).filter(|commit| is_commit(commit))
    };
    runs.iter().find_map(find)
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes a file beside it and renames it: whatever a worker has put there is replaced and never opened.
fn replace(git_dir: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let new = git_dir.join(format!("{name}.new"));
    match std::fs::remove_file(&new) {
        Err(error) if !is_missing(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::File::create_new(&new)?.write_all(text)?;
    std::fs::rename(&new, git_dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_run_that_has_a_commit_counts() {
        let temp = tempfile::tempdir().unwrap();
        let commit = |digit: &str| digit.repeat(40);
        assert_eq!(head_of_first(temp.path(), &[1]), None);
        for (run, digit) in [(3, "a"), (5, "b"), (5, "c")] {
            add_head(temp.path(), run, &commit(digit)).unwrap();
        }
        for (runs, expected) in [
            (&[3][..], Some(commit("a"))),
            (&[4, 5, 3], Some(commit("b"))),
            (&[4], None),
            (&[], None),
        ] {
            assert_eq!(head_of_first(temp.path(), runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn what_a_worker_has_put_there_is_not_followed_and_not_waited_for() {
        let temp = tempfile::tempdir().unwrap();
        let (git_dir, outside) = (temp.path().join("own"), temp.path().join("outside"));
        std::fs::create_dir(&git_dir).unwrap();
        std::fs::write(&outside, "mine").unwrap();
        std::os::unix::fs::symlink(&outside, git_dir.join(BASE_NOTE)).unwrap();
        std::os::unix::fs::symlink(&outside, git_dir.join("kanban-base.new")).unwrap();
        let beginning = Beginning { branch: Some("main".into()), commit: "a".repeat(40) };
        write(&git_dir, &beginning).unwrap();
        assert_eq!(read(&git_dir), Some(beginning));
        assert_eq!(std::fs::read(&outside).unwrap(), b"mine");
        nix::unistd::mkfifo(&git_dir.join(HEADS_NOTE), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(head_of_first(&git_dir, &[1]), None);
        assert!(add_head(&git_dir, 1, &"a".repeat(40)).is_err());
        std::fs::write(git_dir.join(BASE_NOTE), r#"{"branch":"-x","commit":"--exec"}"#).unwrap();
        assert_eq!(read(&git_dir), None);
    }
}
