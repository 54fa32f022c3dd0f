//! To whom a worker may hand work, and where that work may take place. Pure: the only place where that is decided.
//!
//! A worker reads text of strangers, and what it hands on is carried out with the rights and the secrets of the profile that gets it.
//! Every way in which it can hand something on asks [`Reach::judge`] (a new task, a schedule, a reviewer) or [`Reach::may_let_go`] (an
//! existing task that it lets go on). A new task beyond the reach is not refused: it waits in triage for a person, which no worker is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::kernel::error::Refusal;
use crate::kernel::shorten::shorten;
use crate::kernel::task::{HUMAN, WorkspaceKind};

/// The name in `may_assign` that stands for every profile.
pub const EVERY_PROFILE: &str = "*";

/// What the operator decided about the work that workers hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoverPolicy {
    /// What the workers of each profile may.
    pub by_profile: BTreeMap<String, Reach>,
    /// What the workers of a profile without a table may.
    pub default: Reach,
    /// Model and effort of each profile that has one.
    pub options_by_profile: BTreeMap<String, Options>,
    /// Levels of tasks that workers create.
    pub tree_depth: u32,
    /// Tasks that workers create from one root.
    pub tree_tasks: u32,
}

/// What the workers of a profile are started with unless their task says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Model.
    pub model: Option<String>,
    /// Effort.
    pub effort: Option<String>,
}

impl Default for HandoverPolicy {
    fn default() -> Self {
        Self {
            by_profile: BTreeMap::new(),
            default: Reach::default(),
            options_by_profile: BTreeMap::new(),
            tree_depth: 8,
            tree_tasks: 200,
        }
    }
}

impl HandoverPolicy {
    /// What the workers of `profile` may.
    pub fn reach(&self, profile: &str) -> &Reach {
        self.by_profile.get(profile).unwrap_or(&self.default)
    }
}

/// How far the workers of one profile reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The profiles that they may hand work to.
    pub profiles: Profiles,
    /// The directories that it may take place in.
    pub dirs: Dirs,
}

/// Profiles that may be handed work to, beside the worker's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Profiles {
    /// All.
    #[default]
    Every,
    /// Some.
    These {
        /// Their names.
        names: BTreeSet<String>,
        /// Whether names without a table are among them: they run as the default user, without anything of their own.
        has_unnamed: bool,
        /// The profiles that have a table.
        known: BTreeSet<String>,
    },
}

/// Directories that the work may take place in, beside the worker's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Dirs {
    /// All.
    #[default]
    Every,
    /// Those below these.
    Below(Vec<String>),
}

impl Dirs {
    /// Whether all of them are among `others`, by the text of their paths.
    pub fn are_within(&self, others: &Self) -> bool {
        let (dirs, others) = match (self, others) {
            (_, Self::Every) => return true,
            (Self::Every, Self::Below(_)) => return false,
            (Self::Below(dirs), Self::Below(others)) => (dirs, others),
        };
        let others: Vec<Vec<&str>> = others.iter().filter_map(|dir| names_of(dir)).collect();
        // Nothing is below one that climbs or is not absolute.
        let mut dirs = dirs.iter().filter_map(|dir| names_of(dir));
        dirs.all(|dir| others.iter().any(|other| dir.starts_with(other.as_slice())))
    }
}

/// What a worker wants to hand over.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The profile of the worker.
    pub by: &'a str,
    /// The assignee; none for nobody.
    pub assignee: Option<&'a str>,
    /// Whether the assignee is a person.
    pub is_person: bool,
    /// The reviewer, where the worker has named one.
    pub reviewer: Option<&'a str>,
    /// Kind of the workspace.
    pub kind: WorkspaceKind,
    /// Its path.
    pub path: Option<&'a str>,
    /// Directories of the worker itself: its workspace, and the repository of that.
    pub own_dirs: &'a [String],
}

/// Why a task waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The profile of the worker may not hand work to this one.
    Assign {
        /// The profile of the worker.
        by: String,
        /// The other one.
        to: String,
    },
    /// The profile of the worker may not have work done there.
    Dirs {
        /// The profile of the worker.
        by: String,
        /// The directory.
        path: String,
    },
}

impl Held {
    /// The name of the setting, on the wire and in the row.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Assign { .. } => MAY_ASSIGN,
            Self::Dirs { .. } => MAY_USE_DIRS,
        }
    }
}

/// The setting that says to whom work may be handed.
pub const MAY_ASSIGN: &str = "may_assign";

