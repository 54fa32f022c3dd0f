//! What a worktree has changed against its merge base: the files with their numbers, and a patch of bounded size.
//!
//! Uncommitted edits and new files that are not ignored are changes like any other; what is under way in the index does not count,
//! but what the files have in them. The repository is read through a mirror, so nothing that its configuration names is executed;
//! attributes have no say in what is shown, nor in how.

mod base;
pub mod beginning;
mod files;
mod numbers;
mod patch;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::os::workspaces::diff_report::{
    ChangedFile, DiffReport, FILES_MAX, LeftOut, NAMES_BYTES_MAX, PATCH_BYTES_MAX,
};
use crate::os::workspaces::git::mirror::{Mirror, Purpose};
use crate::os::workspaces::git::repository::{Repository, RepositoryError, at_top, is_missing};
use crate::os::workspaces::git::{Call, Git, GitError};
use crate::os::workspaces::worktree::state::{CHECKOUT_NOTE, REMOVAL_NOTE};
use crate::text::file_names::quoted;
use base::Sides;
pub use base::{commit, merge_base};
use files::Files;
use numbers::Change;
use patch::PatchKeeper;

/// Names of files are given to git as long as they take no more than this; more are picked from the whole patch, bytes.
const NAMED_BYTES_MAX: usize = 64 * 1024;

