//! A task and the nine statuses it moves through.
//!
//! ```text
//!   create, unblock, promote, reopen, unarchive, request-changes, the end of a run without a verdict
//!        │ landing
//!        ▼
//!   review ◀┬▶ scheduled            claim               complete, approve
//!           ├▶ todo ──promote─▶ ready ───▶ running ───────────────▶ done
//!           └▶ ready ◀─demote──┘    │         │ block, give up        │
//!                                   └─ block ─┼──▶ blocked            │ archive
//!   triage ◀── todo, scheduled, ready, blocked                        ▼
//!   hold: todo, scheduled ──▶ blocked                             archived
//!   running ──hand in──▶ review ──claim of its reviewer──▶ running; review ──approve──▶ done
//!   request-review: done, blocked ──▶ review
//! ```
//!
//! [`TaskStatus::after`] is the only place that knows these arrows, and [`crate::kernel::rules::landing`] the only one that knows
//! where a task lands that goes on. Both are pure functions; the tests walk every pair of status and step.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::kernel::ids::{BoardName, EpochSeconds, RunId, TaskId};

/// Status of a task.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// A raw idea; never started automatically.
    Triage,
    /// Waits for unfinished parents.
    Todo,
    /// Waits for a time, or until a person lets it go on.
    Scheduled,
    /// Can be started.
    Ready,
    /// Being worked on, by a supervised run or a manual claim.
    Running,
    /// Needs a person.
    Blocked,
    /// Waits for the verdict of its reviewer.
    Review,
    /// Finished.
    Done,
    /// Archived; counts as done for its children.
    Archived,
}

/// Whether every parent of a task is done or archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// All are (or there are none).
    Satisfied,
    /// At least one is not.
    Open,
}

/// The reviewer that is a person, in the column `reviewer`.
pub const HUMAN: &str = "human";

/// The word for no review, in requests and in the configuration.
pub const NO_REVIEW: &str = "none";

/// The kind of a block that no caller can give: a parent was cancelled, or archived unfinished.
pub const PARENT_CANCELLED: &str = "parent_cancelled";

/// Where a task lands that goes on: what [`crate::kernel::rules::landing`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// A review of it is open.
    Review,
    /// Its time has not come, or it is parked.
    Scheduled,
    /// A parent is unfinished.
    Todo,
    /// Nothing is in its way.
    Ready,
}

impl Landing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Review, Self::Scheduled, Self::Todo, Self::Ready];

    /// The status that it is.
    pub fn status(self) -> TaskStatus {
        match self {
            Self::Review => TaskStatus::Review,
            Self::Scheduled => TaskStatus::Scheduled,
            Self::Todo => TaskStatus::Todo,
            Self::Ready => TaskStatus::Ready,
        }
    }
}

/// A step that a task can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStep {
    /// Its last open parent was satisfied.
    Promote,
    /// It got an open parent, or one that it had is open again.
    Demote,
    /// Its start time has come, or its times or parents were changed.
    Land(Landing),
    /// Work on it starts, or a review of it.
    Claim,
    /// The task is done.
    Complete,
    /// The task needs a person.
    Block,
    /// A parent was cancelled, or archived unfinished: the task waits for a person.
    Hold,
    /// Its run ended without a verdict and another attempt is due.
    Requeue(Landing),
    /// Its run ended without a verdict and there is no further attempt.
    GiveUp,
    /// A person lets it go on.
    Unblock(Landing),
    /// A person archives it.
    Archive,
    /// A person takes it out of triage, or starts it in spite of open parents, its time or a block.
    Release(Landing),
    /// A person has it done again.
    Reopen(Landing),
    /// A person brings it back, unfinished.
    Unarchive(Landing),
    /// A person brings it back, finished as it was.
    UnarchiveDone,
    /// A person brings it back, and it still waits for one because a worker handed it beyond its reach.
    UnarchiveHeld,
    /// A person puts it back among the raw ideas.
    Triage,
    /// A worker hands it in for its review.
    HandIn,
    /// A person sends it to review.
    RequestReview,
    /// Its reviewer wants changes.
    SendBack(Landing),
}

impl TaskStatus {
    /// All statuses, in the order of a board's columns.
    pub const ALL: [Self; 9] = [
        Self::Triage,
        Self::Todo,
        Self::Scheduled,
        Self::Ready,
        Self::Running,
        Self::Blocked,
        Self::Review,
        Self::Done,
        Self::Archived,
    ];

