//! `gc`: the only thing that deletes. Archived tasks older than an age go whole: the task, its links, runs, comments,
//! events, labels and subscriptions, in one transaction. Nothing is cut out of a task that stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;

/// Tasks that one transaction removes at most; the next follows until none is left.
const TASKS_PER_TRANSACTION: u32 = 200;

/// Removes archived tasks whose archiving is older than an age.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectGarbage {
    /// Tasks archived before this time go, epoch seconds.
    pub archived_before: EpochSeconds,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CollectReply {
    /// The tasks.
    #[schemars(with = "Vec<String>")]
    pub tasks: Vec<TaskId>,
    /// Events of removed tasks.
    pub events: usize,
    /// Whether there are more.
    pub has_more: bool,
}

impl Verb for CollectGarbage {
    type Reply = CollectReply;
    const NAME: &'static str = "gc";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<CollectReply, VerbError> {
        tx.caller.may_ask(Self::NAME)?;
        store::breakers::forget_workspaces(tx.store(), self.archived_before)?;
        let tasks = collectable(tx.store(), self.archived_before, TASKS_PER_TRANSACTION)?;
        let mut reply = CollectReply::default();
        let stored = store::install::setting(tx.store(), store::install::EVENTS_FLOOR)?;
        let mut floor: i64 = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
        for id in tasks {
            let task = tx.reread(&id)?;
            floor = floor.max(store::events::newest_id_of_task(tx.store(), &id)?);
            reply.events += store::purge::purge_task(tx.store(), &id)?;
            tx.count(&task, Some(TaskStatus::Archived), None);
            reply.tasks.push(id);
        }
        if reply.events > 0 {
            store::events::reserve(tx.store(), floor)?;
            let by = tx.caller.actor().to_string();
            let floor = floor.to_string();
            store::install::set_setting(
                tx.store(),
                store::install::EVENTS_FLOOR,
                &floor,
                tx.now,
                &by,
            )?;
        }
        reply.has_more = reply.tasks.len() == TASKS_PER_TRANSACTION as usize;
        Ok(reply)
    }
}

/// Archived tasks that may go: archived long enough ago, and no process of theirs is left.
///
/// # Errors
/// A fault of the database.
pub fn collectable(
    connection: &Connection,
    archived_before: EpochSeconds,
    limit: u32,
) -> Result<Vec<TaskId>, VerbError> {
    Ok(store::purge::list_collectable(connection, archived_before, limit)?)
}
