//! The lists of users who may not use `cron` and `at`.
//!
//! What a worker leaves in a table of either would be run when its task is long over, by a process of no run.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Result, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Mode of a `cron.deny` that is made here: crontab(1) reads it with the group of its tables.
const LIST_MODE: u32 = 0o644;

/// Denies `cron` and `at` to a user, in the lists below `etc`. Returns the lists that deny it now.
///
/// A list of those who are allowed leaves the user out already, and nothing is changed beside one. Without either list of `at` nobody but
/// root may use it; without either of `cron` everybody may, so one is made. Content, owner and mode of a list that is there are kept.
///
/// # Errors
/// A list cannot be read or written.
pub fn deny_timers(etc: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut denied = Vec::new();
    for (list, is_made) in [("cron", true), ("at", false)] {
        let deny = etc.join(format!("{list}.deny"));
        if etc.join(format!("{list}.allow")).try_exists()? {
            continue;
        }
        let before = match std::fs::read(&deny) {
            Ok(before) => Some(before),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if before.is_none() && !is_made {
            continue;
        }
        if let Some(line) = missing_line(before.as_deref().unwrap_or_default(), name) {
            let mut file =
                OpenOptions::new().append(true).create(is_made).mode(LIST_MODE).open(&deny)?;
            if before.is_none() {
                // Whatever the umask.
                file.set_permissions(Permissions::from_mode(LIST_MODE))?;
            }
            file.write_all(line.as_bytes())?;
        }
        denied.push(deny);
    }
    Ok(denied)
}

/// What is to be added to a list so that it has a line for the name; none when it has one.
fn missing_line(list: &[u8], name: &str) -> Option<String> {
    if list.split(|byte| *byte == b'\n').any(|line| line == name.as_bytes()) {
        return None;
    }
    let end = if list.is_empty() || list.ends_with(b"\n") { "" } else { "\n" };
    Some(format!("{end}{name}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_denied_timers_once_and_only_where_the_lists_are_of_those_denied() {
        let name = "kanban-a";
        for (files, expected) in [
            (vec![], vec![("cron.deny", "kanban-a\n")]),
            (
                vec![("cron.deny", "ada"), ("at.deny", "daemon\n")],
                vec![("cron.deny", "ada\nkanban-a\n"), ("at.deny", "daemon\nkanban-a\n")],
            ),
            (vec![("cron.deny", "kanban-ab\n")], vec![("cron.deny", "kanban-ab\nkanban-a\n")]),
            (vec![("cron.allow", ""), ("at.allow", ""), ("at.deny", "daemon\n")], vec![]),
        ] {
            let temp = tempfile::tempdir().unwrap();
            for (file, text) in &files {
                std::fs::write(temp.path().join(file), text).unwrap();
            }
            for _ in 0..2 {
                let denied = deny_timers(temp.path(), name).unwrap();
                let paths: Vec<_> =
                    expected.iter().map(|(file, _)| temp.path().join(file)).collect();
                assert_eq!(denied, paths, "{files:?}");
                for (file, text) in &expected {
                    let found = std::fs::read_to_string(temp.path().join(file)).unwrap();
                    assert_eq!(found, *text, "{files:?}");
                }
            }
            for list in ["cron.deny", "at.deny"] {
                let is_there = temp.path().join(list).exists();
                let was = files.iter().any(|(file, _)| *file == list);
                assert_eq!(
                    is_there,
                    was || expected.iter().any(|(file, _)| *file == list),
                    "{list}"
                );
            }
        }
    }

    #[test]
    fn a_list_that_is_made_is_readable_by_all_and_one_that_is_there_keeps_its_mode() {
        let temp = tempfile::tempdir().unwrap();
        let mode = |file: &str| {
            std::fs::metadata(temp.path().join(file)).unwrap().permissions().mode() & 0o777
        };
        let at = temp.path().join("at.deny");
        std::fs::write(&at, "daemon\n").unwrap();
        std::fs::set_permissions(&at, Permissions::from_mode(0o640)).unwrap();
        deny_timers(temp.path(), "kanban-a").unwrap();
        assert_eq!((mode("cron.deny"), mode("at.deny")), (0o644, 0o640));
    }
}
