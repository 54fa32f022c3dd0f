//! Assignees: which names may be assigned, and the one function that writes them.

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::{store, validate};

/// A name that may be assigned.
pub(super) fn checked_assignee(
    tx: &Tx<'_>,
    given: Option<&str>,
) -> Result<Option<String>, VerbError> {
    let assignee = validate::argument_name("assignee", given)?;
    refuse_unknown_profile(tx, assignee.as_deref())?;
    Ok(assignee)
}

/// Refuses a name without a profile, where only profiles may be assigned.
pub(super) fn refuse_unknown_profile(tx: &Tx<'_>, name: Option<&str>) -> Result<(), Refusal> {
    match (name, &tx.policy.strict_profiles) {
        (Some(name), Some(known)) if !known.iter().any(|one| one == name) => {
            Err(Refusal::UnknownProfile { name: name.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Writes the assignee; false when nothing changed.
pub(super) fn assign(
    tx: &mut Tx<'_>,
    task: &Task,
    assignee: Option<&str>,
) -> Result<bool, VerbError> {
    if task.assignee.as_deref() == assignee {
        return Ok(false);
    }
    store::tasks::set_assignee(tx.store(), &task.id, assignee)?;
    tx.count(task, Some(task.status), None);
    let moved = Task { assignee: assignee.map(str::to_owned), ..task.clone() };
    tx.count(&moved, None, Some(task.status));
    tx.changed(task, &EventBody::Assigned { assignee })?;
    if task.status == TaskStatus::Ready {
        tx.signal(Signal::DispatchDue);
    }
    Ok(true)
}
