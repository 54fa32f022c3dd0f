//! Makes the worktree of a task before its worker starts, or finds the one that an earlier attempt has left.
//!
//! `git worktree add` enters it in the repository and writes no file. The files are written through a mirror of the repository,
//! so nothing that its configuration names is executed. Files behind a filter (Git LFS) are as they are stored; a note says so.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use crate::os::workspaces::git::mirror::{Mirror, Purpose};
use crate::os::workspaces::git::repository::{Repository, RepositoryError, at_top, find};
use crate::os::workspaces::git::{Call, Git, GitError};
use crate::os::workspaces::worktree::branch::{Choice, candidates, choose};
use crate::os::workspaces::worktree::registered::Registered;
use crate::os::workspaces::worktree::state::{CHECKOUT_NOTE, REMOVAL_NOTE};
use crate::os::workspaces::worktree::{content, submodules};
use crate::os::workspaces::worktree_report::PreparedWorktree;

/// Files that are listed by name.
const TOLD_MAX: usize = 3;

/// A worktree to be made.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// A directory in the repository.
    pub repository: &'a Path,
    /// Where it is to be.
    pub path: &'a Path,
    /// Its branch.
    pub branch: &'a str,
    /// Whether its submodules are checked out too.
    pub with_submodules: bool,
}

/// Why there is no worktree.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// The path of the repository leads to nothing that could be one.
    #[error("the repository {}: {source}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// There is no repository to use.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Something else is at its place.
    #[error("{} exists and is not a worktree: {why}", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// A worktree of another repository is at its place.
    #[error("{} is a worktree of {}, not of {}", path.display(), found.display(), wanted.display())]
    OtherRepository {
        /// The place.
        path: PathBuf,
        /// The repository that it is of.
        found: PathBuf,
        /// The one that was asked for.
        wanted: PathBuf,
    },
    /// Its branch is checked out elsewhere.
    #[error("branch {branch} is checked out at {at}")]
    BranchTaken {
        /// The branch.
        branch: String,
        /// Where.
        at: String,
    },
    /// No branch can be made for it.
    #[error(
        "cannot create branch `{wanted}`: branch `{blocked_by}` is in the way; rename that branch, or set \
         `worktree.branch_prefix`"
    )]
    BranchBlocked {
        /// The branch.
        wanted: String,
        /// The one that is in its way.
        blocked_by: String,
    },
    /// Submodules were asked for and could not be had.
    #[error("worktree.submodules: {0}")]
    Submodules(#[source] GitError),
    /// Git failed.
    #[error("{}: {source}", path.display())]
    Git {
        /// The place of the worktree.
        path: PathBuf,
        /// Reason.
        source: GitError,
    },
}

impl PrepareError {
    /// The kernel's error number behind it.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Path { source, .. } => source.raw_os_error(),
            Self::Repository(error) => error.errno(),
            Self::Submodules(error) | Self::Git { source: error, .. } => error.errno(),
            Self::Occupied { .. }
            | Self::OtherRepository { .. }
            | Self::BranchTaken { .. }
            | Self::BranchBlocked { .. } => None,
        }
    }
}

/// Makes the worktree that is wanted, or finds that it is there.
///
/// # Errors
/// [`PrepareError`].
pub fn prepare(git: &Git, wanted: &Wanted<'_>) -> Result<PreparedWorktree, PrepareError> {
    let message = |source: GitError| PrepareError::Git { path: wanted.path.to_owned(), source };
    git.check_version().map_err(message)?;
    let at = |source| PrepareError::Path { path: wanted.repository.to_owned(), source };
    if !wanted.repository.metadata().map_err(at)?.is_dir() {
        return Err(at(nix::errno::Errno::ENOTDIR.into()));
    }
    let repository = find(git, wanted.repository)?;
    let is_there = wanted.path.symlink_metadata().is_ok() && !is_empty_directory(wanted.path);
    let mut notes = Vec::new();
    if !is_there {
        add(git, wanted, &repository, &mut notes)?;
    }
    let made = existing(git, wanted.path, &repository)?;
    finish(git, wanted, &made, &mut notes)?;
    let branch = Mirror::make(git, &made, Purpose::Inspection)
        .and_then(|mirror| {
            git.line_if_any(&mirror.call(["symbolic-ref", "--quiet", "--short", "HEAD"]))
        })
        .map_err(message)?;
    Ok(PreparedWorktree { branch, is_reused: is_there, notes, changes: None })
}

