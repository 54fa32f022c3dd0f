//! Reads `git status --porcelain=v2 --branch -z`. Pure. What it does not understand is an error, never a clean tree.

use crate::os::git::GitError;

/// What a working tree has beyond its last commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeStatus {
    /// The commit that is checked out; none before the first one.
    pub commit: Option<String>,
    /// The branch; none when the head is detached.
    pub branch: Option<String>,
    /// Commits that its upstream does not have, where it has one.
    pub ahead: Option<u64>,
    /// Entries that differ from the commit, conflicts among them.
    pub changed: usize,
    /// Files that git does not know and does not ignore.
    pub untracked: usize,
}

impl TreeStatus {
    /// Whether something is there that no commit has.
    pub fn has_uncommitted(&self) -> bool {
        self.changed > 0 || self.untracked > 0
    }
}

/// Reads the output.
///
/// # Errors
/// [`GitError::Odd`] with the record that is not understood.
pub fn parse(output: &[u8]) -> Result<TreeStatus, GitError> {
    let text = String::from_utf8_lossy(output);
    let mut status = TreeStatus::default();
    let (mut has_commit, mut has_branch) = (false, false);
    let mut records = text.split('\0').filter(|record| !record.is_empty());
    while let Some(record) = records.next() {
        let odd = || GitError::Odd(record.chars().take(120).collect());
        match record.split_once(' ') {
            Some(("#", header)) => match header.split_once(' ') {
                Some(("branch.oid", "(initial)")) => has_commit = true,
                Some(("branch.oid", commit)) => {
                    has_commit = true;
                    status.commit = Some(commit.to_owned());
                }
                Some(("branch.head", "(detached)")) => has_branch = true,
                Some(("branch.head", branch)) => {
                    has_branch = true;
                    status.branch = Some(branch.to_owned());
                }
                Some(("branch.ab", counts)) => {
                    let ahead = counts.split(' ').next().and_then(|word| word.strip_prefix('+'));
                    status.ahead = Some(ahead.and_then(|word| word.parse().ok()).ok_or_else(odd)?);
                }
                // Other headers (branch.upstream, stash) say nothing about the tree.
                Some(_) => {}
                None => return Err(odd()),
            },
            Some(("1" | "u", _)) => status.changed += 1,
            Some(("2", _)) => {
                status.changed += 1;
                records.next().ok_or_else(odd)?; // the path that it was renamed from
            }
            Some(("?", _)) => status.untracked += 1,
            Some(("!", _)) => {}
            _ => return Err(odd()),
        }
    }
    if has_commit && has_branch {
        Ok(status)
    } else {
        Err(GitError::Odd("a status without a branch".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Result<TreeStatus, GitError> {
        parse(
            records
                .iter()
                .flat_map(|record| record.bytes().chain([0]))
                .collect::<Vec<_>>()
                .as_slice(),
        )
    }

    const HEAD: [&str; 2] = ["# branch.oid 1234", "# branch.head kanban/t_1"];

    #[test]
    fn each_kind_of_entry_counts_as_what_it_is() {
        for (entries, changed, untracked) in [
            (vec![], 0, 0),
            (vec!["1 .M N... 100644 100644 100644 a b file name"], 1, 0),
            (vec!["2 R. N... 100644 100644 100644 a b R100 new", "old"], 1, 0),
            (vec!["u UU N... 1 2 3 4 a b c conflict"], 1, 0),
            (vec!["? new file", "? 1 looks like a change"], 0, 2),
            (vec!["! ignored"], 0, 0),
            (vec!["# stash 2", "# branch.upstream origin/x", "# branch.ab +3 -1"], 0, 0),
        ] {
            let status = read(&[&HEAD[..], &entries[..]].concat()).unwrap();
            assert_eq!((status.changed, status.untracked), (changed, untracked), "{entries:?}");
            assert_eq!(status.branch.as_deref(), Some("kanban/t_1"));
            assert_eq!(status.has_uncommitted(), changed + untracked > 0);
        }
    }

    #[test]
    fn the_head_says_where_it_stands() {
        let ahead = read(&[HEAD[0], HEAD[1], "# branch.ab +3 -1"]).unwrap();
        assert_eq!((ahead.commit.as_deref(), ahead.ahead), (Some("1234"), Some(3)));
        let unborn = read(&["# branch.oid (initial)", "# branch.head main"]).unwrap();
        assert_eq!(unborn.commit, None);
        let detached = read(&["# branch.oid 1234", "# branch.head (detached)"]).unwrap();
        assert_eq!(detached.branch, None);
    }

    #[test]
    fn what_is_not_understood_is_never_clean() {
        for records in [
            vec![],
            vec![HEAD[0]],
            vec![HEAD[1]],
            vec![HEAD[0], HEAD[1], "fatal: something"],
            vec![HEAD[0], HEAD[1], "3 new kind of entry"],
            vec![HEAD[0], HEAD[1], "2 R. renamed without its other path"],
            vec![HEAD[0], HEAD[1], "# branch.ab what"],
        ] {
            assert!(read(&records).is_err(), "{records:?}");
        }
    }
}
