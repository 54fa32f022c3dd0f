//! A task's worktree: made from a repository, looked at, saved, removed. By git only.
//!
//! Nothing is forced. A tree is removed when it is clean by [`inspect`] and git itself agrees; what is not committed is
//! written to a ref of the repository first ([`salvage`]), through an index of its own, so that neither the user's index nor
//! a branch changes.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::os::git::{Git, GitError};
use crate::os::git_status::{TreeStatus, parse};

/// What was found where a worktree should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspection {
    /// Nothing is there.
    Gone,
    /// Everything in it is in a commit that a ref of the repository leads to. Ignored files do not count.
    Clean,
    /// There is work that only this tree has.
    Dirty(TreeStatus),
    /// Nobody can say, for this reason; then nothing is done.
    Unknown(String),
}

/// Whether the worktree had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// It was made.
    Made,
    /// It was there, with whatever an earlier attempt left in it.
    Reused,
}

/// Makes the worktree at `path`, on `branch`, of the repository in which `repository` lies; or finds that it is there.
///
/// # Errors
/// One line that says why there is none.
pub fn prepare(
    git: &Git,
    repository: &Path,
    path: &Path,
    branch: &str,
) -> Result<Prepared, String> {
    let repository = absolute(repository)?;
    if !repository.is_dir() {
        return Err(format!("the repository {} is no directory", repository.display()));
    }
    let common = common_dir(git, &repository)
        .map_err(|error| format!("{} is in no git repository: {error}", repository.display()))?;
    if path.symlink_metadata().is_ok() && !is_empty_directory(path) {
        return match linked_repository(git, path) {
            Ok(found) if found == common => Ok(Prepared::Reused),
            Ok(found) => Err(format!(
                "{} is a worktree of {}, not of {}",
                path.display(),
                found.display(),
                common.display()
            )),
            Err(error) => Err(format!("{} is there and is no worktree: {error}", path.display())),
        };
    }
    let told = |error: GitError| format!("{}: {error}", path.display());
    let list = git.run(&common, &["worktree", "list", "--porcelain", "-z"]).map_err(told)?;
    let registered = Registered::find(&list, path, branch);
    if let Some(elsewhere) = registered.branch_at {
        return Err(format!("branch {branch} is checked out at {elsewhere}"));
    }
    let full = format!("refs/heads/{branch}");
    let is_known = git.is_so(&common, &["show-ref", "--verify", "--quiet", &full]).map_err(told)?;
    let mut arguments: Vec<&OsStr> = ["worktree", "add", "--quiet"].map(OsStr::new).to_vec();
    if registered.is_path_known {
        // It was removed by hand; without this git keeps its place for it.
        arguments.push(OsStr::new("--force"));
    }
    if is_known {
        arguments.extend([path.as_os_str(), OsStr::new(branch)]);
    } else {
        arguments.extend([OsStr::new("-b"), OsStr::new(branch), path.as_os_str()]);
    }
    // Git would make it by the file mode mask, which is the worker's.
    let is_made = match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    // From where the caller stands: a linked worktree of the repository has a head of its own.
    let made = git.run(&repository, &arguments);
    if made.is_err() && is_made {
        // Only while it is empty.
        drop(std::fs::remove_dir(path));
    }
    made.map_err(told)?;
    Ok(Prepared::Made)
}

/// Looks at the worktree at `path`.
pub fn inspect(git: &Git, path: &Path) -> Inspection {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Inspection::Gone,
        Err(error) => return Inspection::Unknown(error.to_string()),
        Ok(found) if !found.is_dir() => {
            return Inspection::Unknown(format!("{} is no directory", path.display()));
        }
        Ok(_) => {}
    }
    try_inspect(git, path).unwrap_or_else(|error| Inspection::Unknown(error.to_string()))
}

fn try_inspect(git: &Git, path: &Path) -> Result<Inspection, GitError> {
    // Without its link to the repository, git would look further up and answer for another tree.
    linked_repository(git, path)?;
    let arguments = [
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=all",
        "--ignore-submodules=none",
        "-z",
    ];
    let status = parse(&git.run(path, &arguments)?)?;
    if status.has_uncommitted() || !is_on_a_ref(git, path, &status)? {
        return Ok(Inspection::Dirty(status));
    }
    Ok(Inspection::Clean)
}

