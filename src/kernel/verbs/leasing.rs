//! Whether the place of a task is free for a run, and the leases that the run then takes.

use std::collections::BTreeSet;

use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::place::{Place, Places, asked_path, lease_keys, path_to_look_at, question};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;
use crate::kernel::tx::Tx;

/// Leases that are free now, to be taken in the same transaction.
pub(super) struct Lease {
    keys: BTreeSet<String>,
    /// Where the task's path leads.
    pub place: Option<Place>,
}

impl Lease {
    fn of(tx: &Tx<'_>, task: &Task, place: Option<Place>) -> Self {
        let keys = lease_keys(task, place.as_ref(), tx.policy);
        Self { keys: keys.into_iter().collect(), place }
    }

    /// Writes them down for a run.
    pub(super) fn take(&self, connection: &Connection, run_id: RunId) -> Result<(), Fault> {
        self.keys.iter().try_for_each(|key| store::leases::take(connection, key, run_id))
    }
}

/// What a pass finds out about a task that could start.
pub(super) enum Finding {
    /// Its place is free.
    Free(Lease),
    /// It is not, or nobody has looked what it is.
    Waits {
        /// What it waits for.
        key: String,
    },
}

/// Looks whether the place of `task` is free.
pub(super) fn find(tx: &Tx<'_>, task: &Task, places: &Places) -> Result<Finding, VerbError> {
    let place = match path_to_look_at(task) {
        None => None,
        Some(path) => match places.get(path) {
            Some(place) => place.clone(),
            None => return Ok(Finding::Waits { key: question(path) }),
        },
    };
    let lease = Lease::of(tx, task, place);
    for key in &lease.keys {
        if store::leases::holder(tx.store(), key)?.is_some() {
            return Ok(Finding::Waits { key: key.clone() });
        }
    }
    Ok(Finding::Free(lease))
}

/// The same for a person, who does not wait.
///
/// # Errors
/// [`Refusal::WorkspaceBusy`].
pub(super) fn find_for_person(
    tx: &Tx<'_>,
    task: &Task,
    place: Option<Place>,
) -> Result<Lease, VerbError> {
    let lease = Lease::of(tx, task, place);
    for key in &lease.keys {
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
    Ok(lease)
}

/// Puts those back into the queue whose wait is over: what they asked has been looked at, or what they wait for has no
/// holder any more. Its cost grows with the number of places that are waited for, not with that of the tasks.
pub(super) fn let_go_on(tx: &Tx<'_>, places: &Places) -> Result<(), VerbError> {
    for key in store::leases::list_wanted(tx.store())? {
        match asked_path(&key) {
            Some(path) if places.contains_key(path) => {
                store::leases::release_all(tx.store(), &key)?;
            }
            Some(_) => {}
            None if store::leases::holder(tx.store(), &key)?.is_none() => {
                store::leases::release_heads(tx.store(), &key)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Every path that somebody waits to have looked at.
pub(super) fn unseen_paths(connection: &Connection) -> Result<Vec<String>, Fault> {
    let wanted = store::leases::list_wanted(connection)?;
    Ok(wanted.iter().filter_map(|key| asked_path(key)).map(str::to_owned).collect())
}
