//! What becomes of the children of a task that is done, archived, or to be done again.

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::TaskId;
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{PARENT_CANCELLED, Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verbs::chat_limits::refuse_unreviewed;
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

/// What became of the children of an archived task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// How many became ready.
    pub released: usize,
    /// Those that wait for a person now.
    pub held: Vec<String>,
}

/// The children of a task that was just archived: those of a finished one go on, those of another wait for a person, unless they
/// are released. `parent` is its row before.
pub(super) fn leave_children(
    tx: &mut Tx<'_>,
    parent: &Task,
    is_released: bool,
) -> Result<Left, VerbError> {
    if is_released {
        let what = "release the tasks that wait for a review";
        refuse_unreviewed(tx.caller, parent, what)?;
    }
    if is_released || parent.status == TaskStatus::Done {
        let released = promote_released_children(tx, &parent.id)?;
        return Ok(Left { released, held: Vec::new() });
    }
    let mut held = Vec::new();
    for id in store::links::list_children(tx.store(), &parent.id)? {
        let child = tx.reread(&id)?;
        if child.status.after(TaskStep::Hold).is_some() {
            let message = EventBody::ParentCancelled {
                reason: format!("parent {} was archived unfinished", parent.id),
                kind: PARENT_CANCELLED,
                parent: &parent.id,
            };
            let arrival = Arrival::Blocked { kind: Some(PARENT_CANCELLED) };
            let cause = Cause::of("hold", None, message).with(arrival);
            tx.move_task(&child, TaskStep::Hold, &cause)?;
            held.push(id.to_string());
        }
    }
    Ok(Left { released: 0, held })
}

/// Has the ready children of a task wait that is open again; returns them. Those that run go on.
pub(super) fn demote_ready_children(
    tx: &mut Tx<'_>,
    parent: &TaskId,
    verb: &'static str,
) -> Result<Vec<String>, VerbError> {
    let mut demoted = Vec::new();
    for id in store::links::list_children(tx.store(), parent)? {
        let child = tx.reread(&id)?;
        if child.status.after(TaskStep::Demote).is_some() {
            let message = EventBody::Demoted { parent };
            tx.move_task(&child, TaskStep::Demote, &Cause::of(verb, None, message))?;
            demoted.push(id.to_string());
        }
    }
    Ok(demoted)
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
