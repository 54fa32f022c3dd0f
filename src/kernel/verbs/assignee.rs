//! Assignees: which names may be assigned, and the one function that writes them.

use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::rules::assignee::Assignee;
use crate::kernel::rules::review::default_reviewer;
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verbs::chat_limits::may_review;
use crate::kernel::verbs::review::refuse_pair;
use crate::kernel::{store, validate};

/// A name that may be assigned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Admitted {
    /// The name; none for nobody.
    pub name: Option<String>,
    /// Warnings for the caller.
    pub warnings: Vec<String>,
}

/// A name as a request gives it, if it may be assigned.
pub(super) fn checked_assignee(
    tx: &mut Tx<'_>,
    given: Option<&str>,
) -> Result<Admitted, VerbError> {
    let name = validate::argument_name("assignee", given)?;
    let caller = tx.caller;
    let warnings = admit(tx, caller, name.as_deref())?;
    Ok(Admitted { name, warnings })
}

/// Refuses a name that is neither a profile nor a person, where only those may be assigned. A caller outside any run that names
/// itself is a person from then on. Returns the warnings for the caller.
pub(super) fn admit(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: Option<&str>,
) -> Result<Vec<String>, VerbError> {
    let Some(name) = name else { return Ok(Vec::new()) };
    if let Caller::Chat(by) = caller {
        by.may_assign(name)?;
    }
    let policy = tx.policy;
    if policy.assignees.profiles.contains_key(name) {
        return Ok(warnings_of(tx, name, policy.assignees.get(Some(name), false)));
    }
    let is_entered = tx.people.contains(tx.connection, name)?;
    let is_caller = matches!(caller, Caller::Operator { name: own } if own == name);
    let assignee = policy.assignees.get(Some(name), is_entered || is_caller);
    if assignee == Assignee::Person && !is_entered && !policy.assignees.people.contains(name) {
        tx.people.insert(tx.connection, name, tx.now)?;
    }
    if policy.assignees.is_strict
        && let Assignee::Unknown { nearest } = assignee
    {
        return Err(Refusal::UnknownProfile { name: name.to_owned(), nearest }.into());
    }
    Ok(warnings_of(tx, name, assignee))
}

/// The warnings for the caller about an assignee that is admitted. One that may be a profile of this host is looked for.
fn warnings_of(tx: &mut Tx<'_>, name: &str, assignee: Assignee) -> Vec<String> {
    if assignee != Assignee::Person && tx.policy.assignees.takes_a_look(name) {
        tx.signal(Signal::ProfileWanted { name: name.to_owned() });
    }
    assignee.warning(Some(name)).into_iter().collect()
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
    let default = default_reviewer(assignee, task.board.as_str(), tx.policy);
    // A reviewer that was not chosen follows the assignee, but not out of a review that is open, nor by a person who may not
    // review.
    let follows = !task.reviewer_chosen
        && !task.review_open
        && may_review(tx.caller)
        && task.reviewer.as_deref() != default;
    let default = default.map(str::to_owned);
    let reviewer = if follows { default.as_deref() } else { task.reviewer.as_deref() };
    refuse_pair(tx, reviewer, assignee)?;
    store::tasks::set_assignee(tx.store(), &task.id, assignee)?;
    if follows {
        store::tasks::set_reviewer(tx.store(), &task.id, default.as_deref(), false)?;
    }
    tx.count(task, Some(task.status), None);
    let moved = Task { assignee: assignee.map(str::to_owned), ..task.clone() };
    tx.count(&moved, None, Some(task.status));
    tx.changed(task, &EventBody::Assigned { assignee })?;
    if task.status == TaskStatus::Ready {
        tx.signal(Signal::DispatchDue);
    }
    Ok(true)
}
