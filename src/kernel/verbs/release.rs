//! Tasks that become ready because their last open parent is done or archived.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventKind;
use crate::kernel::ids::TaskId;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::{Signal, Tx};

/// Makes every child ready that waited for `parent` alone.
pub(super) fn promote_released_children(
    tx: &mut Tx<'_>,
    parent: &TaskId,
) -> Result<usize, VerbError> {
    let children = store::links::list_released_children(tx.store(), parent)?;
    let mut promoted = 0;
    for child in children {
        promoted += usize::from(promote(tx, &child)?);
    }
    Ok(promoted)
}

/// Makes a `todo` task ready; false when it is not `todo`.
pub(in crate::kernel) fn promote(tx: &mut Tx<'_>, id: &TaskId) -> Result<bool, VerbError> {
    let Some(task) = store::tasks::get(tx.store(), id)? else { return Ok(false) };
    if task.status != TaskStatus::Todo {
        return Ok(false);
    }
    store::tasks::set_status(tx.store(), id, TaskStatus::Todo, TaskStatus::Ready, None, tx.now)?;
    tx.count(&task, Some(TaskStatus::Todo), Some(TaskStatus::Ready));
    tx.event(&task, None, EventKind::Promoted, None)?;
    tx.signal(Signal::DispatchDue);
    Ok(true)
}
