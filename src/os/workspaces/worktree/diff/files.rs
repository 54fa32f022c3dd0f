//! An index of our own that names every file of a worktree, those that git does not know yet too. The names count: what is compared
//! is what the files have in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::mirror::Mirror;
use crate::os::workspaces::git::repository::Repository;
use crate::os::workspaces::git::{Call, Git, GitError};
use crate::os::workspaces::worktree::content::{
    IndexEntry, behind_filters, entries, take_over, trusted_by_times,
};
use crate::os::workspaces::worktree::prepare::told_names;
use crate::text::file_names::quoted;

/// The files of a worktree.
#[derive(Debug)]
pub struct Files {
    /// The index.
    pub index: PathBuf,
    /// What is not compared as the files have it.
    pub notes: Vec<String>,
}

/// Makes the index for the worktree at `tree`.
///
/// # Errors
/// [`GitError`].
pub fn all(
    git: &Git,
    mirror: &Mirror,
    repository: &Repository,
    tree: &Path,
) -> Result<Files, GitError> {
    let real = repository.git_dir.join("index");
    let index = mirror.index("diff");
    let mut known: Vec<IndexEntry> =
        entries(git, mirror, &real)?.into_iter().map(IndexEntry::resolved).collect();
    // Of a conflict one side is enough.
    known.dedup_by(|one, other| one.path == other.path);
    let mut notes = Vec::new();
    let odd = take_odd(&mut known, tree);
    if !odd.is_empty() {
        let names = told_names(odd.iter().map(|path| quoted(path)));
        let count = odd.len();
        notes.push(format!("{count} file(s) are shown as deleted: a pipe, socket or device is there instead: {names}"));
    }
    take_over(git, mirror, (&known, &index), Some(tree))?;
    let on_index = |words: &[&str]| -> Call {
        mirror.call(words).work_tree(tree).env("GIT_INDEX_FILE", &index)
    };
    let refresh = on_index(&["update-index", "-q", "--refresh"]);
    // 1: some files differ. Which ones is asked next.
    git.line_if_any(&refresh)?;
    let edits = on_index(&["diff-files", "--name-only", "--ignore-submodules=dirty", "-z"]);
    let edits = git.run(&edits)?;
    let behind = behind_filters(git, mirror, &index, (tree, &names_in(&edits)))?;
    let behind_count = behind.len();
    let untouched = trusted_by_times(git, mirror, (&real, tree), behind)?;
    if behind_count > untouched.len() {
        let count = behind_count - untouched.len();
        notes.push(format!(
            "{count} changed file(s) are shown without their filters, which are not run here (Git LFS)"
        ));
    }
    if !untouched.is_empty() {
        let names = told_names(untouched.iter().map(|path| quoted(path)));
        notes.push(format!(
            "{} file(s) behind a filter are taken as the index has them, because filters are not run here: {names}",
            untouched.len()
        ));
        let input = untouched.iter().flat_map(|path| [path, &[0][..]].concat()).collect();
        let call = on_index(&["update-index", "-z", "--assume-unchanged", "--stdin"]);
        git.run(&call.input(input))?;
    }
    let nested = add_new(git, &on_index)?;
    if !nested.is_empty() {
        let names = told_names(nested.iter().map(|path| quoted(path)));
        notes.push(format!("{} repositories in the worktree are not shown: {names}", nested.len()));
    }
    Ok(Files { index, notes })
}

/// Takes out what git would refuse to read: pipes, sockets, devices.
fn take_odd(entries: &mut Vec<IndexEntry>, tree: &Path) -> Vec<Vec<u8>> {
    let is_odd = |entry: &IndexEntry| {
        let found = tree.join(OsStr::from_bytes(&entry.path)).symlink_metadata();
        found.is_ok_and(|found| !found.is_file() && !found.is_dir() && !found.is_symlink())
    };
    let (odd, plain): (Vec<_>, Vec<_>) = std::mem::take(entries).into_iter().partition(is_odd);
    *entries = plain;
    odd.into_iter().map(|entry| entry.path).collect()
}

/// Adds what git does not know and does not ignore. Returns the repositories of their own.
fn add_new(git: &Git, on_index: &dyn Fn(&[&str]) -> Call) -> Result<Vec<Vec<u8>>, GitError> {
    let listed = git.run(&on_index(&["ls-files", "--others", "--exclude-standard", "-z"]))?;
    let (nested, new): (Vec<&[u8]>, Vec<&[u8]>) =
        names_in(&listed).into_iter().partition(|path| path.ends_with(b"/"));
    if !new.is_empty() {
        // In the format of this repository's objects.
        let empty = git.line(&on_index(&["hash-object", "-t", "blob", "--stdin"]))?;
        let entries = new.iter().map(|path| IndexEntry::of_new_file(path, &empty));
        let input = entries.flat_map(|entry| entry.info()).collect();
        git.run(&on_index(&["update-index", "-z", "--index-info"]).input(input))?;
    }
    Ok(nested.into_iter().map(<[u8]>::to_owned).collect())
}

fn names_in(listed: &[u8]) -> Vec<&[u8]> {
    listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect()
}
