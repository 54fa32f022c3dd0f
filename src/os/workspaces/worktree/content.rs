//! Content of index and working tree that no commit has, whatever the index says about it.
//!
//! An index can hide edits: entries that are marked `assume-unchanged`, `skip-worktree` or "to be added", or whose times were set
//! back. So its entries are taken over into an index of our own, which knows nothing about the files, and every file is read. Only
//! where a filter stands between the file and what is stored (Git LFS), and filters are not run here, the times in the index count.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::mirror::Mirror;
use crate::os::workspaces::git::repository::{Repository, is_missing};
use crate::os::workspaces::git::status::{Change, TreeStatus, parse};
use crate::os::workspaces::git::{Git, GitError};

/// What was found.
#[derive(Debug, Default)]
pub struct Content {
    /// The commit that is checked out; none before the first one, or when its branch is gone.
    pub head: Option<String>,
    /// What differs from it.
    pub status: TreeStatus,
    /// Our own index, from which the content is saved.
    pub index: PathBuf,
    /// Every entry, as `update-index --index-info` takes it.
    entries: Vec<IndexEntry>,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// As `ls-files -v` has it: `S` or `s` is skip-worktree.
    tag: u8,
    /// Its mode and object, as text.
    pub object: Vec<u8>,
    /// 0, or the side of a conflict.
    pub stage: u8,
    /// Its path.
    pub path: Vec<u8>,
}

impl IndexEntry {
    /// An entry for a file that no index has. Its object is the one of an empty file: what counts is what is read.
    pub fn of_new_file(path: &[u8], empty: &str) -> Self {
        let object = format!("100644 {empty}").into_bytes();
        Self { tag: b'H', object, stage: b'0', path: path.to_owned() }
    }

    /// The entry as one that is not in conflict.
    pub fn resolved(self) -> Self {
        Self { stage: b'0', ..self }
    }

    fn is_skipped(&self) -> bool {
        self.tag.eq_ignore_ascii_case(&b's')
    }

    /// Whether it is a submodule.
    pub fn is_submodule(&self) -> bool {
        self.object.starts_with(b"160000 ")
    }

    /// The entry as `update-index --index-info` takes it.
    pub fn info(&self) -> Vec<u8> {
        let mut line = self.object.clone();
        line.extend([b' ', self.stage, b'\t']);
        line.extend(&self.path);
        line.push(0);
        line
    }
}

impl Content {
    /// Entries in conflict.
    pub fn unmerged(&self) -> impl Iterator<Item = &IndexEntry> {
        self.entries.iter().filter(|entry| entry.stage != b'0')
    }
}

