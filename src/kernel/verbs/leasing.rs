//! Whether the workspace of a task is free for a run, and the leases that the run then takes.

use std::collections::BTreeSet;

use crate::kernel::breaker::{Breaker, BreakerKey, Gate};
use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, Host, RunId};
use crate::kernel::location::{
    BrokenPath, Location, Look, Looks, TaskPaths, asked_path, breaker_path, lease_keys, paths_of,
    question,
};
use crate::kernel::policy::Policy;
use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::start::{self, LocationFacts};
use crate::kernel::standing::gate_facts;
use crate::kernel::store::leases::{LeaseOwner, Wait};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::{Task, WorkspaceKind};
use crate::kernel::tx::Tx;

/// Changes that a reader keeps in memory and a pass has written already; empty in a pass.
#[derive(Debug, Default)]
pub(in crate::kernel) struct Changes {
    /// Runs that are closed: their leases are free.
    pub closed: BTreeSet<RunId>,
    /// Leases that are taken.
    pub taken: BTreeSet<String>,
    /// Workspaces whose breaker has let its probe through.
    pub probed: BTreeSet<BreakerKey>,
}

/// Where and under what one looks whether places are free.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Sight<'a> {
    /// The board.
    pub connection: &'a Connection,
    /// What the operator decided.
    pub policy: &'a Policy,
    /// The time, epoch seconds.
    pub now: EpochSeconds,
    /// What the paths examined so far lead to.
    pub looks: &'a Looks,
    /// What has changed since.
    pub changes: &'a Changes,
}

impl Sight<'_> {
    /// The run that holds a lease. It goes with the run.
    fn owner(&self, key: &str) -> Result<Option<LeaseOwner>, Fault> {
        let owner = store::leases::owner(self.connection, key)?;
        Ok(owner.filter(|owner| !self.changes.closed.contains(&owner.run_id)))
    }
}

