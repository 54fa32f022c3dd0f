//! Workspaces of tasks, and the leases that keep two runs out of one workspace.
//!
//! A place is taken by its keys, in the transaction of the claim; each key belongs to one open run at most. A directory that is
//! there has two: its path without links, and its device and inode, so that it is one place by whatever name. A directory that
//! is still to be made has its path and its name below the innermost directory that is there, by the device and inode of that
//! one: it is one place by whatever name before it is made as well. A directory of the daemon's own has its path; a worktree
//! has its branch in its repository besides.
//!
//! The kernel looks at no file system: what a path leads to is found out before the claim and comes in as a [`Look`]. A task
//! whose place is not known waits under the key of that question, see [`question`]; it is never claimed by the text of a path
//! alone, because two texts may lead to one directory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::error::Refusal;
use crate::kernel::ids::Host;
use crate::kernel::policy::Policy;
use crate::kernel::shorten::shorten;
use crate::kernel::task::{Task, WorkspaceKind};

/// A directory, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryId {
    /// Device of its file system.
    pub device: u64,
    /// Inode there.
    pub inode: u64,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The innermost directory of the path that is there, links resolved.
    pub anchor: String,
    /// Device of the anchor.
    pub device: u64,
    /// Inode of the anchor.
    pub inode: u64,
    /// Names below it that are still to be made; none when the path itself is there.
    pub missing: Vec<String>,
    /// The directories above the anchor, nearest first, up to the root.
    #[serde(default)]
    pub above: Vec<DirectoryId>,
}

/// What looking at a path has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "look", rename_all = "snake_case")]
pub enum Look {
    /// It leads to a directory, or to one that can be made.
    Found(Location),
    /// It leads to no directory: a start there fails.
    Broken(BrokenPath),
    /// Unknown where it leads: no answer yet, no right to look, an error of the file system. Nothing starts there.
    Unknown {
        /// One line: why not.
        why: String,
    },
}

/// A path that leads to no directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenPath {
    /// One line: what is wrong with it.
    pub problem: String,
    /// The kernel's error number, when it gave one.
    pub errno: Option<i32>,
}

/// What is wrong with the directory that a task is to work in, found by a look before the task is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DirectoryDoubt {
    /// Nothing, or nobody has looked.
    #[default]
    None,
    /// It is missing.
    Missing,
    /// It cannot be one.
    Broken {
        /// One line: why not.
        why: String,
    },
    /// It is not known whether it is there.
    Unknown {
        /// One line: why not.
        why: String,
    },
}

/// A directory that a request has tasks work in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedDirectory {
    /// Its path, as the request gives it.
    pub path: String,
    /// Who is to work there.
    pub assignee: Option<String>,
}

impl WantedDirectory {
    /// The directory of a workspace; none when that is no directory that can be looked at.
    pub fn of(kind: Option<&str>, path: Option<&str>, assignee: Option<&str>) -> Option<Self> {
        let is_dir = kind == Some(WorkspaceKind::Dir.as_str());
        let path = path.filter(|path| is_dir && path.starts_with('/'))?.to_owned();
        Some(Self { path, assignee: assignee.map(str::to_owned) })
    }

    /// The directory that these fields of a task name.
    pub fn of_fields(task: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| task.get(name).and_then(Value::as_str);
        let assignee = text("assignee").map(str::trim).filter(|assignee| !assignee.is_empty());
        Self::of(text("workspace_kind"), text("workspace_path"), assignee)
    }
}

/// What was found of the directories of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryDoubts(BTreeMap<WantedDirectory, DirectoryDoubt>);

impl DirectoryDoubts {
    /// Keeps what was found.
    pub fn new(found: impl IntoIterator<Item = (WantedDirectory, DirectoryDoubt)>) -> Self {
        Self(found.into_iter().collect())
    }

    /// What was found of this directory. One that nobody has looked at has no doubt.
    pub fn of(&self, wanted: Option<&WantedDirectory>) -> DirectoryDoubt {
        wanted.and_then(|wanted| self.0.get(wanted)).cloned().unwrap_or_default()
    }
}

impl DirectoryDoubt {
    /// What a look says.
    pub fn of(look: Look) -> Self {
        match look {
            Look::Found(location) if location.missing.is_empty() => Self::None,
            Look::Found(_) => Self::Missing,
            Look::Broken(BrokenPath { problem, .. }) => Self::Broken { why: problem },
            Look::Unknown { why } => Self::Unknown { why },
        }
    }