/// The worktree at `path`, if it is one of `repository`.
fn existing(git: &Git, path: &Path, repository: &Repository) -> Result<Repository, PrepareError> {
    let occupied = |why: String| PrepareError::Occupied { path: path.to_owned(), why };
    let found = at_top(git, path).map_err(|error| occupied(error.to_string()))?;
    if !found.is_linked() {
        return Err(occupied("it is a repository of its own".to_owned()));
    }
    if found.common_dir == repository.common_dir {
        return Ok(found);
    }
    Err(PrepareError::OtherRepository {
        path: path.to_owned(),
        found: found.common_dir,
        wanted: repository.common_dir.clone(),
    })
}

/// Enters a new worktree in the repository. Its files are not written yet.
fn add(
    git: &Git,
    wanted: &Wanted<'_>,
    repository: &Repository,
    notes: &mut Vec<String>,
) -> Result<(), PrepareError> {
    let message = |source: GitError| PrepareError::Git { path: wanted.path.to_owned(), source };
    let branches = branches(git, repository).map_err(message)?;
    let (branch, is_new) = match choose(&candidates(wanted.branch), &branches) {
        Choice::Existing(name) => (name, false),
        Choice::New { name, blocked_by } => {
            notes.extend(blocked_by.map(|other| {
                let wanted = wanted.branch;
                format!(
                    "branch `{other}` is in the way of `{wanted}`, so the branch is `{name}` (setting worktree.branch_prefix)"
                )
            }));
            (name, true)
        }
        Choice::Blocked(blocked_by) => {
            return Err(PrepareError::BranchBlocked {
                wanted: wanted.branch.to_owned(),
                blocked_by,
            });
        }
    };
    let on = |arguments: &[&OsStr]| Call::new(arguments).git_dir(&repository.git_dir);
    // Git reads the entries of all worktrees, and fails at one that another git is just making.
    let _alone = File::open(&repository.common_dir)
        .ok()
        .and_then(|directory| Flock::lock(directory, FlockArg::LockExclusive).ok());
    let list = on(&["worktree", "list", "--porcelain", "-z"].map(OsStr::new));
    let list = git.run(&list).map_err(message)?;
    let registered = Registered::find(&list, wanted.path, &branch);
    if let Some(at) = registered.branch_at {
        return Err(PrepareError::BranchTaken { branch, at });
    }
    let mut arguments = ["worktree", "add", "--quiet", "--no-checkout"].map(OsStr::new).to_vec();
    if registered.is_path_known {
        // It was removed by hand; without this git keeps its place for it.
        arguments.push(OsStr::new("--force"));
    }
    let branch = OsStr::new(&branch);
    if is_new {
        // From where the repository's own head is: a linked worktree has one of its own.
        let new = ["--no-track", "-b"].map(OsStr::new);
        arguments.extend(new.into_iter().chain([branch, wanted.path.as_os_str()]));
    } else {
        arguments.extend([wanted.path.as_os_str(), branch]);
    }
    // Git would make it by the file mode mask, which is the worker's.
    let is_made = match DirBuilder::new().mode(0o700).create(wanted.path) {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
        Err(source) => {
            return Err(message(GitError::File { path: wanted.path.to_owned(), source }));
        }
    };
    let added = git.run(&on(&arguments));
    if added.is_err() && is_made {
        // Only while it is empty.
        drop(std::fs::remove_dir(wanted.path));
    }
    added.map(drop).map_err(message)
}

fn branches(git: &Git, repository: &Repository) -> Result<BTreeSet<String>, GitError> {
    let mirror = Mirror::make(git, repository, Purpose::Inspection)?;
    let refs = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
    Ok(git.line(&mirror.shared_call(refs))?.lines().map(str::to_owned).collect())
}

