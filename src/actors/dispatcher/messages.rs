//! What the dispatcher receives.

use std::sync::Arc;

use actix::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::policy::Policy;

/// Something may be startable. From the event hub and the circuit breaker. Any number of times is safe.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Wake;

/// A person's dispatch. From the API. What it starts is durable and confirmed when it returns.
#[derive(Debug, Message)]
#[rtype(result = "Result<DispatchReport, VerbError>")]
pub struct DispatchNow {
    /// Who asks.
    pub caller: Caller,
    /// Starts at most.
    pub max: Option<u32>,
    /// Failures after which a task started by this is given up.
    pub failure_limit: Option<u32>,
    /// Only look: by this policy.
    pub policy_for_preview: Option<Arc<Policy>>,
}

/// What a dispatch did, with the keys that users of the predecessor know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DispatchReport {
    /// Manual claims taken back.
    pub reclaimed: usize,
    /// Tasks whose worker crashed; crashes are noticed when they happen, so a pass finds none.
    pub crashed: Vec<String>,
    /// Tasks whose run exceeded its time; ended when it happens, so a pass finds none.
    pub timed_out: Vec<String>,
    /// Tasks that were given up.
    pub auto_blocked: Vec<String>,
    /// Tasks made ready.
    pub promoted: usize,
    /// Tasks whose worker runs.
    pub spawned: Vec<SpawnedTask>,
    /// Ready tasks without an assignee.
    pub skipped_unassigned: Vec<String>,
}

/// A task whose worker was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpawnedTask {
    /// The task.
    pub task_id: String,
    /// Its assignee.
    pub assignee: String,
    /// Directory of the work; empty in a dry run.
    pub workspace: String,
}
