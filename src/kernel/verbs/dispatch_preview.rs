//! What a dispatch pass would do, and what one did, as `dispatch` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::dispatch_switch::Hold;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::location::Looks;
use crate::kernel::next_pass::{NextPass, View};
use crate::kernel::policy::Policy;
use crate::kernel::rules::start;
use crate::kernel::standing::Asker;
use crate::kernel::store::{self, Connection};
use crate::kernel::verbs::dispatch_named::NotStarted;

/// What a pass would do, for `dispatch --dry-run`. Reads only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DispatchPreview {
    /// Manual claims that have expired.
    pub reclaimed: Vec<TaskId>,
    /// Tasks whose parents are all done although nobody promoted them.
    pub promoted: Vec<TaskId>,
    /// Tasks that would start, with their assignees.
    pub spawned: Vec<(TaskId, String)>,
    /// Ready tasks without an assignee.
    pub skipped_unassigned: Vec<TaskId>,
    /// What keeps the pass from starting anything.
    pub held_by: Option<Hold>,
}

/// Result of `dispatch`, with the keys of the predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DispatchReport")]
#[serde(bound(deserialize = "H: Deserialize<'de>"))]
pub struct DispatchReport<H = Hold> {
    /// Number of expired manual claims reclaimed.
    pub reclaimed: usize,
    /// Tasks whose worker crashed; always empty, because crashes are handled when they happen.
    pub crashed: Vec<String>,
    /// Tasks whose run exceeded its time limit; always empty, because such runs are ended when it happens.
    pub timed_out: Vec<String>,
    /// Tasks that were blocked after too many failures.
    pub auto_blocked: Vec<String>,
    /// Number of tasks made ready.
    pub promoted: usize,
    /// Tasks whose worker was started.
    pub spawned: Vec<SpawnedTask>,
    /// Ready tasks without an assignee.
    pub skipped_unassigned: Vec<String>,
    /// Why nothing is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<H>,
    /// Named tasks that were not started, with the reason of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_started: Vec<NotStarted>,
}

impl<H> Default for DispatchReport<H> {
    fn default() -> Self {
        Self {
            reclaimed: 0,
            crashed: Vec::new(),
            timed_out: Vec::new(),
            auto_blocked: Vec::new(),
            promoted: 0,
            spawned: Vec::new(),
            skipped_unassigned: Vec::new(),
            held_by: None,
            not_started: Vec::new(),
        }
    }
}

/// A started task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpawnedTask {
    /// The task.
    pub task_id: String,
    /// Its assignee.
    pub assignee: String,
    /// Workspace; empty in a dry run.
    pub workspace: String,
}

/// Looks at what a person's pass would do now.
///
/// # Errors
/// [`Fault::Database`].
pub fn preview_dispatch(
    connection: &Connection,
    policy: &Policy,
    now: EpochSeconds,
    max: Option<u32>,
    is_disk_low: bool,
    looks: &Looks,
) -> Result<DispatchPreview, Fault> {
    let asker = Asker { is_automatic: false, low_disk_bytes: is_disk_low.then_some(0) };
    let pass = NextPass::look(View { connection, policy, now, asker, max, looks })?;
    let held_by = pass.held().and_then(start::hold);
    Ok(DispatchPreview {
        reclaimed: store::tasks::list_expired_claims(connection, now)?,
        promoted: store::tasks::list_promotable(connection)?,
        spawned: pass.starts().to_vec(),
        skipped_unassigned: store::queue::list_ready_unassigned(connection)?,
        held_by,
    })
}
