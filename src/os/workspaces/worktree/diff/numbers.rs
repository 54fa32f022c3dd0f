//! Reads `git diff --raw --numstat -z`. Pure. What it does not understand is an error, never a file that is not listed.

use crate::os::workspaces::diff_report::{ChangeKind, ChangedFile};
use crate::os::workspaces::git::GitError;
use crate::text::file_names::quoted;

/// Lines added and deleted; none of a binary file.
type Lines = Option<(u64, u64)>;

/// A change with the names as git has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its path.
    pub path: Vec<u8>,
    /// Its path before it was renamed.
    pub old_path: Option<Vec<u8>>,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Lines added and deleted; none of a binary file.
    pub lines: Lines,
    /// Whether one of its sides is a submodule.
    pub is_submodule: bool,
}

impl Change {
    /// How many parts of a patch it has: what became something else is deleted and added.
    pub fn sections(&self) -> usize {
        if self.kind == ChangeKind::TypeChanged { 2 } else { 1 }
    }

    /// Whether `name` is the file, its old name, or a directory that it is in.
    pub fn is_named_by(&self, name: &[u8]) -> bool {
        let is_in = |path: &[u8]| {
            path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        is_in(&self.path) || self.old_path.as_deref().is_some_and(is_in)
    }
}

impl From<&Change> for ChangedFile {
    fn from(change: &Change) -> Self {
        Self {
            path: quoted(&change.path),
            old_path: change.old_path.as_deref().map(quoted),
            change: change.kind,
            added: change.lines.map(|(added, _)| added),
            deleted: change.lines.map(|(_, deleted)| deleted),
            is_binary: change.lines.is_none(),
            is_submodule: change.is_submodule,
        }
    }
}

/// Reads the output: first a record of each file (`:MODES OBJECTS LETTER`), then the numbers of each, in the same order.
///
/// # Errors
/// [`GitError::Odd`] with the record that is not understood.
pub fn parse(output: &[u8]) -> Result<Vec<Change>, GitError> {
    let mut fields = output.split(|byte| *byte == 0);
    let mut changes = Vec::new();
    let mut numbers = 0;
    while let Some(field) = fields.next() {
        if field.is_empty() {
            continue;
        }
        let odd = || GitError::Odd(String::from_utf8_lossy(field).chars().take(120).collect());
        if field.starts_with(b":") && numbers == 0 {
            changes.push(raw(field, &mut fields).ok_or_else(odd)?);
            continue;
        }
        let change: &mut Change = changes.get_mut(numbers).ok_or_else(odd)?;
        let (lines, path) = numbers_of(field, &mut fields).ok_or_else(odd)?;
        if path != change.path {
            return Err(odd());
        }
        change.lines = lines;
        numbers += 1;
    }
    if numbers == changes.len() {
        Ok(changes)
    } else {
        Err(GitError::Odd(format!("{} files and {numbers} numbers of lines", changes.len())))
    }
}

/// `:OLDMODE NEWMODE OLDOBJECT NEWOBJECT LETTER`, then one path, or two of a file that was renamed.
fn raw<'a>(field: &[u8], fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Change> {
    let words: Vec<&[u8]> = field.split(|byte| *byte == b' ').collect();
    let [old_mode, new_mode, _, _, letter] = words.as_slice() else { return None };
    let (kind, is_renamed) = match letter.first()? {
        b'A' => (ChangeKind::Added, false),
        b'D' => (ChangeKind::Deleted, false),
        b'M' => (ChangeKind::Modified, false),
        b'T' => (ChangeKind::TypeChanged, false),
        b'R' => (ChangeKind::Renamed, true),
        _ => return None,
    };
    let first = path(fields)?;
    let (old_path, path) = if is_renamed { (Some(first), path(fields)?) } else { (None, first) };
    let is_submodule = *old_mode == b":160000" || *new_mode == b"160000";
    Some(Change { path, old_path, kind, lines: None, is_submodule })
}

/// `ADDED\tDELETED\tPATH`, or of a file that was renamed without a path, and both behind it.
fn numbers_of<'a>(
    field: &[u8],
    fields: &mut impl Iterator<Item = &'a [u8]>,
) -> Option<(Lines, Vec<u8>)> {
    let mut words = field.splitn(3, |byte| *byte == b'\t');
    let (added, deleted, name) = (words.next()?, words.next()?, words.next()?);
    let lines = if (added, deleted) == (b"-", b"-") {
        None
    } else {
        let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse().ok();
        Some((number(added)?, number(deleted)?))
    };
    if !name.is_empty() {
        return Some((lines, name.to_owned()));
    }
    let _old = path(fields)?;
    Some((lines, path(fields)?))
}

fn path<'a>(fields: &mut impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    fields.next().filter(|path| !path.is_empty()).map(<[u8]>::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(records: &[&str]) -> Result<Vec<Change>, GitError> {
        let bytes: Vec<u8> = records.iter().flat_map(|record| record.bytes().chain([0])).collect();
        parse(&bytes)
    }

    #[test]
    fn each_file_has_its_kind_and_its_numbers() {
        let changes = read(&[
            ":100644 100644 a 0 M",
            ":starts with a colon",
            ":100644 100644 a b R090",
            "old",
            "new\nname",
            ":000000 160000 0 b A",
            "module",
            ":100644 120000 a b T",
            "link",
            "1\t2\t:starts with a colon",
            "3\t0\t",
            "old",
            "new\nname",
            "1\t0\tmodule",
            "-\t-\tlink",
        ])
        .unwrap();
        let shown: Vec<String> =
            changes.iter().map(|change| ChangedFile::from(change).line()).collect();
        assert_eq!(
            shown,
            [
                "M  +1 -2        :starts with a colon",
                "R  +3 -0        old => \"new\\nname\"",
                "A  +1 -0        module (submodule)",
                "T  binary       link",
            ]
        );
        assert_eq!(changes.iter().map(Change::sections).collect::<Vec<_>>(), [1, 1, 1, 2]);
        assert_eq!(read(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for records in [
            vec![":100644 100644 a b M"],
            vec![":100644 100644 a b M", "file"],
            vec![":100644 100644 a b X", "file", "1\t1\tfile"],
            vec![":100644 100644 a b M", "file", "1\t1\tother"],
            vec![":100644 100644 a b M", "file", "one\t1\tfile"],
            vec![":100644 100644 a b R100", "old", "1\t1\tfile"],
            vec!["1\t1\tfile"],
            vec!["warning: x"],
        ] {
            assert!(read(&records).is_err(), "{records:?}");
        }
    }

    #[test]
    fn a_file_is_named_by_itself_its_old_name_and_its_directories() {
        let change = Change {
            path: b"src/a.rs".to_vec(),
            old_path: Some(b"lib/b.rs".to_vec()),
            kind: ChangeKind::Renamed,
            lines: None,
            is_submodule: false,
        };
        for (name, is_named) in
            [("src/a.rs", true), ("src", true), ("lib", true), ("lib/b.rs", true), ("sr", false)]
        {
            assert_eq!(change.is_named_by(name.as_bytes()), is_named, "{name}");
        }
    }
}
