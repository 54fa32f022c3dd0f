//! `why`: explains why a task is not running.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::ids::BoardName;
use crate::kernel::location::Looks;
use crate::kernel::next_pass::View;
use crate::kernel::policy::Policy;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::standing::Asker;
use crate::kernel::task::TaskStatus;
use crate::kernel::why::{Reason, Why};

/// Tells why a task is not running.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyTask {
    /// The task.
    pub id: String,
    /// Board of the task; refused when the task is on another board.
    #[serde(default)]
    pub board: Option<String>,
}

/// Why a task is not running: one reason.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "WhyReply")]
pub struct WhyReply<S = TaskStatus, R = Reason> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its status.
    pub status: S,
    /// The reason.
    #[serde(flatten)]
    pub reason: R,
    /// The reason, in one line for people.
    pub explanation: String,
    /// Suggested action.
    pub hint: Option<String>,
}

/// Finds the reason; `low_disk_bytes` is what only the host knows.
///
/// # Errors
/// A refusal or a fault.
pub fn why(
    query: &WhyTask,
    snapshot: &Snapshot<'_>,
    policy: &Policy,
    low_disk_bytes: Option<u64>,
) -> Result<WhyReply, VerbError> {
    let task = snapshot.task(&query.id, query.board.as_deref(), "why")?;
    let (id, board, status) = (task.id.to_string(), task.board.clone(), task.status);
    let view = View {
        connection: snapshot.connection,
        policy,
        now: snapshot.now,
        asker: Asker { is_automatic: true, low_disk_bytes },
        max: None,
        looks: &Looks::new(),
    };
    let reason = Why::new(view).reason(&task)?;
    let (explanation, hint) = (reason.explanation(), reason.hint(&id));
    Ok(WhyReply { id, board, status, reason, explanation, hint })
}