/// The setting that says where.
pub const MAY_USE_DIRS: &str = "may_use_dirs";

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assign { by, to } => {
                write!(f, "profile {by} may not hand work to {to} (profiles.{by}.may_assign)")
            }
            Self::Dirs { by, path } => {
                let path = shorten(path);
                write!(
                    f,
                    "profile {by} may not have work done in {path} (profiles.{by}.may_use_dirs)"
                )
            }
        }
    }
}

impl Reach {
    /// Why a task waits for a person that a worker creates; empty when it need not.
    ///
    /// # Errors
    /// A path that says of no directory where it is: it climbs by `..`.
    pub fn judge(&self, wish: &Wish<'_>) -> Result<Vec<Held>, Refusal> {
        let assignee = wish.assignee.filter(|_| !wish.is_person);
        let mut held = self.beyond(wish.by, assignee, wish.reviewer);
        held.dedup();
        if wish.kind != WorkspaceKind::Scratch
            && let Some(path) = wish.path
        {
            let Some(names) = names_of(path) else {
                let problem = "cannot contain `..` in a task that a worker creates";
                let (field, value) = ("workspace_path", shorten(path));
                return Err(Refusal::InvalidValue { field, problem, value });
            };
            if !self.is_within(&names, wish.own_dirs) {
                held.push(Held::Dirs { by: wish.by.to_owned(), path: path.to_owned() });
            }
        }
        Ok(held)
    }

    /// Whether a worker of `by` may let a task go on that is there already, whose assignee is `to` and for which `reviewer` was named.
    ///
    /// # Errors
    /// Why not.
    pub fn may_let_go(
        &self,
        by: &str,
        (to, is_person): (Option<&str>, bool),
        reviewer: Option<&str>,
    ) -> Result<(), Held> {
        let beyond = self.beyond(by, to.filter(|_| !is_person), reviewer);
        beyond.into_iter().next().map_or(Ok(()), Err)
    }

    /// What of these is beyond the reach of `by`.
    fn beyond(&self, by: &str, assignee: Option<&str>, reviewer: Option<&str>) -> Vec<Held> {
        let reviewer = reviewer.filter(|name| *name != HUMAN);
        let profiles = [assignee, reviewer].into_iter().flatten();
        let beyond = profiles.filter(|to| !self.has(by, to));
        beyond.map(|to| Held::Assign { by: by.to_owned(), to: to.to_owned() }).collect()
    }

    fn has(&self, by: &str, to: &str) -> bool {
        match &self.profiles {
            Profiles::Every => true,
            Profiles::These { names, has_unnamed, known } => {
                to == by || names.contains(to) || (*has_unnamed && !known.contains(to))
            }
        }
    }

    fn is_within(&self, path: &[&str], own_dirs: &[String]) -> bool {
        let dirs = match &self.dirs {
            Dirs::Every => return true,
            Dirs::Below(dirs) => dirs,
        };
        // One that climbs itself, or the root by an empty text, is none of a worker's own.
        let is_below =
            |dir: &str| names_of(dir).is_some_and(|dir| path.starts_with(dir.as_slice()));
        dirs.iter().any(|dir| is_below(dir))
            || own_dirs.iter().any(|dir| !dir.is_empty() && is_below(dir))
    }
}

/// The names of an absolute path, one after the other, without those that mean nothing; none when it climbs. By its text alone: a link
/// in it is followed when the workspace is opened, by the user who works there, and what it leads to is not compared again.
fn names_of(path: &str) -> Option<Vec<&str>> {
    let names = path.split('/').filter(|name| !name.is_empty() && *name != ".");
    let names: Vec<&str> = names.collect();
    let climbs = !path.starts_with('/') || names.contains(&"..");
    (!climbs).then_some(names)
}

/// Where a task stands among those that workers create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePosition {
    /// The task from which all of them come.
    pub root: String,
    /// How many creations it is away from that.
    pub depth: u32,
    /// Tasks that were created below the root.
    pub tasks: u32,
}

/// The position of a task that a worker creates in its work on `creator`.
///
/// # Errors
/// [`Refusal::TreeFull`].
pub fn next_in_tree(creator: &TreePosition, policy: &HandoverPolicy) -> Result<u32, Refusal> {
    let (depth, tasks) = (creator.depth.saturating_add(1), creator.tasks.saturating_add(1));
    let full = |what, setting, limit| {
        let root = creator.root.clone();
        Err(Refusal::TreeFull { root, what, setting, limit })
    };
    if depth > policy.tree_depth {
        return full("levels of tasks", "dispatch.tree_depth", policy.tree_depth);
    }
    if tasks > policy.tree_tasks {
        return full("tasks", "dispatch.tree_tasks", policy.tree_tasks);
    }
    Ok(depth)
}

#[cfg(test)]
mod tests;
