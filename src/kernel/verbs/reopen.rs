//! `reopen`: a task that is done is to be done again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::store::tasks::Arrival;
use crate::kernel::task::{TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;
use crate::kernel::verbs::release::demote_ready_children;

/// Reopens a task that is done: its result, its completion time and its failure counters are cleared; runs and comments stay, and so
/// does the count of automatic starts. Ready children wait again; running ones continue.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReopenTask {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `reopen`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReopenReply")]
pub struct ReopenReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
    /// Children that wait for it again.
    pub demoted: Vec<String>,
}

impl Verb for ReopenTask {
    type Reply = ReopenReply;
    const NAME: &'static str = "reopen";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<ReopenReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let step = TaskStep::Reopen(tx.landing(&task)?);
        let status = Tx::step(&task, step, Self::NAME, " (not done)")?;
        let demoted = demote_ready_children(tx, &task.id, Self::NAME)?;
        let message = EventBody::Reopened { status, demoted: demoted.len() };
        let cause = Cause::of(Self::NAME, None, message).with(Arrival::Reopened);
        tx.move_task(&task, step, &cause)?;
        tx.stop_open_run(&task.id)?;
        Ok(ReopenReply { id: task.id.to_string(), board: task.board, status, demoted })
    }
}
