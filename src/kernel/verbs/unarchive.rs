//! `unarchive`: an archived task comes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::{EventBody, EventKind};
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::store;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{Task, TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::demote_ready_children;

/// Brings an archived task back: one that was done is done again, every other one lands where its review, its time and its parents
/// let it. Ready children of an unfinished task wait again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnarchiveTask {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `unarchive`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UnarchiveReply")]
pub struct UnarchiveReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// Children that wait for it again.
    pub demoted: Vec<String>,
    /// Its idempotency key, which another task has by now: this one has none any longer.
    pub dropped_key: Option<String>,
    /// Parents that gc has removed; they count as satisfied.
    pub purged_parents: Vec<String>,
}

impl Verb for UnarchiveTask {
    type Reply = UnarchiveReply;
    const NAME: &'static str = "unarchive";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<UnarchiveReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let was_done = match task.archived_from.as_deref().and_then(TaskStatus::parse) {
            Some(from) => from == TaskStatus::Done,
            // A row of an earlier release.
            None => task.completed_at.is_some(),
        };
        let step = if was_done {
            TaskStep::UnarchiveDone
        } else if store::worker_tasks::held(tx.store(), &task.id)?.is_some() {
            TaskStep::UnarchiveHeld
        } else {
            TaskStep::Unarchive(tx.landing(&task)?)
        };
        let status = Tx::step(&task, step, Self::NAME, " (not archived)")?;
        let demoted =
            if was_done { Vec::new() } else { demote_ready_children(tx, &task.id, Self::NAME)? };
        let dropped_key = key_of_another(tx, &task)?;
        let message = EventBody::Unarchived {
            status,
            demoted: demoted.len(),
            dropped_key: dropped_key.as_deref(),
        };
        let arrival = Arrival::Unarchived { drops_key: dropped_key.is_some() };
        tx.move_task(&task, step, &Cause::of(Self::NAME, None, message).with(arrival))?;
        if !was_done {
            tx.stop_open_run(&task.id)?;
        }
        let purged_parents = purged_parents(tx, &task.id)?;
        let (id, board) = (task.id.to_string(), task.board);
        Ok(UnarchiveReply { id, board, status, demoted, dropped_key, purged_parents })
    }
}

/// The task's idempotency key, when a task that is not archived has it.
fn key_of_another(tx: &Tx<'_>, task: &Task) -> Result<Option<String>, Fault> {
    let Some(key) = task.idempotency_key.as_ref().filter(|key| !key.is_empty()) else {
        return Ok(None);
    };
    let other = store::tasks::find_by_idempotency_key(tx.store(), &task.board, key)?;
    Ok(other.map(|_| key.clone()))
}

/// Parents that the task's events name and that are on the board no longer.
fn purged_parents(tx: &Tx<'_>, id: &TaskId) -> Result<Vec<String>, Fault> {
    let mut parents: Vec<String> = Vec::new();
    for event in store::events::list_of_task(tx.store(), id)? {
        let Some(payload) = event.payload else { continue };
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let parent = payload.get("parent").and_then(text);
        if event.kind == EventKind::Created.as_str() {
            let named = payload.get("parents").and_then(serde_json::Value::as_array);
            parents.extend(named.into_iter().flatten().filter_map(text));
        } else if event.kind == EventKind::Linked.as_str() {
            parents.extend(parent);
        } else if event.kind == EventKind::Unlinked.as_str() {
            parents.retain(|known| Some(known) != parent.as_ref());
        }
    }
    parents.sort();
    parents.dedup();
    let mut purged = Vec::new();
    for parent in parents {
        if let Some(id) = TaskId::parse(&parent)
            && store::tasks::get_status(tx.store(), &id)?.is_none()
        {
            purged.push(parent);
        }
    }
    Ok(purged)
}