    /// Lets a task have its directory, with a warning where that is known only when it starts.
    ///
    /// # Errors
    /// [`Refusal::NoDirectory`].
    pub fn admit<S, W: PartialEq<WorkspaceKind>>(
        &self,
        task: &Task<S, W>,
        may_create: bool,
    ) -> Result<Option<String>, Refusal> {
        let path = task.workspace_path.as_deref().unwrap_or_default();
        if task.workspace_kind != WorkspaceKind::Dir {
            return Ok(None);
        }
        match self {
            Self::None => Ok(None),
            Self::Missing if may_create => Ok(None),
            Self::Missing => Err(Refusal::NoDirectory { path: shorten(path), why: None }),
            Self::Broken { why } => {
                Err(Refusal::NoDirectory { path: shorten(path), why: Some(why.clone()) })
            }
            Self::Unknown { why } => Ok(Some(format!(
                "cannot check the directory {}: {why}; it is looked at again when the task starts",
                shorten(path)
            ))),
        }
    }
}

/// What the paths of ready tasks lead to, as far as they have just been looked at.
pub type Looks = BTreeMap<String, Look>;

/// Keys of the leases of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaseKeys {
    /// Keys that the run takes.
    pub take: Vec<String>,
    /// Keys that nobody else may hold although the run does not take them: a directory on the way that another process creates.
    pub avoid: Vec<String>,
}

