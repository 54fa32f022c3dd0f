//! What the files of a repository's own directory say: operations that are under way, locks, and every object that one of them
//! names. No list of names decides what is found there: git adds new ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::os::workspaces::git::repository::read_regular;
use crate::os::workspaces::worktree::diff::beginning::{BASE_NOTE, HEADS_NOTE};

/// Largest file that is read for names of objects, bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Note of a removal that has begun: from then on a file that is not there is no edit.
pub const REMOVAL_NOTE: &str = "kanban-removing";

/// Note of a checkout that has begun: no worker has started in it.
pub const CHECKOUT_NOTE: &str = "kanban-checkout";

/// Length of an object's name in hexadecimal digits: SHA-1 and SHA-256.
const NAME_LENGTHS: [usize; 2] = [40, 64];

/// Files by which git knows that an operation is under way, and what that is.
const OPERATIONS: [(&str, &str); 8] = [
    ("rebase-merge", "a rebase is in progress"),
    ("rebase-apply", "a rebase or `git am` is in progress"),
    ("sequencer", "a series of cherry-picks or reverts is in progress"),
    ("CHERRY_PICK_HEAD", "a cherry-pick is in progress"),
    ("REVERT_HEAD", "a revert is in progress"),
    ("MERGE_HEAD", "a merge is in progress"),
    ("BISECT_LOG", "a bisection is in progress"),
    ("BISECT_START", "a bisection is in progress"),
];

/// Why a tree stays, by the names in its repository's own directory.
pub fn reasons(names: &BTreeSet<String>) -> Vec<String> {
    let is_there = |(name, _): &&(&str, &str)| names.contains(*name);
    let mut reasons: Vec<String> =
        OPERATIONS.iter().filter(is_there).map(|(_, what)| (*what).to_owned()).collect();
    reasons.dedup();
    let locks = names.iter().filter(|name| name.ends_with(".lock"));
    reasons.extend(
        locks.map(|name| format!("a git process is active or was interrupted: {name} exists")),
    );
    reasons
}

/// Names of what is directly in a directory.
///
/// # Errors
/// It cannot be listed.
pub fn names_in(directory: &Path) -> io::Result<BTreeSet<String>> {
    std::fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Whose refs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What a linked worktree has beside what it shares.
    Linked,
    /// Everything of a repository: it would go as a whole.
    Whole,
}

impl Scope {
    /// Whether a path in the repository's directory can name no object that only this repository has.
    fn leaves_out(self, path: &Path) -> bool {
        let text = path.to_string_lossy();
        let is_below = |folder: &str| path.starts_with(folder);
        let is_index = text == "index" || text.starts_with("sharedindex.");
        let is_ours = [REMOVAL_NOTE, CHECKOUT_NOTE, BASE_NOTE, HEADS_NOTE].contains(&&*text);
        let shared = ["objects", "hooks", "info", "lfs", "modules", "reftable", "worktrees"];
        let is_shared = shared.iter().any(|folder| is_below(folder));
        let of_remotes = ["refs/remotes", "logs/refs/remotes", "refs/tags"];
        let is_remote = of_remotes.iter().any(|folder| is_below(folder)) || text == "packed-refs";
        is_index || is_ours || is_shared || (self == Self::Whole && is_remote)
    }
}

/// Every name of an object that stands in a file of `git_dir`, with the files.
///
/// # Errors
/// A file cannot be read, so it is not known what it names.
pub fn named_objects(
    git_dir: &Path,
    scope: Scope,
) -> io::Result<BTreeMap<String, BTreeSet<PathBuf>>> {
    let mut found: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(git_dir.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if scope.leaves_out(&path) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let text = read_regular(&entry.path(), FILE_BYTES_MAX)?;
                for name in names_of_objects(&text) {
                    found.entry(name).or_default().insert(path.clone());
                }
            }
        }
    }
    Ok(found)
}

/// Every object that a reflog below `logs` leads to. What its messages mention is not among them: git would not keep it.
///
/// # Errors
/// A reflog cannot be read.
pub fn reflog_objects(logs: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![logs.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let text = read_regular(&entry.path(), FILE_BYTES_MAX)?;
                found.extend(text.split(|byte| *byte == b'\n').flat_map(reflog_line));
            }
        }
    }
    Ok(found)
}

/// `OLD NEW WHO WHEN\tMESSAGE`.
fn reflog_line(line: &[u8]) -> Vec<String> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let both = [words.next(), words.next()];
    both.into_iter().flatten().flat_map(names_of_objects).collect()
}

/// Runs of hexadecimal digits of the right length; nothing but zeros is no object.
fn names_of_objects(text: &[u8]) -> impl Iterator<Item = String> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let words = text.split(move |byte| !is_digit(byte));
    let is_name =
        |word: &&[u8]| NAME_LENGTHS.contains(&word.len()) && word.iter().any(|byte| *byte != b'0');
    words.filter(is_name).map(|word| String::from_utf8_lossy(word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn an_operation_or_a_lock_is_a_reason() {
        let of = |names: &[&str]| reasons(&names.iter().map(|name| (*name).to_owned()).collect());
        let usual = ["HEAD", "ORIG_HEAD", "commondir", "gitdir", "index", "logs", "refs"];
        assert_eq!(of(&usual), Vec::<String>::new());
        for (name, _) in OPERATIONS {
            assert_eq!(of(&[name, "HEAD"]).len(), 1, "{name}");
        }
        assert_eq!(of(&["BISECT_LOG", "BISECT_START"]).len(), 1);
        assert!(of(&["index.lock"]).concat().contains("index.lock"));
    }

    #[test]
    fn names_of_objects_are_whole_words_of_the_right_length() {
        let found = |text: &str| names_of_objects(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(found(&format!("ref {NAME}\n")), [NAME]);
        assert_eq!(found(&format!("{NAME}0")), Vec::<String>::new());
        assert_eq!(found(&NAME[..39]), Vec::<String>::new());
        assert_eq!(found(&"0".repeat(40)), Vec::<String>::new());
        let long = format!("{NAME}{}", &NAME[..24]);
        assert_eq!(found(&format!("{long}\t{NAME}")), [long.as_str(), NAME]);
    }

    #[test]
    fn of_a_reflog_the_two_objects_count_and_no_message() {
        let other = NAME.replace('0', "f");
        let zero = "0".repeat(40);
        let line = format!("{zero} {NAME} ann <a@b> 1 +0000\tcheckout: from {other}");
        assert_eq!(reflog_line(line.as_bytes()), [NAME]);
        assert_eq!(reflog_line(b""), Vec::<String>::new());
    }

    #[test]
    fn every_file_counts_but_those_of_others() {
        let temp = tempfile::tempdir().unwrap();
        for path in [
            "rebase-merge/autostash",
            "NEW_HEAD",
            "logs/HEAD",
            "refs/worktree/x",
            "index",
            "modules/m/HEAD",
        ] {
            let path = temp.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, NAME).unwrap();
        }
        let found = named_objects(temp.path(), Scope::Linked).unwrap();
        let files: Vec<_> = found[NAME].iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(files, ["NEW_HEAD", "logs/HEAD", "rebase-merge/autostash", "refs/worktree/x"]);
    }
}
