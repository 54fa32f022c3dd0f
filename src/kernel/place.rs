//! Where a task's work is done, and the leases that keep two runs out of one place.
//!
//! A place is taken by its keys, in the transaction of the claim; each key belongs to one open run at most. A directory
//! that a task names has two: its path without links, so that it is one place before it is made as well, and its device and
//! inode, so that it is one place by whatever name. A directory of the daemon's own has its path; a worktree has its branch
//! in its repository besides.
//!
//! The kernel looks at no file system: what a path leads to is found out before the claim and comes in as a [`Place`]. A
//! task whose place is not known yet waits under the key of that question, see [`question`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::error::Refusal;
use crate::kernel::policy::Policy;
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::tx::shorten;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The innermost directory of the path that is there, links resolved.
    pub anchor: String,
    /// Device of the anchor.
    pub device: u64,
    /// Inode of the anchor.
    pub inode: u64,
    /// Names below it that are still to be made; none when the path itself is there.
    pub missing: Vec<String>,
}

impl Place {
    /// The path without links.
    pub fn path(&self) -> String {
        let mut path = self.anchor.trim_end_matches('/').to_owned();
        for name in &self.missing {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

/// What the paths of ready tasks lead to; none where nobody could find out (no right to look, a file system that hangs).
pub type Places = BTreeMap<String, Option<Place>>;

const QUESTION: &str = "look:";

/// The key under which a task waits until somebody has looked where `path` leads.
pub fn question(path: &str) -> String {
    format!("{QUESTION}{path}")
}

/// The path that a [`question`] asks about.
pub fn asked_path(key: &str) -> Option<&str> {
    key.strip_prefix(QUESTION)
}

/// The path that has to be looked at before `task` may be claimed.
pub fn path_to_look_at(task: &Task) -> Option<&str> {
    match task.workspace_kind {
        WorkspaceKind::Scratch => None,
        WorkspaceKind::Dir | WorkspaceKind::Worktree => task.workspace_path.as_deref(),
    }
}

/// Refuses a task whose path is relative. None is made here, but an imported task may have one, and it would lead somewhere else
/// for each caller.
///
/// # Errors
/// [`Refusal::InvalidValue`].
pub fn refuse_relative(task: &Task) -> Result<(), Refusal> {
    match path_to_look_at(task) {
        Some(path) if !path.starts_with('/') => Err(Refusal::InvalidValue {
            field: "workspace_path",
            problem: "non-absolute workspace_path",
            value: shorten(path),
        }),
        Some(_) | None => Ok(()),
    }
}

/// The branch that a task's worktree gets when it has none yet.
pub fn branch_of(prefix: &str, task_id: &str) -> String {
    format!("{prefix}{task_id}")
}

/// Keys of the leases that a run of `task` takes. `place` is what its path leads to, as far as that is known; the policy has the
/// root of the daemon's own directories, and how branches are called.
pub fn lease_keys(task: &Task, place: Option<&Place>, policy: &Policy) -> Vec<String> {
    let workspaces_dir = &policy.workspaces_dir;
    let of_path = |path: &str| format!("path:{path}");
    let own = || of_path(&format!("{workspaces_dir}/{}", task.id));
    let named = task.workspace_path.as_deref().unwrap_or_default();
    match (task.workspace_kind, place) {
        (WorkspaceKind::Scratch, _) => vec![own()],
        (WorkspaceKind::Dir, Some(place)) => {
            let mut keys = vec![of_path(&place.path())];
            if place.missing.is_empty() {
                keys.push(format!("inode:{}:{}", place.device, place.inode));
            }
            keys
        }
        (WorkspaceKind::Dir, None) => vec![of_path(&tidied(named))],
        (WorkspaceKind::Worktree, place) => {
            let repository = match place {
                Some(place) => format!("{}:{}", place.device, place.inode),
                None => tidied(named),
            };
            let new = || branch_of(&policy.branch_prefix, task.id.as_str());
            let branch = task.branch_name.clone().unwrap_or_else(new);
            vec![own(), format!("branch:{repository}:{branch}")]
        }
    }
}

/// The text of a path without `//`, `/./` and a `/` at the end. `..` stays: what it leads to is not in the text.
fn tidied(path: &str) -> String {
    let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    names.fold(String::new(), |tidy, name| format!("{tidy}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(missing: &[&str]) -> Place {
        let missing = missing.iter().map(|name| (*name).to_owned()).collect();
        Place { anchor: "/x".to_owned(), device: 8, inode: 5, missing }
    }

    #[test]
    fn a_place_has_one_path_before_and_after_it_is_made() {
        assert_eq!(place(&[]).path(), "/x");
        assert_eq!(place(&["a", "b"]).path(), "/x/a/b");
        let root = Place { anchor: "/".to_owned(), ..place(&[]) };
        assert_eq!(root.path(), "/");
        let below = Place { anchor: "/".to_owned(), ..place(&["a"]) };
        assert_eq!(below.path(), "/a");
    }

    #[test]
    fn a_question_is_about_its_path() {
        assert_eq!(asked_path(&question("/a b")), Some("/a b"));
        assert_eq!(asked_path("path:/a"), None);
    }

    #[test]
    fn spellings_of_one_text_are_one() {
        for path in ["/a/b", "//a/./b/", "/a//b"] {
            assert_eq!(tidied(path), "/a/b");
        }
        assert_eq!(tidied("/a/../b"), "/a/../b");
    }
}
