//! Whether a task has room for one more comment, link, label, event …: the limits per task of [`crate::kernel::limits`].
//!
//! They hold for what is asked for from now on. A task that has more, because it was imported or is older than the limit, keeps all
//! of it; it gets no more.

use crate::kernel::error::{Fault, Refusal, VerbError};
use crate::kernel::ids::TaskId;
use crate::kernel::limits::{
    CHILDREN_PER_TASK_MAX, COMMENT_BYTES_PER_TASK_MAX, COMMENTS_PER_TASK_MAX, EVENTS_PER_TASK_MAX,
    HEARTBEAT_EVENTS_PER_TASK_MAX, LABELS_PER_TASK_MAX, PARENTS_PER_TASK_MAX,
    SUBSCRIPTIONS_PER_TASK_MAX,
};
use crate::kernel::store::comments::CommentTotals;
use crate::kernel::store::{self, Connection};

/// Refuses a comment that finds no room.
pub(super) fn for_comment(store: &Connection, id: &TaskId, bytes: usize) -> Result<(), VerbError> {
    let totals = store::comments::totals(store, id)?.with(bytes);
    comment_fits(id, totals)?;
    for_event(store, id)
}

fn comment_fits(id: &TaskId, with_it: CommentTotals) -> Result<(), Refusal> {
    if with_it.count > COMMENTS_PER_TASK_MAX {
        return Err(too_many(id, "comments", COMMENTS_PER_TASK_MAX));
    }
    if with_it.bytes > COMMENT_BYTES_PER_TASK_MAX {
        return Err(too_many(id, "bytes of comments", COMMENT_BYTES_PER_TASK_MAX));
    }
    Ok(())
}

/// Refuses an event of something that need not be done when it finds no room.
pub(super) fn for_event(store: &Connection, id: &TaskId) -> Result<(), VerbError> {
    let is_full = store::events::has_at_least(store, id, EVENTS_PER_TASK_MAX)?;
    refuse_full(is_full, id, "events", EVENTS_PER_TASK_MAX)
}

/// Whether a heartbeat leaves an event.
pub(super) fn has_for_heartbeat_event(store: &Connection, id: &TaskId) -> Result<bool, Fault> {
    Ok(!store::events::has_at_least(store, id, HEARTBEAT_EVENTS_PER_TASK_MAX)?)
}

/// Refuses a link that one of its ends has too many for. To be asked after it was added.
pub(super) fn after_link(
    store: &Connection,
    parent: &TaskId,
    child: &TaskId,
) -> Result<(), VerbError> {
    let is_over = store::links::has_more_parents_than(store, child, PARENTS_PER_TASK_MAX)?;
    refuse_full(is_over, child, "parents", PARENTS_PER_TASK_MAX)?;
    let is_over = store::links::has_more_children_than(store, parent, CHILDREN_PER_TASK_MAX)?;
    refuse_full(is_over, parent, "children", CHILDREN_PER_TASK_MAX)
}

/// Refuses a new task whose parent has as many children as it may have.
pub(super) fn for_child(store: &Connection, parent: &TaskId) -> Result<(), VerbError> {
    let most = CHILDREN_PER_TASK_MAX - 1;
    let is_full = store::links::has_more_children_than(store, parent, most)?;
    refuse_full(is_full, parent, "children", CHILDREN_PER_TASK_MAX)
}

/// Refuses what a task has too many labels for. To be asked after they were added.
pub(super) fn after_labels(store: &Connection, id: &TaskId) -> Result<(), VerbError> {
    let is_over = store::labels::has_more_than(store, id, LABELS_PER_TASK_MAX)?;
    refuse_full(is_over, id, "labels", LABELS_PER_TASK_MAX)
}

/// Refuses what a task has too many subscriptions for. To be asked after it was added.
pub(super) fn after_subscription(store: &Connection, id: &TaskId) -> Result<(), VerbError> {
    let is_over = store::subscriptions::has_more_than(store, id, SUBSCRIPTIONS_PER_TASK_MAX)?;
    refuse_full(is_over, id, "subscriptions", SUBSCRIPTIONS_PER_TASK_MAX)
}

fn refuse_full(
    is_full: bool,
    id: &TaskId,
    what: &'static str,
    limit: u64,
) -> Result<(), VerbError> {
    if is_full { Err(too_many(id, what, limit).into()) } else { Ok(()) }
}

fn too_many(id: &TaskId, what: &'static str, limit: u64) -> Refusal {
    Refusal::TooMany { what, id: id.to_string(), limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_bounded_in_number_and_in_bytes() {
        let id = TaskId::parse("t_1").unwrap();
        let (most, bytes) = (COMMENTS_PER_TASK_MAX, COMMENT_BYTES_PER_TASK_MAX);
        for (before, length, expected) in [
            (CommentTotals { count: 0, bytes: 0 }, 10, None),
            (CommentTotals { count: most - 1, bytes: 0 }, 10, None),
            (CommentTotals { count: most, bytes: 0 }, 10, Some("comments")),
            (CommentTotals { count: 1, bytes: bytes - 10 }, 10, None),
            (CommentTotals { count: 1, bytes: bytes - 10 }, 11, Some("bytes of comments")),
        ] {
            let refused = comment_fits(&id, before.with(length)).err().map(|refusal| {
                let Refusal::TooMany { what, .. } = refusal else { panic!("{refusal}") };
                what
            });
            assert_eq!(refused, expected, "{before:?}");
        }
    }
}