    /// The status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Todo => "todo",
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Review => "review",
            Self::Done => "done",
            Self::Archived => "archived",
        }
    }

    /// Reads a stored or typed status.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether a task in this status satisfies its children.
    pub fn satisfies_children(self) -> bool {
        match self {
            Self::Done | Self::Archived => true,
            Self::Triage
            | Self::Todo
            | Self::Scheduled
            | Self::Ready
            | Self::Running
            | Self::Blocked
            | Self::Review => false,
        }
    }

    /// Where `step` leads from here, or none when the step cannot be taken.
    pub fn after(self, step: TaskStep) -> Option<Self> {
        use TaskStatus as S;
        let is_open = match self {
            S::Triage | S::Todo | S::Scheduled | S::Ready | S::Running | S::Blocked | S::Review => {
                true
            }
            S::Done | S::Archived => false,
        };
        let (is_taken, to) = match step {
            TaskStep::Promote => (self == S::Todo, S::Ready),
            TaskStep::Demote => (self == S::Ready, S::Todo),
            TaskStep::Land(landing) => {
                (matches!(self, S::Todo | S::Scheduled | S::Ready), landing.status())
            }
            TaskStep::Claim => (matches!(self, S::Ready | S::Review), S::Running),
            TaskStep::Complete => (is_open && !matches!(self, S::Triage | S::Todo), S::Done),
            TaskStep::Block => (matches!(self, S::Ready | S::Running), S::Blocked),
            TaskStep::Hold => (matches!(self, S::Todo | S::Scheduled), S::Blocked),
            TaskStep::Requeue(landing) => (self == S::Running, landing.status()),
            TaskStep::GiveUp => (self == S::Running, S::Blocked),
            TaskStep::Unblock(landing) => (self == S::Blocked, landing.status()),
            TaskStep::Archive => (self != S::Archived, S::Archived),
            TaskStep::Release(landing) => {
                (matches!(self, S::Triage | S::Todo | S::Scheduled | S::Blocked), landing.status())
            }
            TaskStep::Reopen(landing) => (self == S::Done, landing.status()),
            TaskStep::Unarchive(landing) => (self == S::Archived, landing.status()),
            TaskStep::UnarchiveDone => (self == S::Archived, S::Done),
            TaskStep::UnarchiveHeld => (self == S::Archived, S::Triage),
            TaskStep::HandIn => (self == S::Running, S::Review),
            TaskStep::RequestReview => (matches!(self, S::Blocked | S::Done), S::Review),
            TaskStep::SendBack(landing) => {
                (matches!(self, S::Running | S::Review), landing.status())
            }
            TaskStep::Triage => {
                (matches!(self, S::Todo | S::Scheduled | S::Ready | S::Blocked), S::Triage)
            }
        };
        is_taken.then_some(to)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Kind of the workspace of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WorkspaceKind {
    /// A private directory of the task, removed some time after the task is over.
    Scratch,
    /// A directory named by the task; never removed.
    Dir,
    /// A git worktree of a repository.
    Worktree,
}

impl WorkspaceKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Scratch, Self::Dir, Self::Worktree];

    /// The kind as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Dir => "dir",
            Self::Worktree => "worktree",
        }
    }

    /// Reads a stored or typed kind.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A task, with every column of its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[expect(
    missing_docs,
    reason = "each field is the column of the same name, documented in the schema"
)]
#[schemars(rename = "Task")]
pub struct Task<S = TaskStatus, W = WorkspaceKind> {
    #[schemars(with = "String")]
    pub id: TaskId,
    #[schemars(with = "String")]
    pub board: BoardName,
    pub title: String,
    pub body: Option<String>,
    pub assignee: Option<String>,
    pub status: S,
    pub priority: i64,
    pub tenant: Option<String>,
    pub workspace_kind: W,
    pub workspace_path: Option<String>,
    pub created_by: Option<String>,
    pub created_at: EpochSeconds,
    pub started_at: Option<EpochSeconds>,
    pub completed_at: Option<EpochSeconds>,
    pub result: Option<String>,
    /// Null: not specified; empty list: explicitly none.
    pub skills: Option<Vec<String>>,
    pub claim_lock: Option<String>,
    pub claim_expires: Option<EpochSeconds>,
    pub idempotency_key: Option<String>,
    /// Failures of every kind since the last success or reset by a person.
    pub spawn_failures: u32,
    pub worker_pid: Option<i64>,
    pub last_spawn_error: Option<String>,
    pub max_runtime_seconds: Option<i64>,
    /// The default time limit does not apply (`--max-runtime none`).
    pub no_max_runtime: bool,
    pub last_heartbeat_at: Option<EpochSeconds>,
    pub current_run_id: Option<RunId>,
    pub workflow_template_id: Option<String>,
    pub current_step_key: Option<String>,
    /// No automatic start before this time, epoch seconds.
    pub not_before: Option<EpochSeconds>,
    /// Time it last became ready.
    pub ready_at: Option<EpochSeconds>,
    /// Automatic starts so far.
    pub auto_starts: u32,
    /// Labels, in order.
    pub labels: Vec<String>,
    /// Time it was archived.
    pub archived_at: Option<EpochSeconds>,
    /// Exits with code 0 but without a verdict since the last success or reset by a person, except one answered by a
    /// reminder.
    pub protocol_violations: u32,
    /// Model of the agent.
    #[serde(default)]
    pub model: Option<String>,
    /// Reasoning effort of the agent.
    #[serde(default)]
    pub effort: Option<String>,
    /// Extra arguments for the agent.
    #[serde(default)]
    pub args: Vec<String>,
    /// Run whose session the next start resumes, to remind the agent of the verdict.
    #[serde(default)]
    pub resume_run_id: Option<RunId>,
    /// Branch of the worktree, once it exists.
    #[serde(default)]
    pub branch_name: Option<String>,
    /// No start before this time, as a person chose; epoch seconds.
    #[serde(default)]
    pub start_at: Option<EpochSeconds>,
    /// Waits until a person lets it go on, without a time.
    #[serde(default)]
    pub parked: bool,
    /// Time by which it should be done, epoch seconds.
    #[serde(default)]
    pub due_at: Option<EpochSeconds>,
    /// Whether a review of it is open.
    #[serde(default)]
    pub review_open: bool,
    /// Reviewer: `human` or a profile; null: no review.
    #[serde(default)]
    pub reviewer: Option<String>,
    /// Whether the reviewer was named; if not, it is the default of the assignee and the board.
    #[serde(default)]
    pub reviewer_chosen: bool,
    /// Number of the review round that is open or comes next.
    #[serde(default = "first_round")]
    pub review_round: u32,
    /// Failures of review runs since the review was requested.
    #[serde(default)]
    pub review_failures: u32,
    /// Ends of review runs with code 0 but without a verdict since the review was requested.
    #[serde(default)]
    pub review_violations: u32,
    /// Why a person reviews instead of the profile that is the reviewer.
    #[serde(default)]
    pub review_why: Option<String>,
    /// What a blocked task needs: `needs_input`, `capability`, `transient`, `dependency`, or `parent_cancelled` for a child of
    /// a cancelled task.
    #[serde(default)]
    pub block_kind: Option<String>,
    /// Schedule that made it.
    #[serde(default)]
    pub schedule_id: Option<i64>,
    /// Nominal time of the occurrence that made it, epoch seconds.
    #[serde(default)]
    pub occurrence_at: Option<EpochSeconds>,
    /// Status from which it was archived.
    #[serde(default)]
    pub archived_from: Option<String>,
    /// Id of the newest event that changed a field or the status; 0 while there is none.
    #[serde(default)]
    pub version: i64,
    /// Its number in the order of arrival on this board; no part of any reply.
    #[serde(skip)]
    #[schemars(skip)]
    pub seq: i64,
}

impl Task {
    /// Bytes of its texts that may be long: what it adds to an answer.
    pub fn text_bytes(&self) -> usize {
        let lists = [self.skills.as_ref(), Some(&self.args), Some(&self.labels)];
        let in_lists = lists.into_iter().flatten().flatten().map(String::len).sum::<usize>();
        let texts = [
            &self.body,
            &self.result,
            &self.assignee,
            &self.tenant,
            &self.workspace_path,
            &self.created_by,
            &self.claim_lock,
            &self.idempotency_key,
            &self.last_spawn_error,
            &self.workflow_template_id,
            &self.current_step_key,
            &self.model,
            &self.branch_name,
            &self.reviewer,
            &self.review_why,
        ];
        let in_texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        self.title.len() + in_lists + in_texts
    }
}

/// The round of a task that was never sent back.
fn first_round() -> u32 {
    1
}

#[cfg(test)]
mod tests;