/// Whether the commit that is checked out stays when the tree goes.
fn is_on_a_ref(git: &Git, path: &Path, status: &TreeStatus) -> Result<bool, GitError> {
    match (&status.branch, &status.commit) {
        (Some(_), _) | (None, None) => Ok(true),
        (None, Some(commit)) => {
            let contains = format!("--contains={commit}");
            let found = git.line(path, &["for-each-ref", "--count=1", &contains])?;
            Ok(!found.is_empty())
        }
    }
}

/// Writes what the worktree at `path` has and no commit has to `refs/kanban/salvage/<name>/<n>`, whose number is the next
/// free one. The newest one is named again when it has the very same content.
///
/// # Errors
/// It could not be saved.
pub fn salvage(git: &Git, path: &Path, name: &str) -> Result<String, GitError> {
    let git_dir = PathBuf::from(git.line(path, &["rev-parse", "--absolute-git-dir"])?);
    let index = git_dir.join(format!("kanban-salvage.{}", std::process::id()));
    let saved = save(git, path, name, &index);
    for left in [index.clone(), index.with_extension("lock")] {
        drop(std::fs::remove_file(left));
    }
    saved
}

fn save(git: &Git, path: &Path, name: &str, index: &Path) -> Result<String, GitError> {
    let identity = [
        ("GIT_INDEX_FILE", index.as_os_str()),
        ("GIT_AUTHOR_NAME", OsStr::new("kanband")),
        ("GIT_AUTHOR_EMAIL", OsStr::new("kanband@localhost")),
        ("GIT_COMMITTER_NAME", OsStr::new("kanband")),
        ("GIT_COMMITTER_EMAIL", OsStr::new("kanband@localhost")),
    ];
    let run = |arguments: &[&str]| -> Result<String, GitError> {
        let output = git.run_with(path, arguments, &identity)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    };
    let head = git.line(path, &["rev-parse", "--verify", "HEAD^{commit}"])?;
    run(&["read-tree", &head])?;
    run(&["add", "--all", "--", "."])?;
    let tree = run(&["write-tree"])?;
    let prefix = format!("refs/kanban/salvage/{name}");
    let earlier =
        git.line(path, &["for-each-ref", "--format=%(refname) %(tree) %(parent)", &prefix])?;
    let mut number = 0_u64;
    for line in earlier.lines() {
        let mut words = line.split(' ');
        let reference = words.next().unwrap_or_default();
        if words.next() == Some(tree.as_str()) && words.next() == Some(head.as_str()) {
            return Ok(reference.to_owned());
        }
        let last = reference.rsplit('/').next().and_then(|word| word.parse::<u64>().ok());
        number = number.max(last.unwrap_or(0));
    }
    let message = format!("Work of {name} that was not committed");
    let commit = run(&["commit-tree", "--no-gpg-sign", &tree, "-p", &head, "-m", &message])?;
    let reference = format!("{prefix}/{}", number + 1);
    // The zero at the end: only if there is no such ref yet.
    let nothing = "0".repeat(commit.len());
    run(&["update-ref", "-m", "kanban salvage", &reference, &commit, &nothing])?;
    Ok(reference)
}

/// Removes the worktree at `path`. Git refuses when there is work in it; it is not overruled.
///
/// # Errors
/// It was not removed.
pub fn remove(git: &Git, path: &Path) -> Result<(), GitError> {
    let common = linked_repository(git, path)?;
    let arguments = [OsStr::new("worktree"), OsStr::new("remove"), path.as_os_str()];
    git.run(&common, &arguments).map(drop)
}

/// What became of a worktree that was due to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swept {
    /// It went, or would go; an empty directory may be left in a place that is not the caller's.
    Removed,
    /// It had gone before.
    Gone,
    /// It stays.
    Kept {
        /// Why.
        why: String,
        /// The ref in which its work was saved.
        saved_as: Option<String>,
    },
}

