//! Reads `git status --porcelain=v2 --branch -z`. Pure. What it does not understand is an error, never a clean tree.

use crate::os::workspaces::git::GitError;

/// An entry that differs from the commit or from the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How the index differs from the commit; `.` when it does not.
    pub staged: u8,
    /// How the working tree differs from the index; `.` when it does not.
    pub unstaged: u8,
    /// It is in conflict.
    pub is_unmerged: bool,
    /// Its path.
    pub path: Vec<u8>,
}

/// What a working tree has beyond its last commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeStatus {
    /// Entries that differ.
    pub changes: Vec<Change>,
    /// Files that git does not know and does not ignore.
    pub untracked: usize,
}

impl TreeStatus {
    /// Whether something is there that no commit has.
    pub fn has_uncommitted(&self) -> bool {
        !self.changes.is_empty() || self.untracked > 0
    }
}

/// Reads the output.
///
/// # Errors
/// [`GitError::Odd`] with the record that is not understood.
pub fn parse(output: &[u8]) -> Result<TreeStatus, GitError> {
    let mut status = TreeStatus::default();
    let (mut has_commit, mut has_branch) = (false, false);
    let mut records = output.split(|byte| *byte == 0).filter(|record| !record.is_empty());
    while let Some(record) = records.next() {
        let odd = || GitError::Odd(String::from_utf8_lossy(record).chars().take(120).collect());
        match record {
            [b'#', b' ', header @ ..] => {
                has_commit |= header.starts_with(b"branch.oid ");
                has_branch |= header.starts_with(b"branch.head ");
            }
            [b'1', b' ', rest @ ..] => status.changes.push(change(rest, 7, false).ok_or_else(odd)?),
            [b'u', b' ', rest @ ..] => status.changes.push(change(rest, 9, true).ok_or_else(odd)?),
            [b'2', b' ', rest @ ..] => {
                status.changes.push(change(rest, 8, false).ok_or_else(odd)?);
                records.next().ok_or_else(odd)?; // the path that it was renamed from
            }
            [b'?', b' ', _, ..] => status.untracked += 1,
            [b'!', b' ', _, ..] => {}
            _ => return Err(odd()),
        }
    }
    if has_commit && has_branch {
        Ok(status)
    } else {
        Err(GitError::Odd("a status without a branch".to_owned()))
    }
}

/// `XY`, some fields, the path.
fn change(rest: &[u8], fields: usize, is_unmerged: bool) -> Option<Change> {
    let path = rest.splitn(fields + 1, |byte| *byte == b' ').nth(fields)?;
    let [staged, unstaged, b' ', ..] = rest else { return None };
    let is_letter = |byte: &u8| *byte == b'.' || byte.is_ascii_uppercase();
    let is_one = is_letter(staged) && is_letter(unstaged) && !path.is_empty();
    is_one.then(|| Change {
        staged: *staged,
        unstaged: *unstaged,
        is_unmerged,
        path: path.to_owned(),
    })
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
        for (entries, changes, untracked) in [
            (vec![], vec![], 0),
            (vec!["1 .M N... 100644 100644 100644 a b file name"], vec![".M file name"], 0),
            (vec!["2 R. N... 100644 100644 100644 a b R100 new", "old"], vec!["R. new"], 0),
            (vec!["u UU N... 1 2 3 4 a b c con flict"], vec!["UU con flict"], 0),
            (vec!["? new file", "? 1 looks like a change"], vec![], 2),
            (vec!["! ignored"], vec![], 0),
            (vec!["# stash 2", "# branch.upstream origin/x", "# branch.ab +3 -1"], vec![], 0),
        ] {
            let status = read(&[&HEAD[..], &entries[..]].concat()).unwrap();
            let message = status.changes.iter().map(|change| {
                let (staged, unstaged) = (char::from(change.staged), char::from(change.unstaged));
                format!("{staged}{unstaged} {}", String::from_utf8_lossy(&change.path))
            });
            assert_eq!(message.collect::<Vec<_>>(), changes, "{entries:?}");
            assert_eq!(status.untracked, untracked, "{entries:?}");
            assert_eq!(status.has_uncommitted(), !changes.is_empty() || untracked > 0);
        }
    }

    #[test]
    fn what_is_not_understood_is_never_clean() {
        for records in [
            vec![],
            vec![HEAD[0]],
            vec![HEAD[1]],
            vec![HEAD[0], HEAD[1], "fatal: something"],
            vec![HEAD[0], HEAD[1], "3 new kind of entry"],
            vec![HEAD[0], HEAD[1], "1 .M N... 100644 100644"],
            vec![HEAD[0], HEAD[1], "1 M N... 100644 100644 100644 a b file"],
            vec![HEAD[0], HEAD[1], "2 R. N... 1 2 3 a b R100 renamed without its other path"],
        ] {
            assert!(read(&records).is_err(), "{records:?}");
        }
    }
}
