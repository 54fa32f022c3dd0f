//! Repositories inside a worktree: submodules, clones, bare repositories. They go with it as a whole, so each is looked at as one:
//! its working tree, its index, and every commit that no remote-tracking branch of it leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::mirror::{Mirror, Purpose};
use crate::os::workspaces::git::repository::{Repository, checkout_at, looks_bare};
use crate::os::workspaces::git::{Git, GitError};
use crate::os::workspaces::tree::Nested;
use crate::os::workspaces::worktree::commits::{self, OwnCommits};
use crate::os::workspaces::worktree::content;
use crate::os::workspaces::worktree::state::{self, Scope};
use crate::os::workspaces::worktree::words;

/// Depth to which repositories of submodules are looked for in one another.
const MODULES_DEPTH_MAX: usize = 16;

/// Why each repository in the worktree `top` stays, whose own directory is `git_dir`; nothing when all of them may go.
///
/// # Errors
/// [`GitError`]: then nothing is known.
pub fn reasons(
    git: &Git,
    (top, git_dir): (&Path, &Path),
    nested: &[Nested],
) -> Result<Vec<String>, GitError> {
    let mut reasons = Vec::new();
    let mut wholes: BTreeMap<PathBuf, Whole> = BTreeMap::new();
    for one in nested {
        let (path, is_bare) = match one {
            Nested::Checkout(path) => (path, false),
            Nested::Bare(path) => (path, true),
        };
        let name = path.display().to_string();
        match placed(top, git_dir, path, is_bare) {
            Ok(whole) => drop(wholes.insert(whole.git_dir.clone(), whole)),
            Err(why) => reasons.push(format!("repository `{name}` {why}")),
        }
    }
    // Also those whose checkout is gone.
    let mut open: Vec<(PathBuf, usize)> = wholes.keys().map(|dir| (dir.clone(), 0)).collect();
    open.push((git_dir.to_owned(), 0));
    while let Some((folder, depth)) = open.pop() {
        for found in modules_in(&folder.join("modules"))? {
            if depth >= MODULES_DEPTH_MAX {
                return Err(GitError::Odd(format!(
                    "{}: too deeply nested submodules",
                    found.display()
                )));
            }
            open.push((found.clone(), depth + 1));
            wholes.entry(found.clone()).or_insert_with(|| Whole::without_checkout(&found, git_dir));
        }
    }
    for whole in wholes.values() {
        let found = whole.reasons(git)?;
        if !found.is_empty() {
            reasons.push(format!("repository `{}`: {}", whole.name, found.join(", ")));
        }
    }
    Ok(reasons)
}

/// A repository that goes with the tree.
struct Whole {
    name: String,
    git_dir: PathBuf,
    work_tree: Option<PathBuf>,
}

impl Whole {
    fn without_checkout(path: &Path, git_dir: &Path) -> Self {
        let name = path.strip_prefix(git_dir).unwrap_or(path).display().to_string();
        Self { name, git_dir: path.to_owned(), work_tree: None }
    }

    fn reasons(&self, git: &Git) -> Result<Vec<String>, GitError> {
        let repository = Repository {
            git_dir: self.git_dir.clone(),
            common_dir: self.git_dir.clone(),
            top: self.work_tree.clone(),
        };
        let named = GitError::file(&self.git_dir);
        let names: BTreeSet<String> = state::names_in(&self.git_dir).map_err(named)?;
        let mut reasons = state::reasons(&names);
        if has_worktrees(&self.git_dir) {
            reasons.push("it has worktrees elsewhere".to_owned());
        }
        let mirror = Mirror::make(git, &repository, Purpose::Inspection)?;
        let is_bare = self.work_tree.is_none();
        if !is_bare || names.contains("index") {
            let tree = self.work_tree.as_deref();
            let found = content::look(git, &mirror, &repository, tree, false)?;
            reasons.extend(words::uncommitted(&found.status));
        }
        let own = commits::own(git, &mirror, &repository, Scope::Whole)?;
        reasons.extend(unpushed(&own));
        Ok(reasons)
    }
}

fn unpushed(own: &OwnCommits) -> Option<String> {
    let count = own.count;
    (count > 0).then(|| format!("{count} commit(s) on no remote-tracking branch"))
}

fn has_worktrees(git_dir: &Path) -> bool {
    std::fs::read_dir(git_dir.join("worktrees")).is_ok_and(|mut entries| entries.next().is_some())
}

/// The repository at `path` in the tree, or why it keeps the tree.
fn placed(top: &Path, git_dir: &Path, path: &Path, is_bare: bool) -> Result<Whole, String> {
    let full = top.join(path);
    let name = path.display().to_string();
    if is_bare {
        let git_dir = full.canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
        return Ok(Whole { name, git_dir, work_tree: None });
    }
    let found = match checkout_at(&full) {
        Ok(Some(found)) => found,
        Ok(None) => return Err("has a `.git` that is not a repository".to_owned()),
        Err(error) => return Err(format!("has a broken `.git`: {error}")),
    };
    if found.is_linked() {
        return Err(format!("is another worktree, of {}", found.common_dir.display()));
    }
    let top = top.canonicalize().map_err(|error| format!("cannot be read: {error}"))?;
    let is_inside = found.git_dir.starts_with(&top) || found.git_dir.starts_with(git_dir);
    if !is_inside {
        return Err(format!("is a checkout of {}", found.git_dir.display()));
    }
    Ok(Whole { name, git_dir: found.git_dir, work_tree: Some(full) })
}

/// Repositories below a `modules` directory: names of submodules may have slashes in them.
fn modules_in(folder: &Path) -> Result<Vec<PathBuf>, GitError> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(GitError::file(&folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(GitError::file(&folder))?;
            let is_folder = entry.file_type().map_err(GitError::file(&folder))?.is_dir();
            match (is_folder, looks_bare(&entry.path())) {
                (true, true) => {
                    found.push(entry.path().canonicalize().map_err(GitError::file(&entry.path()))?);
                }
                (true, false) => open.push(entry.path()),
                (false, _) => {}
            }
        }
    }
    Ok(found)
}