/// Leases that are free now, to be taken in the same transaction.
pub(in crate::kernel) struct Lease {
    /// Their keys.
    pub keys: BTreeSet<String>,
    /// Where the task's path leads.
    pub location: Option<Location>,
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
pub(in crate::kernel) enum Finding {
    /// Its place is free.
    Free(Box<Lease>),
    /// It is not, or it is not known what it is.
    Waits {
        /// What the task waits for.
        wait: Wait,
        /// Why; none when it waits for another start of the same pass, which no row tells of yet.
        reason: Option<Reason>,
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
    let profile = task.start_profile().unwrap_or_default();
    let directory = policy.working_directory_by_profile.get(profile);
    Ok(paths_of(task, repository.as_deref(), directory.map(String::as_str)))
}

/// Looks whether the board of `task` is not paused, and its place known, free, and one in which starts may be tried.
///
/// # Errors
/// A fault of the database.
pub(in crate::kernel) fn find(sight: Sight<'_>, task: &Task) -> Result<Finding, Fault> {
    let Sight { connection, policy, now, looks, changes } = sight;
    let waits = |key, because, reason| {
        Ok(Finding::Waits { wait: Wait { key, because }, reason: Some(reason) })
    };
    if let Some(key) = store::pauses::wait_key(connection, &task.board)? {
        let facts = LocationFacts::Paused { board: task.board.to_string() };
        if let Err(reason) = start::location(&facts) {
            return waits(key, None, reason);
        }
    }
    let paths = task_paths(connection, policy, task)?;
    for path in paths.workspace.iter().chain(&paths.start) {
        let (facts, because) = match looks.get(path) {
            None => (LocationFacts::Unseen { path: path.clone() }, None),
            Some(Look::Unknown { why }) => {
                (LocationFacts::Unknown { path: path.clone(), why: why.clone() }, Some(why.clone()))
            }
            Some(Look::Found(_) | Look::Broken(_)) => (LocationFacts::Free, None),
        };
        if let Err(reason) = start::location(&facts) {
            return waits(question(path), because, reason);
        }
    }
    let look = paths.workspace.as_ref().and_then(|path| Some((path, looks.get(path)?)));
    let mut breaker = None;
    if let Some((path, look)) = look {
        let path = breaker_path(path, look);
        let key = BreakerKey::Workspace(path.clone());
        let found = store::breakers::get(connection, &key)?;
        let facts = LocationFacts::Guarded { path, breaker: gate_facts(&found, now) };
        if let Err(reason) = start::location(&facts) {
            return waits(key.to_text(), None, reason);
        }
        if changes.probed.contains(&key) {
            let wait = Wait { key: key.to_text(), because: None };
            return Ok(Finding::Waits { wait, reason: None });
        }
        breaker = Some(found);
    }
    let (location, broken) = match look.map(|(_, look)| look.clone()) {
        Some(Look::Found(location)) => (Some(location), None),
        Some(Look::Broken(broken)) => (None, Some(broken)),
        Some(Look::Unknown { .. }) | None => (None, None),
    };
    let keys = lease_keys(task, location.as_ref(), policy, Host::Here);
    for key in keys.take.iter().chain(&keys.avoid) {
        let facts = sight.owner(key)?.map_or(LocationFacts::Free, LocationFacts::Held);
        if let Err(reason) = start::location(&facts) {
            return waits(key.clone(), None, reason);
        }
        if changes.taken.contains(key) {
            let wait = Wait { key: key.clone(), because: None };
            return Ok(Finding::Waits { wait, reason: None });
        }
    }
    let keys = keys.take.into_iter().collect();
    Ok(Finding::Free(Box::new(Lease { keys, location, broken, breaker })))
}

/// What a wait is for, as it stands now.
///
/// # Errors
/// A fault of the database.
pub(in crate::kernel) fn location_facts(
    sight: Sight<'_>,
    wait: &Wait,
) -> Result<LocationFacts, Fault> {
    if let Some(paused) = store::pauses::waited_for(sight.connection, &wait.key)? {
        return Ok(paused.map_or(LocationFacts::Free, |board| LocationFacts::Paused { board }));
    }
    if let Some(path) = asked_path(&wait.key) {
        let path = path.to_owned();
        return Ok(match wait.because.clone() {
            Some(why) => LocationFacts::Unknown { path, why },
            None => LocationFacts::Unseen { path },
        });
    }
    if let Some(BreakerKey::Workspace(path)) = BreakerKey::parse(&wait.key) {
        let key = BreakerKey::Workspace(path.clone());
        let breaker = store::breakers::get(sight.connection, &key)?;
        return Ok(LocationFacts::Guarded { path, breaker: gate_facts(&breaker, sight.now) });
    }
    Ok(sight.owner(&wait.key)?.map_or(LocationFacts::Free, LocationFacts::Held))
}

/// The same for a person's claim, which does not wait and ignores breakers. `location` is what the task's path leads to.
///
/// # Errors
/// [`Refusal::WorkspaceBusy`], and [`Refusal::WorkspaceUnknown`] when a directory that the task names has no place.
pub(super) fn find_for_person(
    connection: &Connection,
    policy: &Policy,
    task: &Task,
    location: Option<Location>,
) -> Result<Lease, VerbError> {
    if location.is_none() && task.workspace_kind == WorkspaceKind::Dir {
        return Err(unknown_workspace(task, "the path has not been resolved yet").into());
    }
    let keys = lease_keys(task, location.as_ref(), policy, Host::Here);
    for key in keys.take.iter().chain(&keys.avoid) {
        if let Some(owner) = store::leases::owner(connection, key)? {
            return Err(Refusal::WorkspaceBusy {
                id: task.id.to_string(),
                workspace: task.workspace_path.clone().unwrap_or_default(),
                owner: owner.task_id.to_string(),
                run_id: owner.run_id,
            }
            .into());
        }
    }
    let keys = keys.take.into_iter().collect();
    Ok(Lease { keys, location, broken: None, breaker: None })
}

/// The refusal of a claim whose workspace has no place.
pub fn unknown_workspace(task: &Task, why: &str) -> Refusal {
    Refusal::WorkspaceUnknown {
        id: task.id.to_string(),
        workspace: task.workspace_path.clone().unwrap_or_default(),
        why: why.to_owned(),
    }
}

/// What becomes of those who wait for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kernel) enum Release {
    /// They go on waiting.
    Nobody,
    /// They go on waiting, for a newer reason.
    NobodyBecause(String),
    /// Keeps the first task of each assignee: one of them takes the place, or is the probe.
    Heads,
    /// All go on.
    Everybody,
}

/// Whether a wait is over: the board is resumed, what it asked has been looked at, what it is for has no holder left, or a breaker lets a
/// start through.
///
/// # Errors
/// A fault of the database.
pub(in crate::kernel) fn release(sight: Sight<'_>, key: &str) -> Result<Release, Fault> {
    if let Some(paused) = store::pauses::waited_for(sight.connection, key)? {
        let is_paused = paused.is_some();
        return Ok(if is_paused { Release::Nobody } else { Release::Everybody });
    }
    if let Some(path) = asked_path(key) {
        return Ok(match sight.looks.get(path) {
            Some(Look::Found(_) | Look::Broken(_)) => Release::Everybody,
            Some(Look::Unknown { why }) => Release::NobodyBecause(why.clone()),
            None => Release::Nobody,
        });
    }
    if let Some(breaker) = BreakerKey::parse(key) {
        return Ok(match store::breakers::get(sight.connection, &breaker)?.gate(sight.now) {
            Gate::Free => Release::Everybody,
            Gate::Probe => Release::Heads,
            Gate::Shut { .. } => Release::Nobody,
        });
    }
    Ok(if sight.owner(key)?.is_none() { Release::Heads } else { Release::Nobody })
}

/// Puts those back into the queue whose wait is over. Its cost grows with the number of places that are waited for, not with
/// that of the tasks.
pub(super) fn let_go_on(tx: &Tx<'_>, looks: &Looks) -> Result<(), VerbError> {
    let (changes, connection) = (Changes::default(), tx.store());
    let sight = Sight { connection, policy: tx.policy, now: tx.now, looks, changes: &changes };
    for key in store::leases::list_wanted(connection)? {
        match release(sight, &key)? {
            Release::Nobody => {}
            Release::NobodyBecause(why) => store::leases::set_because(connection, &key, &why)?,
            Release::Heads => drop(store::leases::release_heads(connection, &key)?),
            Release::Everybody => drop(store::leases::release_all(connection, &key)?),
        }
    }
    Ok(())
}

/// Every path that tasks wait to have resolved.
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
