//! A task with everything that belongs to it, as one JSON object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::objects;

/// Version of the export format.
pub const FORMAT_VERSION: u32 = 1;

/// First line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportHeader {
    /// [`FORMAT_VERSION`].
    pub kanban_export: u32,
    /// The board.
    pub board: String,
    /// Where it comes from: names the installation.
    pub source: String,
    /// Tasks that follow.
    pub tasks: usize,
}

/// A task with its runs, comments, events and subscriptions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TaskRecord {
    /// The row of the task.
    pub task: TaskFields,
    /// Its parents.
    pub parents: Vec<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its runs, oldest first.
    #[serde(deserialize_with = "objects::list")]
    pub runs: Vec<RunFields>,
    /// Its questions, oldest first.
    #[serde(deserialize_with = "objects::list", skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionFields>,
    /// Its comments, oldest first.
    #[serde(deserialize_with = "objects::list")]
    pub comments: Vec<CommentFields>,
    /// Its events, oldest first.
    #[serde(deserialize_with = "objects::list")]
    pub events: Vec<EventFields>,
    /// Its attachments, without their content.
    #[serde(deserialize_with = "objects::list")]
    pub attachments: Vec<AttachmentFields>,
    /// Subscriptions to it.
    #[serde(deserialize_with = "objects::list")]
    pub subscriptions: Vec<SubscriptionFields>,
}

/// Columns of a task; columns that an older file lacks stay empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct TaskFields {
    pub id: String,
    pub title: String,
    pub body: Option<String>,
    pub assignee: Option<String>,
    pub status: String,
    pub priority: Option<i64>,
    pub created_by: Option<String>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub completed_at: Option<i64>,
    pub archived_at: Option<i64>,
    pub workspace_kind: Option<String>,
    pub workspace_path: Option<String>,
    pub claim_lock: Option<String>,
    pub claim_expires: Option<i64>,
    pub tenant: Option<String>,
    pub result: Option<String>,
    pub idempotency_key: Option<String>,
    pub spawn_failures: Option<i64>,
    pub last_spawn_error: Option<String>,
    pub max_runtime_seconds: Option<i64>,
    pub no_max_runtime: Option<bool>,
    pub last_heartbeat_at: Option<i64>,
    pub current_run_id: Option<i64>,
    pub workflow_template_id: Option<String>,
    pub current_step_key: Option<String>,
    pub skills: Option<String>,
    pub auto_starts: Option<i64>,
    pub protocol_violations: Option<i64>,
    pub model: Option<String>,
    pub effort: Option<String>,
    pub args: Option<Vec<String>>,
    pub branch_name: Option<String>,
    pub start_at: Option<i64>,
    pub parked: Option<bool>,
    pub due_at: Option<i64>,
    pub review_open: Option<bool>,
    pub reviewer: Option<String>,
    pub reviewer_chosen: Option<bool>,
    pub review_round: Option<i64>,
    pub review_why: Option<String>,
    pub block_kind: Option<String>,
    pub archived_from: Option<String>,
}

/// Columns of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct RunFields {
    pub id: i64,
    pub profile: Option<String>,
    pub step_key: Option<String>,
    pub status: String,
    pub outcome: Option<String>,
    pub summary: Option<String>,
    pub metadata: Option<String>,
    pub error: Option<String>,
    pub worker_pid: Option<i64>,
    pub max_runtime_seconds: Option<i64>,
    pub last_heartbeat_at: Option<i64>,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub cause: Option<String>,
    pub verdict_by: Option<String>,
    pub supervised: Option<bool>,
    pub automatic: Option<bool>,
    pub workspace_path: Option<String>,
    pub argv: Option<String>,
    pub exit_code: Option<i64>,
    pub signal: Option<i64>,
    pub cpu_ms: Option<i64>,
    pub max_rss_bytes: Option<i64>,
    pub memory_peak_bytes: Option<i64>,
    pub oom_kills: Option<i64>,
    pub containment: Option<String>,
    pub not_enforced: Option<String>,
    pub artifacts: Option<String>,
    pub created_cards: Option<String>,
    pub log_tail: Option<String>,
    pub errno: Option<i64>,
    pub retry_at: Option<i64>,
    pub role: Option<String>,
    pub review_verdict: Option<String>,
    pub model: Option<String>,
    pub effort: Option<String>,
    pub args: Option<Vec<String>>,
    pub block_kind: Option<String>,
}

/// Columns of a question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct QuestionFields {
    pub id: String,
    pub run_id: Option<i64>,
    pub blocks: bool,
    pub kind: String,
    pub text: String,
    pub choices: Vec<String>,
    pub default_answer: Option<String>,
    pub asked_by: String,
    pub asked_at: i64,
    pub deadline_at: Option<i64>,
    pub overdue_at: Option<i64>,
    pub calls: u32,
    pub outcome: String,
    pub ended_at: Option<i64>,
    pub answer: Option<String>,
    pub answer_source: Option<String>,
    pub answered_by: Option<String>,
}

/// Columns of a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct CommentFields {
    pub id: i64,
    pub author: String,
    pub body: String,
    pub created_at: i64,
}

/// Columns of an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct AttachmentFields {
    pub filename: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub uploaded_by: String,
    pub created_at: i64,
}

/// Columns of an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct EventFields {
    pub id: i64,
    pub run_id: Option<i64>,
    pub kind: String,
    pub payload: Option<Value>,
    pub created_at: i64,
    pub actor: Option<String>,
}

/// Columns of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the column of the same name")]
pub struct SubscriptionFields {
    pub platform: String,
    pub chat_id: String,
    pub thread_id: String,
    pub user_id: Option<String>,
    pub created_at: i64,
    pub last_event_id: i64,
    pub level: String,
    pub kinds: Vec<String>,
    pub person: Option<String>,
    /// Of the address, not of the subscription alone: `routes.quiet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<String>,
}
