//! Whether the place of a task is free for a run, and the leases that the run then takes.

use std::collections::BTreeSet;

use crate::kernel::breaker::{Breaker, BreakerKey, Gate};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::place::{
    BrokenPath, Look, Looks, Place, TaskPaths, asked_path, breaker_path, lease_keys, paths_of,
    question,
};
use crate::kernel::policy::Policy;
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::tx::Tx;

/// Leases that are free now, to be taken in the same transaction.
pub(super) struct Lease {
    keys: BTreeSet<String>,
    /// Where the task's path leads.
    pub place: Option<Place>,
    /// What is wrong with its path, when it leads to no directory: the start fails with it.
    pub broken: Option<BrokenPath>,
    /// The breaker of its workspace.
    pub breaker: Option<Breaker>,
}

impl Lease {
    /// Writes them down for a run.
    pub(super) fn take(&self, connection: &Connection, run_id: RunId) -> Result<(), Fault> {
        self.keys.iter().try_for_each(|key| store::leases::take(connection, key, run_id))
    }
}

/// What a pass finds out about a task that could start.
pub(super) enum Finding {
    /// Its place is free.
    Free(Box<Lease>),
    /// It is not, or it is not known what it is.
    Waits {
        /// What it waits for.
        key: String,
        /// Why, where the key alone does not say it.
        because: Option<String>,
    },
}

/// The paths that have to be looked at before `task` may be claimed.
///
/// # Errors
/// A fault of the database.
pub fn task_paths(
    connection: &Connection,
    policy: &Policy,
    task: &Task,
) -> Result<TaskPaths, Fault> {
    let repository = match task.workspace_kind {
        WorkspaceKind::Worktree => store::leases::repository_of(connection, &task.id)?,
        WorkspaceKind::Scratch | WorkspaceKind::Dir => None,
    };
    let profile = task.assignee.as_deref().unwrap_or_default();
    let directory = policy.working_directory_by_profile.get(profile);
    Ok(paths_of(task, repository.as_deref(), directory.map(String::as_str)))
}

/// Looks whether the place of `task` is known, free, and one in which starts may be tried.
pub(super) fn find(tx: &Tx<'_>, task: &Task, looks: &Looks) -> Result<Finding, VerbError> {
    let paths = task_paths(tx.store(), tx.policy, task)?;
    for path in paths.workspace.iter().chain(&paths.start) {
        match looks.get(path) {
            None => return Ok(Finding::Waits { key: question(path), because: None }),
            Some(Look::Unknown { why }) => {
                return Ok(Finding::Waits { key: question(path), because: Some(why.clone()) });
            }
            Some(Look::Found(_) | Look::Broken(_)) => {}
        }
    }
    let look = paths.workspace.as_ref().and_then(|path| Some((path, looks.get(path)?)));
    let mut breaker = None;
    if let Some((path, look)) = look {
        let key = BreakerKey::Workspace(breaker_path(path, look));
        let found = store::breakers::get(tx.store(), &key)?;
        if let Gate::Shut { .. } = found.gate(tx.now) {
            return Ok(Finding::Waits { key: key.to_text(), because: None });
        }
        breaker = Some(found);
    }
    let (place, broken) = match look.map(|(_, look)| look.clone()) {
        Some(Look::Found(place)) => (Some(place), None),
        Some(Look::Broken(broken)) => (None, Some(broken)),
        Some(Look::Unknown { .. }) | None => (None, None),
    };
    let keys = lease_keys(task, place.as_ref(), tx.policy);
    for key in keys.take.iter().chain(&keys.avoid) {
        // The lease that is in the way goes with the run that holds it.
        if store::leases::holder(tx.store(), key)?.is_some() {
            return Ok(Finding::Waits { key: key.clone(), because: None });
        }
    }
    let keys = keys.take.into_iter().collect();
    Ok(Finding::Free(Box::new(Lease { keys, place, broken, breaker })))
}

/// The same for a person, who does not wait, and whom no breaker holds back. `place` is what the task's path leads to.
///
/// # Errors
/// [`Refusal::WorkspaceBusy`], and [`Refusal::WorkspaceUnknown`] when a directory that the task names has no place.
pub(super) fn find_for_person(
    tx: &Tx<'_>,
    task: &Task,
    place: Option<Place>,
) -> Result<Lease, VerbError> {
    if place.is_none() && task.workspace_kind == WorkspaceKind::Dir {
        return Err(unknown_workspace(task, "it has not been looked at").into());
    }
    let keys = lease_keys(task, place.as_ref(), tx.policy);
    for key in keys.take.iter().chain(&keys.avoid) {
        if let Some(holder) = store::leases::holder(tx.store(), key)? {
            return Err(Refusal::WorkspaceBusy {
                id: task.id.to_string(),
                workspace: task.workspace_path.clone().unwrap_or_default(),
                holder: holder.task_id.to_string(),
                run_id: holder.run_id,
            }
            .into());
        }
    }
    let keys = keys.take.into_iter().collect();
    Ok(Lease { keys, place, broken: None, breaker: None })
}

/// The refusal of a claim whose workspace has no place.
pub fn unknown_workspace(task: &Task, why: &str) -> Refusal {
    Refusal::WorkspaceUnknown {
        id: task.id.to_string(),
        workspace: task.workspace_path.clone().unwrap_or_default(),
        why: why.to_owned(),
    }
}

/// Puts those back into the queue whose wait is over: what they asked has been looked at, what they wait for has no holder any
/// more, or a breaker lets a start through. Its cost grows with the number of places that are waited for, not with that of the
/// tasks.
pub(super) fn let_go_on(tx: &Tx<'_>, looks: &Looks) -> Result<(), VerbError> {
    for key in store::leases::list_wanted(tx.store())? {
        if let Some(path) = asked_path(&key) {
            match looks.get(path) {
                Some(Look::Found(_) | Look::Broken(_)) => {
                    store::leases::release_all(tx.store(), &key)?;
                }
                Some(Look::Unknown { why }) => {
                    store::leases::set_because(tx.store(), &key, why)?;
                }
                None => {}
            }
            continue;
        }
        if let Some(breaker) = BreakerKey::parse(&key) {
            match store::breakers::get(tx.store(), &breaker)?.gate(tx.now) {
                Gate::Free => drop(store::leases::release_all(tx.store(), &key)?),
                Gate::Probe => drop(store::leases::release_heads(tx.store(), &key)?),
                Gate::Shut { .. } => {}
            }
            continue;
        }
        if store::leases::holder(tx.store(), &key)?.is_none() {
            store::leases::release_heads(tx.store(), &key)?;
        }
    }
    Ok(())
}

/// Every path that somebody waits to have looked at.
pub(super) fn unseen_paths(connection: &Connection) -> Result<Vec<UnseenPath>, Fault> {
    let mut unseen = Vec::new();
    for key in store::leases::list_wanted(connection)? {
        if let Some(path) = asked_path(&key) {
            let profiles = store::leases::list_profiles_waiting(connection, &key)?;
            unseen.push(UnseenPath { path: path.to_owned(), profiles });
        }
    }
    Ok(unseen)
}

/// A path that is to be looked at, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnseenPath {
    /// The path.
    pub path: String,
    /// The profiles whose tasks wait for the answer.
    pub profiles: Vec<String>,
}
