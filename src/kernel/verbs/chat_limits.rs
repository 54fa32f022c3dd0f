//! What a person in a chat does not reach by another way: their role says to whom they may give tasks, and whether they may review.

use crate::kernel::caller::Caller;
use crate::kernel::error::Refusal;
use crate::kernel::rules::chat_groups::ChatGroup;
use crate::kernel::task::{HUMAN, Task};

/// A reviewer is a profile that is started with the words of the task, as an assignee is.
pub(super) fn refuse_reviewer(caller: &Caller, reviewer: Option<&str>) -> Result<(), Refusal> {
    let Caller::Chat(by) = caller else { return Ok(()) };
    match reviewer.filter(|name| *name != HUMAN) {
        Some(name) => by.may_assign(name),
        None => Ok(()),
    }
}

/// Whether they may say that something needs no review.
pub(super) fn may_review(caller: &Caller) -> bool {
    match caller {
        Caller::Chat(by) => by.may.groups.contains(&ChatGroup::Review),
        Caller::Operator { .. }
        | Caller::Worker { .. }
        | Caller::Courier
        | Caller::System { .. } => true,
    }
}

/// What is to be reviewed is neither completed nor passed over by a person who may not review.
pub(super) fn refuse_unreviewed(
    caller: &Caller,
    task: &Task,
    what: &'static str,
) -> Result<(), Refusal> {
    let Caller::Chat(by) = caller else { return Ok(()) };
    let is_reviewed = task.review_open || task.acting_reviewer().is_some();
    if is_reviewed && !may_review(caller) {
        return Err(by.refused(what));
    }
    Ok(())
}

/// Unfinished parents are passed over by those who may operate.
pub(super) fn refuse_force(caller: &Caller, is_forced: bool) -> Result<(), Refusal> {
    match caller {
        Caller::Chat(by) if is_forced && !by.may.groups.contains(&ChatGroup::Operate) => {
            Err(by.refused("ignore unfinished parents"))
        }
        Caller::Chat(_)
        | Caller::Operator { .. }
        | Caller::Worker { .. }
        | Caller::Courier
        | Caller::System { .. } => Ok(()),
    }
}