/// Switches of every comparison: nothing but git itself, and the same for everyone.
const SWITCHES: [&str; 10] = [
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "--find-renames",
    "--submodule=short",
    // What is changed in one is not looked at: for that git would start another git in it.
    "--ignore-submodules=dirty",
    "--diff-algorithm=histogram",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// Settings of every comparison. A larger file counts as a binary one.
const SETTINGS: [&str; 2] = ["core.quotePath=false", "core.bigFileThreshold=16m"];

/// Why there is no diff. Each is one line that goes on after "cannot show what … changed:".
#[derive(Debug, Error)]
pub enum DiffError {
    /// Nothing is there.
    #[error("its worktree {} is gone", path.display())]
    Gone {
        /// Its place.
        path: PathBuf,
    },
    /// What is there is no worktree.
    #[error("{} is not a worktree: {why}", path.display())]
    Other {
        /// Its place.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// Its files are being written or removed.
    #[error("the files of its worktree are being {0}; try again")]
    Unfinished(&'static str),
    /// The branch of the worktree has no commit.
    #[error("its branch `{branch}` has no commit yet")]
    Unborn {
        /// The branch.
        branch: String,
    },
    /// The branch that it was made from is gone, and where it began is not known.
    #[error(
        "the branch `{branch}` that it was made from is gone, and the commit at which it began is not recorded"
    )]
    BaseGone {
        /// That branch.
        branch: String,
    },
    /// No merge base, and where it began is not known.
    #[error("it has no commit in common with the branch `{branch}`")]
    NoMergeBase {
        /// That branch.
        branch: String,
    },
    /// Nothing to compare with.
    #[error("the branch that it was made from is not known")]
    NoBase,
    /// A commit that was recorded is no longer in the repository.
    #[error("commit {commit} is no longer in the repository")]
    CommitGone {
        /// The commit.
        commit: String,
    },
    /// The run has left no record.
    #[error("where its next run began is not recorded, so what this run left is not known")]
    NoRecord,
    /// A file was named that has not changed.
    #[error("{name} is not among the changed files")]
    NotChanged {
        /// Its name, quoted.
        name: String,
    },
    /// The repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The worktree.
    pub path: &'a Path,
    /// The runs behind the one that is asked about, in their order: what it left is where the first of them began that began in
    /// the worktree. Empty: what is there now.
    pub followers: &'a [i64],
    /// Whether one of them must have begun there.
    pub must_have_begun: bool,
    /// Only these files, or what is in these directories; empty: all.
    pub files: &'a [Vec<u8>],
    /// Whether a patch is wanted.
    pub with_patch: bool,
}

/// A diff.
#[derive(Debug, PartialEq, Eq)]
pub struct Diff {
    /// Everything but the patch.
    pub report: DiffReport,
    /// The patch; empty when none was asked for.
    pub patch: Vec<u8>,
}

/// Compares a worktree with its merge base.
///
/// # Errors
/// [`DiffError`].
pub fn diff(git: &Git, asked: &Asked<'_>) -> Result<Diff, DiffError> {
    let repository = worktree_at(git, asked.path)?;
    let mirror = Mirror::make(git, &repository, Purpose::Comparison)?;
    let beginning = beginning::read(&repository.git_dir);
    let tip = beginning::head_of_first(&repository.git_dir, asked.followers);
    if tip.is_none() && asked.must_have_begun {
        return Err(DiffError::NoRecord);
    }
    let sides = base::sides(git, &mirror, beginning.as_ref(), tip.as_deref())?;
    let files = match &tip {
        Some(_) => None,
        None => Some(files::all(git, &mirror, &repository, asked.path)?),
    };
    let comparison = Comparison { git, mirror: &mirror, tree: asked.path, sides: &sides, files };
    let changes = comparison.changes()?;
    let wanted = wanted(&changes, asked.files)?;
    let (patch, left_out) = match asked.with_patch {
        true => comparison.patch(&changes, &wanted, asked.files).map(|(p, l)| (p, Some(l)))?,
        false => (Vec::new(), None),
    };
    let report = report(&changes, &wanted);
    let has_uncommitted = comparison.files.is_some();
    let notes = comparison.files.into_iter().flat_map(|files| files.notes);
    let notes = sides.note.clone().into_iter().chain(notes).collect();
    Ok(Diff {
        report: DiffReport {
            has_uncommitted,
            notes,
            base_branch: sides.base_branch,
            base_commit: sides.base,
            branch: sides.branch,
            head: sides.tip,
            left_out,
            ..report
        },
        patch,
    })
}

/// The repository of a worktree whose files are there.
fn worktree_at(git: &Git, path: &Path) -> Result<Repository, DiffError> {
    let other = |why: String| DiffError::Other { path: path.to_owned(), why };
    match path.symlink_metadata() {
        Err(error) if is_missing(&error) => {
            return Err(DiffError::Gone { path: path.to_owned() });
        }
        Err(error) => return Err(other(error.to_string())),
        Ok(found) if !found.is_dir() => return Err(other("it is not a directory".to_owned())),
        Ok(_) => {}
    }
    git.check_version()?;
    let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        return Err(DiffError::Gone { path: path.to_owned() });
    }
    let repository = at_top(git, path)?;
    if !repository.is_linked() {
        return Err(other("it is a repository of its own".to_owned()));
    }
    if !repository.is_entry_of(path)? {
        let entry = repository.git_dir.display();
        return Err(other(format!("{entry} is the entry of another worktree")));
    }
    let has = |name: &str| repository.git_dir.join(name).symlink_metadata().is_ok();
    if has(REMOVAL_NOTE) {
        return Err(DiffError::Unfinished("removed"));
    }
    if has(CHECKOUT_NOTE) || !has("index") {
        return Err(DiffError::Unfinished("written"));
    }
    Ok(repository)
}

/// Which of the changes are asked about.
fn wanted(changes: &[Change], names: &[Vec<u8>]) -> Result<Vec<bool>, DiffError> {
    let trimmed = |name: &Vec<u8>| {
        let name = name.strip_prefix(b"./").unwrap_or(name);
        name.strip_suffix(b"/").unwrap_or(name).to_owned()
    };
    let names: Vec<Vec<u8>> = names.iter().map(trimmed).collect();
    let unchanged = |name: &&Vec<u8>| !changes.iter().any(|change| change.is_named_by(name));
    if let Some(name) = names.iter().find(unchanged) {
        return Err(DiffError::NotChanged { name: quoted(name) });
    }
    let is_wanted =
        |change: &Change| names.is_empty() || names.iter().any(|name| change.is_named_by(name));
    Ok(changes.iter().map(is_wanted).collect())
}

