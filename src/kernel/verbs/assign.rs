//! `assign`, `unlink`, `archive`: verbs that change where a task stands without working on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::board::Verb;
use crate::kernel::caller::Right;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{EventKind, payload};
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::kernel::run::RunOutcome;
use crate::kernel::store;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::{Signal, Tx, refuse_other_board, shorten, text_or_null};
use crate::kernel::validate;
use crate::kernel::verbs::ending::{Ending, end_current_run};
use crate::kernel::verbs::{promote, promote_released_children};

/// Gives a task to another profile, or to nobody. Refused while somebody works on it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AssignTask {
    /// The task.
    pub id: String,
    /// The profile; none = nobody.
    pub assignee: Option<String>,
    /// Board of the task, when the caller wants it checked.
    pub board: Option<String>,
}

/// What the assignment did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AssignReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its assignee now.
    pub assignee: Option<String>,
    /// False when it had that assignee already.
    pub changed: bool,
}

impl Verb for AssignTask {
    type Reply = AssignReply;
    const NAME: &'static str = "assign";

    fn run(&self, tx: &mut Tx<'_>) -> Result<AssignReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let assignee = checked_assignee(tx, self.assignee.as_deref())?;
        if task.status == TaskStatus::Running {
            return Err(Refusal::CurrentlyRunning {
                verb: "reassign",
                id: task.id.to_string(),
                lock: task.claim_lock.clone().unwrap_or_default(),
            }
            .into());
        }
        let changed = assign(tx, &task, assignee.as_deref())?;
        Ok(AssignReply { id: task.id.to_string(), board: task.board, assignee, changed })
    }
}

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
    let told = payload([("assignee", text_or_null(assignee))]);
    tx.event(task, None, EventKind::Assigned, Some(told))?;
    if task.status == TaskStatus::Ready {
        tx.signal(Signal::DispatchDue);
    }
    Ok(true)
}

/// Removes a dependency. A child whose last open parent it was becomes ready at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkTasks {
    /// The task that had to be done first.
    pub parent_id: String,
    /// The task that waited.
    pub child_id: String,
    /// Board of the child, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// What the removal did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct UnlinkReply {
    /// As asked.
    pub parent_id: String,
    /// As asked.
    pub child_id: String,
    /// Their board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Status of the child now.
    pub child_status: TaskStatus,
}

impl Verb for UnlinkTasks {
    type Reply = UnlinkReply;
    const NAME: &'static str = "unlink";

    fn run(&self, tx: &mut Tx<'_>) -> Result<UnlinkReply, VerbError> {
        let unknown = || Refusal::UnknownLink {
            parent: shorten(&self.parent_id),
            child: shorten(&self.child_id),
        };
        let parent = TaskId::parse(&self.parent_id).ok_or_else(unknown)?;
        let child_id = TaskId::parse(&self.child_id).ok_or_else(unknown)?;
        let child = store::tasks::get(tx.store(), &child_id)?.ok_or_else(unknown)?;
        refuse_other_board(&child, self.board.as_deref())?;
        tx.caller.check(Right::Operate, Self::NAME, &child.board, None)?;
        if !store::links::delete(tx.store(), &parent, &child_id)? {
            return Err(unknown().into());
        }
        let ends =
            payload([("parent", parent.as_str().into()), ("child", child_id.as_str().into())]);
        tx.event(&child, None, EventKind::Unlinked, Some(ends))?;
        let parents = store::links::parents_of(tx.store(), &child_id)?;
        let is_released = TaskStatus::by_parents(parents) == TaskStatus::Ready;
        let promoted = is_released && promote(tx, &child_id)?;
        Ok(UnlinkReply {
            parent_id: parent.to_string(),
            child_id: child_id.to_string(),
            board: child.board,
            child_status: if promoted { TaskStatus::Ready } else { child.status },
        })
    }
}

/// Puts a task away. A running one is a verdict: its run ends `reclaimed` at once and closes when its processes are gone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveTask {
    /// The task.
    pub id: String,
    /// Board of the task, when the caller wants it checked.
    #[serde(default)]
    pub board: Option<String>,
}

/// What the archiving did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ArchiveReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The run that it ended.
    pub run_id: Option<RunId>,
    /// Children that became ready.
    pub released: usize,
}

impl Verb for ArchiveTask {
    type Reply = ArchiveReply;
    const NAME: &'static str = "archive";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ArchiveReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Right::Operate, Self::NAME)?;
        let to = Tx::step(&task, TaskStep::Archive, Self::NAME, "")?;
        let ending = Ending {
            summary: Some("the task was archived while this run was active"),
            ..Ending::of(RunOutcome::Reclaimed)
        };
        let run_id = end_current_run(tx, &task, &ending)?;
        store::tasks::set_status(tx.store(), &task.id, task.status, to, None, tx.now)?;
        store::tasks::set_archived_at(tx.store(), &task.id, tx.now)?;
        tx.count(&task, Some(task.status), Some(to));
        tx.event(&task, run_id, EventKind::Archived, None)?;
        let released = promote_released_children(tx, &task.id)?;
        Ok(ArchiveReply { id: task.id.to_string(), board: task.board, run_id, released })
    }
}
