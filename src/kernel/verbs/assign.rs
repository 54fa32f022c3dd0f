//! `assign`: sets the assignee of a task that is not running.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::BoardName;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::assignee::{Admitted, assign, checked_assignee};

/// Gives a task to another profile, or to nobody. Refused while the task is running.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AssignTask {
    /// The task.
    pub id: String,
    /// The profile; null clears the assignee.
    pub assignee: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `assign`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AssignReply {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// The new assignee.
    pub assignee: Option<String>,
    /// False when the task already had this assignee.
    pub changed: bool,
    /// Why nothing will be started for the task, where that is known: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Verb for AssignTask {
    type Reply = AssignReply;
    const NAME: &'static str = "assign";

    fn run(&self, tx: &mut Tx<'_>) -> Result<AssignReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let Admitted { name: assignee, warnings } = checked_assignee(tx, self.assignee.as_deref())?;
        if task.status == TaskStatus::Running {
            return Err(Refusal::CurrentlyRunning {
                verb: "reassign",
                id: task.id.to_string(),
                lock: task.claim_lock.clone().unwrap_or_default(),
            }
            .into());
        }
        let changed = assign(tx, &task, assignee.as_deref())?;
        let id = task.id.to_string();
        Ok(AssignReply { id, board: task.board, assignee, changed, warnings })
    }
}