/// Writes the files of a worktree that has none yet, or whose checkout was cut off; finds out what is to be told.
fn finish(
    git: &Git,
    wanted: &Wanted<'_>,
    made: &Repository,
    notes: &mut Vec<String>,
) -> Result<(), PrepareError> {
    let message = |source: GitError| PrepareError::Git { path: wanted.path.to_owned(), source };
    let note = made.git_dir.join(CHECKOUT_NOTE);
    let index = made.git_dir.join("index");
    let is_unwritten = index.symlink_metadata().is_err() && has_only_link(wanted.path);
    let is_unfinished = is_unwritten || note.symlink_metadata().is_ok();
    let mirror = Mirror::make(git, made, Purpose::Checkout).map_err(message)?;
    if is_unfinished {
        std::fs::write(&note, "its files are being written\n")
            .map_err(|source| message(GitError::File { path: note.clone(), source }))?;
        check_out(git, &mirror, &index, wanted.path).map_err(message)?;
    }
    let removal = made.git_dir.join(REMOVAL_NOTE);
    if removal.symlink_metadata().is_ok() {
        restore(git, &mirror, &index, wanted.path)
            .and_then(|()| std::fs::remove_file(&removal).map_err(GitError::file(&removal)))
            .map_err(message)?;
    }
    let entries = content::entries(git, &mirror, &index).map_err(message)?;
    let found = submodules::found(wanted.path, &entries);
    if wanted.with_submodules && (is_unfinished || !found.empty.is_empty()) {
        // In a worktree that was there before those that are checked out stay as the attempt before has left them.
        let paths = if is_unfinished { &found.all } else { &found.empty };
        submodules::check_out(git, wanted.path, paths).map_err(PrepareError::Submodules)?;
    } else {
        notes.extend(submodules::note(&found.empty));
    }
    notes.extend(filter_note(git, &mirror, &index, wanted.path, &entries).map_err(message)?);
    if is_unfinished {
        std::fs::remove_file(&note)
            .map_err(|source| message(GitError::File { path: note.clone(), source }))?;
    }
    Ok(())
}

fn check_out(git: &Git, mirror: &Mirror, index: &Path, path: &Path) -> Result<(), GitError> {
    let head = git.line(&mirror.call(["rev-parse", "--verify", "HEAD^{commit}"]))?;
    let lock = index.with_extension("lock");
    if lock.symlink_metadata().is_ok() {
        // Of a checkout that was cut off; this one is the only one.
        std::fs::remove_file(&lock).map_err(GitError::file(&lock))?;
    }
    let call = mirror.call(["read-tree", "--reset", "-u", &head]).work_tree(path);
    git.run(&call.env("GIT_INDEX_FILE", index)).map(drop)
}

/// Writes the files that a removal which was cut off has taken away; what is there is left as it is.
fn restore(git: &Git, mirror: &Mirror, index: &Path, path: &Path) -> Result<(), GitError> {
    let call = |words: &[&str]| mirror.call(words).work_tree(path).env("GIT_INDEX_FILE", index);
    let missing = git.run(&call(&["diff-files", "--name-only", "--diff-filter=D", "-z"]))?;
    if missing.is_empty() {
        return Ok(());
    }
    git.run(&call(&["checkout-index", "-z", "-u", "--stdin"]).input(missing)).map(drop)
}

/// Says which files are as they are stored because their filter was not run.
fn filter_note(
    git: &Git,
    mirror: &Mirror,
    index: &Path,
    path: &Path,
    entries: &[content::IndexEntry],
) -> Result<Option<String>, GitError> {
    let has_attributes = entries.iter().any(|entry| entry.path.ends_with(b".gitattributes"));
    if !has_attributes {
        return Ok(None);
    }
    let paths: Vec<&[u8]> = entries.iter().map(|entry| entry.path.as_slice()).collect();
    let behind = content::behind_filters(git, mirror, index, (path, &paths))?;
    let count = behind.len();
    let names = told_names(behind.iter().map(|path| String::from_utf8_lossy(path).into_owned()));
    Ok((count > 0).then(|| {
        format!(
            "{count} file(s) are as the repository stores them, because filters are not run: {names} (Git LFS: run \
             `git lfs pull`, or set worktree.setup to do so before the worker starts)"
        )
    }))
}

/// A few names, and how many there are beside them.
pub fn told_names(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(TOLD_MAX);
    let mut message = names.take(TOLD_MAX).collect::<Vec<_>>().join(", ");
    if more > 0 {
        message.push_str(&format!(" and {more} more"));
    }
    message
}

/// Whether nothing but the link to its repository is in a directory.
fn has_only_link(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names == [".git"]
}

fn is_empty_directory(path: &Path) -> bool {
    let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    is_directory && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