impl Location {
    /// The path without links.
    pub fn path(&self) -> String {
        let mut path = self.anchor.trim_end_matches('/').to_owned();
        for name in &self.missing {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// See the module.
    fn keys(&self) -> LeaseKeys {
        let mut keys = LeaseKeys { take: vec![path_key(&self.path())], avoid: Vec::new() };
        let own = DirectoryId { device: self.device, inode: self.inode };
        let mut below = self.missing.join("/");
        if self.missing.is_empty() {
            keys.take.push(format!("inode:{}:{}", self.device, self.inode));
        } else {
            keys.take.push(below_key(own, &below));
        }
        let names = self.anchor.rsplit('/').filter(|name| !name.is_empty());
        for (directory, name) in self.above.iter().zip(names) {
            below = if below.is_empty() { name.to_owned() } else { format!("{name}/{below}") };
            keys.avoid.push(below_key(*directory, &below));
        }
        keys
    }
}

fn path_key(path: &str) -> String {
    format!("path:{path}")
}

fn below_key(directory: DirectoryId, names: &str) -> String {
    format!("below:{}:{}:{names}", directory.device, directory.inode)
}

const QUESTION: &str = "look:";

/// The key under which a task waits until `path` is resolved.
pub fn question(path: &str) -> String {
    format!("{QUESTION}{path}")
}

/// The path that a [`question`] asks about.
pub fn asked_path(key: &str) -> Option<&str> {
    key.strip_prefix(QUESTION)
}

/// The paths that have to be looked at before a task may be claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskPaths {
    /// The directory of the work, or for a worktree a directory in its repository.
    pub workspace: Option<String>,
    /// Where its worker starts, when its profile names a directory of its own.
    pub start: Option<String>,
}

/// The paths of `task`. `repository` is the one that an earlier run of a worktree was made from: the task's own path is that of
/// its checkout by then. `profile_directory` is where the workers of its profile start.
pub fn paths_of(
    task: &Task,
    repository: Option<&str>,
    profile_directory: Option<&str>,
) -> TaskPaths {
    let named = task.workspace_path.as_deref();
    let workspace = match task.workspace_kind {
        WorkspaceKind::Scratch => None,
        WorkspaceKind::Dir => named,
        WorkspaceKind::Worktree => named
            .filter(|path| path.rsplit('/').next() != Some(task.id.as_str()))
            .or(repository)
            .or(profile_directory),
    };
    let start = profile_directory.filter(|directory| Some(*directory) != workspace);
    TaskPaths { workspace: workspace.map(str::to_owned), start: start.map(str::to_owned) }
}

/// The directory or repository whose breaker a start of `task` moves; none for a scratch directory of the daemon's own.
pub fn breaker_path(path: &str, look: &Look) -> String {
    match look {
        Look::Found(location) => location.path(),
        Look::Broken(_) | Look::Unknown { .. } => tidied(path),
    }
}

/// Refuses a task whose path is relative. None is made here, but an imported task may have one, and it would lead somewhere else
/// for each caller.
///
/// # Errors
/// [`Refusal::InvalidValue`].
pub fn refuse_relative<S, W: PartialEq<WorkspaceKind>>(task: &Task<S, W>) -> Result<(), Refusal> {
    let kind = &task.workspace_kind;
    let has_path = *kind == WorkspaceKind::Dir || *kind == WorkspaceKind::Worktree;
    let path = task.workspace_path.as_deref().filter(|_| has_path);
    match path {
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

/// Keys of the leases that a run of `task` takes. `location` is what its path leads to; none for a task without a path, and for one
/// whose path leads to no directory, in which nothing will be started. The policy has the root of the daemon's own directories, and
/// how branches are called; `host` is where the run would be.
pub fn lease_keys(
    task: &Task,
    location: Option<&Location>,
    policy: &Policy,
    host: Host,
) -> LeaseKeys {
    let LeaseKeys { take, avoid } = keys_of(task, location, policy);
    let on_host = |keys: Vec<String>| keys.iter().map(|key| host.key(key)).collect();
    LeaseKeys { take: on_host(take), avoid: on_host(avoid) }
}

fn keys_of(task: &Task, location: Option<&Location>, policy: &Policy) -> LeaseKeys {
    let own = || path_key(&format!("{}/{}", policy.workspaces_dir, task.id));
    match (task.workspace_kind, location) {
        (WorkspaceKind::Dir, Some(location)) => location.keys(),
        (WorkspaceKind::Dir, None) => {
            let named = task.workspace_path.as_deref().unwrap_or_default();
            LeaseKeys { take: vec![path_key(&tidied(named))], avoid: Vec::new() }
        }
        (WorkspaceKind::Worktree, Some(Location { device, inode, .. })) => {
            let new = || branch_of(&policy.branch_prefix, task.id.as_str());
            let branch = task.branch_name.clone().unwrap_or_else(new);
            let branch = format!("branch:{device}:{inode}:{branch}");
            LeaseKeys { take: vec![own(), branch], avoid: Vec::new() }
        }
        (WorkspaceKind::Scratch, _) | (WorkspaceKind::Worktree, None) => {
            LeaseKeys { take: vec![own()], avoid: Vec::new() }
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

    fn location(anchor: &str, missing: &[&str], above: &[u64]) -> Location {
        let missing = missing.iter().map(|name| (*name).to_owned()).collect();
        let above = above.iter().map(|inode| DirectoryId { device: 8, inode: *inode }).collect();
        Location { anchor: anchor.to_owned(), device: 8, inode: 5, missing, above }
    }

    #[test]
    fn a_place_has_one_path_before_and_after_it_is_made() {
        assert_eq!(location("/x", &[], &[]).path(), "/x");
        assert_eq!(location("/x", &["a", "b"], &[]).path(), "/x/a/b");
        assert_eq!(location("/", &[], &[]).path(), "/");
        assert_eq!(location("/", &["a"], &[]).path(), "/a");
    }

    /// Whether a run in `second` is kept out while one in `first` is open, or the other way round.
    fn excludes(first: &Location, second: &Location) -> bool {
        let (first, second) = (first.keys(), second.keys());
        let is_in_the_way = |owner: &LeaseKeys, other: &LeaseKeys| {
            other.take.iter().chain(&other.avoid).any(|key| owner.take.contains(key))
        };
        is_in_the_way(&first, &second)
    }

    #[test]
    fn a_directory_that_is_made_by_one_name_is_one_place_by_another_name() {
        // Inode 5 is mounted at /a and at /b. The first run makes new/deep in it.
        let to_make = location("/a", &["new", "deep"], &[2]);
        let same_by_other_name = location("/b", &["new", "deep"], &[3, 2]);
        assert!(excludes(&to_make, &same_by_other_name));
        let mut half_made = location("/b/new", &["deep"], &[5, 3, 2]);
        half_made.inode = 50;
        assert!(excludes(&to_make, &half_made));
        let mut made = location("/b/new/deep", &[], &[50, 5, 3, 2]);
        made.inode = 51;
        assert!(excludes(&to_make, &made));
        let mut sibling = location("/b/new/other", &[], &[50, 5, 3, 2]);
        sibling.inode = 52;
        assert!(!excludes(&to_make, &sibling));
        let mut parent = location("/b/new", &[], &[5, 3, 2]);
        parent.inode = 50;
        assert!(
            !excludes(&to_make, &parent),
            "directories within one another are different places"
        );
    }

    #[test]
    fn directories_that_are_there_are_one_place_by_inode_or_by_path() {
        assert!(excludes(&location("/a", &[], &[2]), &location("/b", &[], &[3])));
        let other = Location { inode: 6, ..location("/a", &[], &[2]) };
        assert!(excludes(&location("/a", &[], &[2]), &other), "replaced by another of its name");
        let elsewhere = Location { inode: 6, ..location("/b", &[], &[2]) };
        assert!(!excludes(&location("/a", &[], &[2]), &elsewhere));
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