/// Looks at the index of a repository and at its working tree, where it has one. With `ignores_deletions` files that are not
/// there count for nothing.
///
/// # Errors
/// [`GitError`]: then nothing is known.
pub fn look(
    git: &Git,
    mirror: &Mirror,
    repository: &Repository,
    work_tree: Option<&Path>,
    ignores_deletions: bool,
) -> Result<Content, GitError> {
    let head = mirror.call(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
    let real = repository.git_dir.join("index");
    let mut content = Content {
        head: git.line_if_any(&head)?,
        index: mirror.index("tree"),
        entries: entries(git, mirror, &real)?,
        ..Content::default()
    };
    take_over(git, mirror, (&content.entries, &content.index), work_tree)?;
    content.status = match work_tree {
        Some(tree) => status(git, mirror, &content.index, tree)?,
        None => staged_only(git, mirror, &content)?,
    };
    if let Some(tree) = work_tree {
        let is_edit = |change: &&Change| {
            change.unstaged == b'M' && change.staged == b'.' && !change.is_unmerged
        };
        let edits = content.status.changes.iter().filter(is_edit);
        let edits: Vec<&[u8]> = edits.map(|change| change.path.as_slice()).collect();
        let behind = behind_filters(git, mirror, &content.index, (tree, &edits))?;
        let unread = trusted_by_times(git, mirror, (&real, tree), behind)?;
        content.status.changes.retain(|change| !unread.contains(&change.path));
    }
    if ignores_deletions {
        let is_gone = |change: &Change| change.staged == b'.' && change.unstaged == b'D';
        content.status.changes.retain(|change| !is_gone(change));
    }
    Ok(content)
}

/// The entries of an index; none when there is no such file.
///
/// # Errors
/// It cannot be read.
pub fn entries(git: &Git, mirror: &Mirror, index: &Path) -> Result<Vec<IndexEntry>, GitError> {
    match index.symlink_metadata() {
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(GitError::file(index)(error)),
        Ok(_) => {}
    }
    let call = mirror.call(["ls-files", "-s", "-v", "-z"]).env("GIT_INDEX_FILE", index);
    parse_entries(&git.run(&call)?)
}

/// `TAG MODE OBJECT STAGE\tPATH\0`.
fn parse_entries(listed: &[u8]) -> Result<Vec<IndexEntry>, GitError> {
    let records = listed.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    records
        .map(|record| {
            let odd = || GitError::Odd(String::from_utf8_lossy(record).chars().take(120).collect());
            let tab = record.iter().position(|byte| *byte == b'\t').ok_or_else(odd)?;
            let (head, path) = record.split_at_checked(tab).ok_or_else(odd)?;
            let [tag, b' ', object @ .., b' ', stage @ b'0'..=b'3'] = head else {
                return Err(odd());
            };
            let path = path.strip_prefix(b"\t").unwrap_or(path).to_owned();
            Ok(IndexEntry { tag: *tag, object: object.to_owned(), stage: *stage, path })
        })
        .collect()
}

/// Writes the index of our own: the same entries, without flags and times. A file that a sparse checkout leaves out stays left
/// out; one that is there all the same is read like any other.
///
/// # Errors
/// [`GitError`].
pub fn take_over(
    git: &Git,
    mirror: &Mirror,
    (entries, index): (&[IndexEntry], &Path),
    work_tree: Option<&Path>,
) -> Result<(), GitError> {
    let update = |arguments: &[&str], input: Vec<u8>| {
        if input.is_empty() && arguments.contains(&"--stdin") {
            return Ok(());
        }
        let call = mirror.call(["update-index", "-z"].iter().chain(arguments));
        git.run(&call.env("GIT_INDEX_FILE", index).input(input)).map(drop)
    };
    let all: Vec<u8> = entries.iter().flat_map(IndexEntry::info).collect();
    if all.is_empty() {
        return git
            .run(&mirror.call(["read-tree", "--empty"]).env("GIT_INDEX_FILE", index))
            .map(drop);
    }
    update(&["--index-info"], all)?;
    let Some(tree) = work_tree else { return Ok(()) };
    let is_absent = |entry: &&IndexEntry| {
        let path = tree.join(OsStr::from_bytes(&entry.path));
        path.symlink_metadata().is_err_and(|error| is_missing(&error))
    };
    let left_out = entries.iter().filter(|entry| entry.is_skipped()).filter(is_absent);
    let names = left_out.flat_map(|entry| entry.path.iter().copied().chain([0])).collect();
    update(&["--skip-worktree", "--stdin"], names)
}

fn status(git: &Git, mirror: &Mirror, index: &Path, tree: &Path) -> Result<TreeStatus, GitError> {
    let call = mirror
        .call([
            "status",
            "--porcelain=v2",
            "--branch",
            "--untracked-files=all",
            "--ignored=no",
            "--no-renames",
            // Only which commit it has; what is in it is looked at on its own, under a mirror of its own.
            "--ignore-submodules=dirty",
            "-z",
        ])
        .work_tree(tree)
        .env("GIT_INDEX_FILE", index);
    parse(&git.run(&call)?)
}

/// Of a repository without a working tree: what its index has and its commit has not.
fn staged_only(git: &Git, mirror: &Mirror, content: &Content) -> Result<TreeStatus, GitError> {
    let staged = |path: &[u8]| Change {
        staged: b'M',
        unstaged: b'.',
        is_unmerged: false,
        path: path.to_owned(),
    };
    let Some(head) = &content.head else {
        let changes = content.entries.iter().map(|entry| staged(&entry.path)).collect();
        return Ok(TreeStatus { changes, untracked: 0 });
    };
    let call = mirror.call(["diff-index", "--cached", "--name-only", "--no-renames", "-z", head]);
    let names = git.run(&call.env("GIT_INDEX_FILE", &content.index))?;
    let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(TreeStatus { changes: names.map(staged).collect(), untracked: 0 })
}

/// Those of the changed files `behind` a filter that, by the times in the index, are as they were written.
///
/// # Errors
/// [`GitError`].
pub fn trusted_by_times(
    git: &Git,
    mirror: &Mirror,
    (real, tree): (&Path, &Path),
    behind: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>, GitError> {
    if behind.is_empty() {
        return Ok(Vec::new());
    }
    let copy = mirror.index("times");
    copy_with_time(real, &copy).map_err(GitError::file(real))?;
    let names: Vec<u8> = behind.iter().flat_map(|path| [path, &[0][..]].concat()).collect();
    for flag in ["--no-assume-unchanged", "--no-skip-worktree"] {
        let call = mirror.call(["update-index", "-z", flag, "--stdin"]).work_tree(tree);
        git.run(&call.env("GIT_INDEX_FILE", &copy).input(names.clone()))?;
    }
    let call = mirror.call(["diff-files", "--name-only", "-z"]).work_tree(tree);
    let differing = git.run(&call.env("GIT_INDEX_FILE", &copy))?;
    let differing: Vec<&[u8]> = differing.split(|byte| *byte == 0).collect();
    Ok(behind.into_iter().filter(|path| !differing.contains(&path.as_slice())).collect())
}

/// Copies an index with its own time: a file that is no older could have been written after it, and is not trusted.
fn copy_with_time(from: &Path, to: &Path) -> std::io::Result<()> {
    let modified = from.metadata()?.modified()?;
    std::fs::copy(from, to)?;
    std::fs::File::options().write(true).open(to)?.set_modified(modified)
}

/// Those of `paths` that have a filter by their attributes.
///
/// # Errors
/// [`GitError`].
pub fn behind_filters(
    git: &Git,
    mirror: &Mirror,
    index: &Path,
    (tree, paths): (&Path, &[&[u8]]),
) -> Result<Vec<Vec<u8>>, GitError> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<u8> = paths.iter().flat_map(|path| [path, &[0][..]].concat()).collect();
    let call = mirror.call(["check-attr", "-z", "--stdin", "filter"]).work_tree(tree);
    let message = git.run(&call.env("GIT_INDEX_FILE", index).input(names))?;
    let fields: Vec<&[u8]> = message.split(|byte| *byte == 0).collect();
    let found = fields.chunks_exact(3).filter_map(|fields| match fields {
        [_, _, b"unspecified" | b"unset"] => None,
        [path, _, _] => Some((*path).to_owned()),
        _ => None,
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_flags_and_sides() {
        let listed =
            b"H 100644 ab 0\ta file\0S 120000 cd 0\td/e\0h 100644 ef 2\tx\ty\0M 160000 01 3\tz\0";
        let entries = parse_entries(listed).unwrap();
        let message: Vec<String> = entries
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.info()).replace('\0', "|"))
            .collect();
        let expected =
            ["100644 ab 0\ta file|", "120000 cd 0\td/e|", "100644 ef 2\tx\ty|", "160000 01 3\tz|"];
        assert_eq!(message, expected);
        let skipped: Vec<bool> = entries.iter().map(IndexEntry::is_skipped).collect();
        assert_eq!(skipped, [false, true, false, false]);
        assert!(entries[3].is_submodule());
        for odd in [&b"H 100644 ab 0 file\0"[..], b"H 100644 ab 4\tfile\0", b"file\0"] {
            assert!(parse_entries(odd).is_err());
        }
    }
}
