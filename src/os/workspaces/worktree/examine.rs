//! Decides what would be lost with a worktree. `gc` and its dry run ask this one function, so they agree.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::os::workspaces::git::mirror::{Mirror, Purpose};
use crate::os::workspaces::git::repository::{Repository, RepositoryError, at_top, is_missing};
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::tree::Survey;
use crate::os::workspaces::worktree::commits::{self, OwnCommits};
use crate::os::workspaces::worktree::content::{self, Content};
use crate::os::workspaces::worktree::state::{self, REMOVAL_NOTE, Scope};
use crate::os::workspaces::worktree::{nested, words};

/// What was found where a worktree should be.
#[derive(Debug)]
pub enum Standing {
    /// Nothing is there.
    Gone,
    /// An empty directory, or one that a removal was cut off in at its very end.
    Empty,
    /// A worktree.
    Known(Box<Examined>),
    /// Unknown, for this reason; then nothing is done.
    Unknown(String),
}

/// A worktree, and what only it has.
#[derive(Debug)]
pub struct Examined {
    /// Its repository.
    pub repository: Repository,
    /// The mirror through which it was read.
    pub mirror: Mirror,
    /// Its index and its files.
    pub content: Content,
    /// Its commits and objects.
    pub own: OwnCommits,
    /// What can only be kept: operations, locks, repositories in it, what cannot be removed.
    pub stays: Vec<String>,
}

impl Examined {
    /// Why it stays, part by part; nothing when all of it is elsewhere too. Ignored files do not count.
    pub fn reasons(&self) -> Vec<String> {
        let uncommitted = words::uncommitted(&self.content.status);
        let unreached = words::unreached(&self.own);
        uncommitted.into_iter().chain(unreached).chain(self.stays.iter().cloned()).collect()
    }
}

/// Looks at the worktree at `path`. Changes nothing.
pub fn examine(git: &Git, path: &Path) -> Standing {
    match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Standing::Gone,
        Err(error) => return Standing::Unknown(error.to_string()),
        Ok(found) if !found.is_dir() => {
            return Standing::Unknown(format!("{} is not a directory", path.display()));
        }
        Ok(_) => {}
    }
    try_examine(git, path).unwrap_or_else(Standing::Unknown)
}

fn try_examine(git: &Git, path: &Path) -> Result<Standing, String> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let top: OwnedFd = open(path, flags, Mode::empty()).map_err(|errno| errno.desc().to_owned())?;
    let survey = Survey::of(&top).map_err(|error| error.to_string())?;
    if survey.is_empty {
        return Ok(Standing::Empty);
    }
    let repository = match at_top(git, path) {
        Err(RepositoryError::Damaged { .. }) if is_all_but_removed(path) => {
            return Ok(Standing::Empty);
        }
        found => found.map_err(|error| error.to_string())?,
    };
    if !repository.is_linked() {
        return Err(format!("{} is a repository of its own", path.display()));
    }
    if !repository.is_entry_of(path).map_err(|error| error.to_string())? {
        let entry = repository.git_dir.display();
        return Err(format!(
            "{entry} is the entry of another worktree (`git worktree repair` repairs one that was moved)"
        ));
    }
    git.check_version().map_err(|error| error.to_string())?;
    known(git, path, repository, &survey).map_err(|error| error.to_string())
}

/// Whether nothing is left but a link to a repository that has forgotten the worktree: its removal was cut off.
fn is_all_but_removed(path: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return false };
    let names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names == [".git"]
}

fn known(
    git: &Git,
    path: &Path,
    repository: Repository,
    survey: &Survey,
) -> Result<Standing, GitError> {
    let git_dir = repository.git_dir.clone();
    let names = state::names_in(&git_dir).map_err(GitError::file(&git_dir))?;
    let mut stays = state::reasons(&names);
    stays.extend(locked(&git_dir)?);
    stays.extend(survey.obstacles.iter().cloned());
    let unread =
        survey.unread.iter().map(|folder| format!("cannot read directory `{}`", folder.display()));
    stays.extend(unread);
    stays.extend(borrowers(path, &repository)?);
    stays.extend(nested::reasons(git, (path, &git_dir), &survey.nested)?);
    let mirror = Mirror::make(git, &repository, Purpose::Inspection)?;
    let content = if is_without_checkout(path, &names) {
        Content::default()
    } else {
        let is_removing = names.contains(REMOVAL_NOTE);
        content::look(git, &mirror, &repository, Some(path), is_removing)?
    };
    let own = commits::own(git, &mirror, &repository, Scope::Linked)?;
    Ok(Standing::Known(Box::new(Examined { repository, mirror, content, own, stays })))
}

/// Whether its files were never written: git has entered it, and nothing more.
fn is_without_checkout(path: &Path, names: &BTreeSet<String>) -> bool {
    !names.contains("index") && is_all_but_removed(path)
}

/// The reason for which it was locked (`git worktree lock`).
fn locked(git_dir: &Path) -> Result<Option<String>, GitError> {
    let path = git_dir.join("locked");
    match crate::os::workspaces::git::repository::read_line(&path) {
        Ok(reason) if reason.is_empty() => {
            Ok(Some("the worktree is locked (git worktree lock)".to_owned()))
        }
        Ok(reason) => {
            Ok(Some(format!("the worktree is locked: {}", String::from_utf8_lossy(&reason))))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(GitError::file(&path)(error)),
    }
}

/// A repository that takes objects out of the tree would be damaged without it.
fn borrowers(path: &Path, repository: &Repository) -> Result<Option<String>, GitError> {
    let top = path.canonicalize().map_err(GitError::file(path))?;
    let is_inside =
        |from: &PathBuf| from.starts_with(&top) || from.starts_with(&repository.git_dir);
    let borrowed = commits::borrowed_from(&repository.common_dir)?;
    let inside = borrowed.into_iter().find(is_inside);
    Ok(inside.map(|from| format!("its repository borrows objects from {}", from.display())))
}
