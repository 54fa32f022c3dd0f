//! What `kanban workspace` prints for the daemon about a worktree, as JSON. Data only: its readers do not run git.

use serde::{Deserialize, Serialize};

use crate::os::workspaces::diff_report::DiffReport;

/// Longest note that is taken, characters.
const NOTE_CHARS_MAX: usize = 1_000;

/// Notes that are taken.
const NOTES_MAX: usize = 10;

/// Longest name of a branch that is taken, characters.
const BRANCH_CHARS_MAX: usize = 250;

/// Changed files that are listed.
pub const CHANGES_MAX: usize = 40;

/// Bytes that their names may take together.
pub const CHANGES_BYTES_MAX: usize = 4 * 1024;

/// A worktree that was made or found before a worker starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PreparedWorktree {
    /// Its branch; none when the head is detached.
    pub branch: Option<String>,
    /// It was there before, with whatever an earlier attempt left in it.
    pub is_reused: bool,
    /// What its worker has to know, one line each.
    pub notes: Vec<String>,
    /// What earlier runs have changed in it, where its worker reads that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<DiffReport>,
}

impl PreparedWorktree {
    /// Reads what was printed; none when it is nothing of the kind. It comes from a process of the worker's user, so nothing in
    /// it is longer than it has to be.
    pub fn read(printed: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(printed).ok()?;
        let cut = |note: String| note.chars().take(NOTE_CHARS_MAX).collect();
        let is_name = |name: &String| {
            let is_plain = !name.starts_with('-') && !name.chars().any(char::is_control);
            is_plain && !name.is_empty() && name.chars().count() <= BRANCH_CHARS_MAX
        };
        Some(Self {
            branch: read.branch.filter(is_name),
            is_reused: read.is_reused,
            notes: read.notes.into_iter().take(NOTES_MAX).map(cut).collect(),
            changes: read.changes.map(|changes| {
                let changes = changes.shortened(CHANGES_MAX, CHANGES_BYTES_MAX);
                DiffReport {
                    base_branch: changes.base_branch.filter(is_name),
                    notes: changes.notes.into_iter().take(NOTES_MAX).map(cut).collect(),
                    ..changes
                }
            }),
        })
    }
}

/// What became of a worktree that was due to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swept {
    /// It was removed, or would be; an empty directory may be left in a place that is not the caller's.
    Removed,
    /// It had gone before.
    Gone,
    /// It stays.
    Kept {
        /// Reason.
        why: String,
        /// The ref in which the first of its parts was saved.
        #[serde(default)]
        saved_as: Option<String>,
        /// Its parts, each with where it was saved; empty in a dry run.
        #[serde(default)]
        parts: Vec<Part>,
    },
}

/// One part of what only the worktree has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Kind of content.
    pub what: String,
    /// Ref it was saved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_as: Option<String>,
    /// Why all or a part of it was not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_saved: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::workspaces::diff_report::{ChangeKind, ChangedFile};

    fn long_name() -> ChangedFile {
        ChangedFile {
            path: "p".repeat(512),
            old_path: None,
            change: ChangeKind::Added,
            added: None,
            deleted: None,
            is_binary: true,
            is_submodule: false,
        }
    }

    #[test]
    fn what_a_process_of_the_workers_user_prints_is_cut_to_size() {
        let long = PreparedWorktree {
            branch: Some("b".repeat(BRANCH_CHARS_MAX + 1)),
            is_reused: true,
            notes: vec!["n".repeat(NOTE_CHARS_MAX * 2); NOTES_MAX * 2],
            changes: Some(DiffReport {
                base_branch: Some("-x".to_owned()),
                files: vec![long_name(); CHANGES_MAX * 2],
                notes: vec!["n".repeat(NOTE_CHARS_MAX * 2); NOTES_MAX * 2],
                ..DiffReport::default()
            }),
        };
        let read = PreparedWorktree::read(&serde_json::to_vec(&long).unwrap()).unwrap();
        let changes = read.changes.unwrap();
        assert_eq!((changes.base_branch, changes.notes.len()), (None, NOTES_MAX));
        assert_eq!(changes.files.len(), CHANGES_BYTES_MAX / long_name().path.len());
        assert_eq!((read.branch, read.is_reused, read.notes.len()), (None, true, NOTES_MAX));
        assert!(read.notes.iter().all(|note| note.len() == NOTE_CHARS_MAX));
        assert_eq!(PreparedWorktree::read(b"{}"), Some(PreparedWorktree::default()));
        assert_eq!(PreparedWorktree::read(b"warning: x"), None);
    }
}