/// Removes the worktree at `path` if everything in it is in a commit, or saves what is not under `name`.
pub fn sweep(git: &Git, path: &Path, name: &str, dry_run: bool) -> Swept {
    let kept = |why: String, saved_as: Option<String>| Swept::Kept { why, saved_as };
    if is_empty_directory(path) {
        return Swept::Removed;
    }
    match inspect(git, path) {
        Inspection::Gone => Swept::Gone,
        Inspection::Clean if dry_run => Swept::Removed,
        Inspection::Clean => match remove(git, path) {
            Ok(()) => Swept::Removed,
            // Git may not remove the directory itself where its parent is somebody else's.
            Err(_) if is_empty_directory(path) => Swept::Removed,
            Err(error) => kept(error.to_string(), None),
        },
        Inspection::Unknown(why) => kept(format!("its state cannot be told: {why}"), None),
        Inspection::Dirty(status) => {
            let why = format!(
                "it has work that is not committed ({} changed, {} new)",
                status.changed, status.untracked
            );
            if dry_run {
                return kept(why, None);
            }
            match salvage(git, path, name) {
                Ok(reference) => kept(why, Some(reference)),
                Err(error) => kept(format!("{why}, which could not be saved: {error}"), None),
            }
        }
    }
}

/// The repository of which `path` is the top of a linked worktree.
fn linked_repository(git: &Git, path: &Path) -> Result<PathBuf, GitError> {
    let top = git.line(path, &["rev-parse", "--path-format=absolute", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok() != path.canonicalize().ok() {
        return Err(GitError::Odd(format!("its top is {top}")));
    }
    let own = git.line(path, &["rev-parse", "--absolute-git-dir"])?;
    let common = common_dir(git, path)?;
    if Path::new(&own) == common {
        return Err(GitError::Odd("it is a repository of its own".to_owned()));
    }
    Ok(common)
}

fn common_dir(git: &Git, path: &Path) -> Result<PathBuf, GitError> {
    let common = git.line(path, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    Path::new(&common).canonicalize().map_err(GitError::Start)
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| format!("the repository {}: {error}", path.display()))
}

fn is_empty_directory(path: &Path) -> bool {
    let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    is_directory && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// What `git worktree list --porcelain -z` says of a path and a branch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Registered {
    is_path_known: bool,
    /// Where the branch is checked out, when that is another path.
    branch_at: Option<String>,
}

impl Registered {
    fn find(list: &[u8], path: &Path, branch: &str) -> Self {
        let text = String::from_utf8_lossy(list);
        let (wanted, mut found) = (format!("branch refs/heads/{branch}"), Self::default());
        let mut at = "";
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        let real = parent.zip(path.file_name()).map(|(parent, name)| parent.join(name));
        for record in text.split('\0') {
            if let Some(worktree) = record.strip_prefix("worktree ") {
                at = worktree;
                found.is_path_known |= is_same(at, path, real.as_deref());
            } else if record == wanted && !is_same(at, path, real.as_deref()) {
                found.branch_at = Some(at.to_owned());
            }
        }
        found
    }
}

fn is_same(at: &str, path: &Path, real: Option<&Path>) -> bool {
    Path::new(at) == path || Some(Path::new(at)) == real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_worktrees_tells_where_path_and_branch_are() {
        let list = b"worktree /r\0HEAD 1\0branch refs/heads/main\0\0worktree /w/a\0HEAD 2\0branch refs/heads/kanban/a\0\0\
                     worktree /w/b\0HEAD 3\0detached\0prunable gone\0\0";
        let find = |path: &str, branch: &str| Registered::find(list, Path::new(path), branch);
        assert_eq!(find("/w/c", "kanban/c"), Registered::default());
        assert_eq!(find("/w/a", "kanban/a"), Registered { is_path_known: true, branch_at: None });
        assert_eq!(find("/w/b", "kanban/b"), Registered { is_path_known: true, branch_at: None });
        let elsewhere = Registered { is_path_known: false, branch_at: Some("/w/a".to_owned()) };
        assert_eq!(find("/w/c", "kanban/a"), elsewhere);
    }
}
