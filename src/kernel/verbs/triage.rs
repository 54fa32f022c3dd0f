//! `triage`: puts a task back among the raw ideas, where nothing starts it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::BoardName;
use crate::kernel::task::{TaskStatus, TaskStep};
use crate::kernel::tx::Tx;
use crate::kernel::validate;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::moves::Cause;

/// Puts a task back into `triage`, out of `todo`, `scheduled`, `ready` or `blocked`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TriageTask {
    /// The task.
    pub id: String,
    /// Reason, recorded in the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `triage`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TriageReply")]
pub struct TriageReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its new status.
    pub status: S,
}

impl Verb for TriageTask {
    type Reply = TriageReply;
    const NAME: &'static str = "triage";

    fn run(&self, tx: &mut Tx<'_>) -> Result<TriageReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let message = EventBody::Triaged { reason: reason.as_deref() };
        let cause = Cause::of(Self::NAME, None, message);
        let status = tx.move_task(&task, TaskStep::Triage, &cause)?;
        Ok(TriageReply { id: task.id.to_string(), board: task.board, status })
    }
}