/// The files with their numbers, as many as are listed.
fn report(changes: &[Change], wanted: &[bool]) -> DiffReport {
    let chosen = || changes.iter().zip(wanted).filter(|(_, is_wanted)| **is_wanted);
    let mut report = DiffReport::default();
    let mut bytes = 0;
    for (change, _) in chosen() {
        let (added, deleted) = change.lines.unwrap_or_default();
        report.file_count += 1;
        report.added = report.added.saturating_add(added);
        report.deleted = report.deleted.saturating_add(deleted);
        let file = ChangedFile::from(change);
        bytes += file.path.len() + file.old_path.as_ref().map_or(0, String::len);
        if report.files.len() < FILES_MAX && bytes <= NAMES_BYTES_MAX {
            report.files.push(file);
        }
    }
    report
}

/// Two sides, and how git is asked about them.
struct Comparison<'a> {
    git: &'a Git,
    mirror: &'a Mirror,
    tree: &'a Path,
    sides: &'a Sides,
    /// The files of the worktree; none when two commits are compared.
    files: Option<Files>,
}

impl Comparison<'_> {
    fn call(&self, words: &[&str], paths: &[OsString]) -> Call {
        let mut arguments: Vec<OsString> = match &self.files {
            Some(_) => vec!["diff".into()],
            None => vec!["diff-tree".into(), "-r".into()],
        };
        arguments.extend(SWITCHES.iter().chain(words).map(OsString::from));
        arguments.push((&self.sides.base).into());
        if self.files.is_none() {
            arguments.push((&self.sides.tip).into());
        }
        arguments.push("--".into());
        arguments.extend_from_slice(paths);
        let mut call = self.mirror.call(arguments).work_tree(self.tree);
        for setting in SETTINGS {
            call = call.setting(setting);
        }
        // A name is a name, whatever it begins with.
        call = call.env("GIT_LITERAL_PATHSPECS", "1");
        match &self.files {
            Some(files) => call.env("GIT_INDEX_FILE", &files.index),
            None => call,
        }
    }

    fn changes(&self) -> Result<Vec<Change>, GitError> {
        numbers::parse(&self.git.run(&self.call(&["--raw", "--numstat", "-z"], &[]))?)
    }

    fn patch(
        &self,
        changes: &[Change],
        wanted: &[bool],
        names: &[Vec<u8>],
    ) -> Result<(Vec<u8>, LeftOut), GitError> {
        let chosen: Vec<&Change> =
            changes.iter().zip(wanted).filter(|(_, is)| **is).map(|(change, _)| change).collect();
        // Of a file that was renamed git has to see both names.
        let paths = chosen.iter().flat_map(|change| change.old_path.iter().chain([&change.path]));
        let bytes: usize = paths.clone().map(|path| path.len() + 1).sum();
        let is_named = !names.is_empty() && bytes <= NAMED_BYTES_MAX;
        let mut sections = Vec::new();
        for (change, is_wanted) in changes.iter().zip(wanted) {
            let name = is_wanted.then(|| quoted(&change.path));
            if *is_wanted || !is_named {
                sections.extend(std::iter::repeat_n(name, change.sections()));
            }
        }
        let paths: Vec<OsString> = match is_named {
            true => paths.map(|path| OsStr::from_bytes(path).to_owned()).collect(),
            false => Vec::new(),
        };
        let mut keeper = PatchKeeper::new(PATCH_BYTES_MAX, sections);
        if !chosen.is_empty() {
            self.git.pour(&self.call(&["--patch", "--unified=3"], &paths), &mut |piece| {
                keeper.push(piece)
            })?;
        }
        Ok(keeper.finish())
    }
}
