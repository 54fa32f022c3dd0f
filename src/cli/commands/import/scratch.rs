//! Scratch work that stays where it is. A task of the predecessor that is not finished may have its files in a
//! directory of the predecessor's; its next attempt here begins in an empty one. Nothing is copied: the directory may
//! be large, belong to another user, or be in use still. So the report tells where it is, and a comment tells the
//! worker.

use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::task::{TaskStatus, WorkspaceKind};
use crate::kernel::transfer::normalize::IMPORTER;
use crate::kernel::transfer::record::{CommentFields, TaskRecord};

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Files,
    /// It may not be looked at, so there may be files.
    Unknown,
}

/// The note about the scratch directory of a task; the record gets a comment that says the same. None when nothing is
/// there, or nobody goes on with it.
pub(super) fn tell(record: &mut TaskRecord, board: &Path) -> Option<String> {
    let task = &record.task;
    let kind = task.workspace_kind.as_deref().and_then(WorkspaceKind::parse);
    let is_over =
        matches!(TaskStatus::parse(&task.status), Some(TaskStatus::Done | TaskStatus::Archived));
    if is_over || !matches!(kind, None | Some(WorkspaceKind::Scratch)) {
        return None;
    }
    let locations = locations(task.workspace_path.as_deref(), &task.id, board);
    let (location, found) = locations
        .into_iter()
        .map(|location| (found(&location), location))
        .find_map(|(found, location)| (found != Found::Nothing).then_some((location, found)))?;
    let location = location.display();
    let id = &record.task.id;
    let note = match found {
        Found::Unknown => {
            format!("{id}: cannot read the scratch directory {location}; it was not imported")
        }
        Found::Files | Found::Nothing => format!(
            "{id}: the scratch directory {location} was not imported; the next attempt begins in an empty one"
        ),
    };
    record.comments.push(CommentFields {
        id: 0,
        author: IMPORTER.to_owned(),
        body: format!(
            "Earlier work on this task is in {location}. It was not copied; this attempt begins in an empty directory."
        ),
        created_at: newest(record),
    });
    Some(note)
}

/// Where the predecessor has a task's scratch directory: as its row says, or below the folder of the board.
fn locations(named: Option<&str>, id: &str, board: &Path) -> Vec<PathBuf> {
    if let Some(named) = named.filter(|path| path.starts_with('/')) {
        return vec![PathBuf::from(named)];
    }
    let is_plain = !id.is_empty() && !id.contains(['/', '\0']) && id != "." && id != "..";
    let Some(folder) = board.parent().filter(|_| is_plain) else { return Vec::new() };
    ["kanban/workspaces", "workspaces"].map(|below| folder.join(below).join(id)).into()
}

fn found(path: &Path) -> Found {
    match std::fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            None => Found::Nothing,
            Some(Ok(_)) => Found::Files,
            Some(Err(_)) => Found::Unknown,
        },
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Found::Nothing,
            _ => Found::Unknown,
        },
    }
}

/// Behind every other comment.
fn newest(record: &TaskRecord) -> i64 {
    let times = record.comments.iter().map(|comment| comment.created_at);
    times.max().unwrap_or(record.task.created_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::transfer::record::TaskFields;

    #[test]
    fn unfinished_scratch_work_is_told_where_it_is_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let board = dir.path().join("kanban.db");
        for below in ["kanban/workspaces/t_1", "workspaces/t_2", "kanban/workspaces/t_4", "own"] {
            std::fs::create_dir_all(dir.path().join(below)).unwrap();
        }
        for file in ["kanban/workspaces/t_1/x", "workspaces/t_2/x", "own/x"] {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        let own = dir.path().join("own").to_str().unwrap().to_owned();
        for (id, status, kind, path, message) in [
            ("t_1", "ready", "scratch", None, Some("kanban/workspaces/t_1")),
            ("t_1", "blocked", "", None, Some("kanban/workspaces/t_1")),
            ("t_2", "running", "scratch", None, Some("workspaces/t_2")),
            ("t_3", "ready", "scratch", Some(own.as_str()), Some("own")),
            ("t_1", "done", "scratch", None, None),
            ("t_1", "archived", "scratch", None, None),
            ("t_1", "ready", "dir", Some(own.as_str()), None),
            ("t_4", "ready", "scratch", None, None),
            ("t_5", "ready", "scratch", None, None),
            ("../own", "ready", "scratch", None, None),
        ] {
            let task = TaskFields {
                id: id.into(),
                status: status.into(),
                workspace_kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()),
                workspace_path: path.map(str::to_owned),
                ..TaskFields::default()
            };
            let mut record = TaskRecord { task, ..TaskRecord::default() };
            let note = tell(&mut record, &board);
            let wanted = message.map(|below| dir.path().join(below).display().to_string());
            assert_eq!(note.is_some(), wanted.is_some(), "{id} {status}: {note:?}");
            if let (Some(note), Some(wanted)) = (note, wanted) {
                assert!(
                    note.contains(&wanted) && record.comments[0].body.contains(&wanted),
                    "{note}"
                );
            }
        }
    }
}
