//! Tasks that become ready because their last open parent is done or archived.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::TaskId;
use crate::kernel::store;
use crate::kernel::task::{TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::moves::Cause;

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
    tx.move_task(&task, TaskStep::Promote, &Cause::of("promote", None, EventBody::Promoted))?;
    Ok(true)
}
