//! A task and the seven statuses it moves through.
//!
//! ```text
//!              create            claim              complete
//!   triage ──┐   │   ┌── ready ─────────▶ running ──────────▶ done
//!            │   ▼   │    ▲  │▲              │ │                │
//!            └▶ todo ┘    │  │└── requeue ───┘ │ block,         │ archive
//!                ▲ demote │  └───── block ──┐  │ give up        ▼
//!                └────────┼───────────── blocked            archived
//!                         └── unblock ──────┘
//! ```
//!
//! [`TaskStatus::after`] is the only place that knows these arrows. It is a pure function; the tests walk every
//! pair of status and step.

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
    /// Can be started.
    Ready,
    /// Being worked on, by a supervised run or a manual claim.
    Running,
    /// Needs a person.
    Blocked,
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

/// A step that a task can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStep {
    /// Its last open parent was satisfied.
    Promote,
    /// It got an open parent.
    Demote,
    /// Work on it starts.
    Claim,
    /// The task is done.
    Complete,
    /// The task needs a person.
    Block,
    /// Its run ended without a verdict and another attempt is due.
    Requeue,
    /// Its run ended without a verdict and there is no further attempt.
    GiveUp,
    /// A person lets it go on.
    Unblock(Parents),
    /// A person puts it away.
    Archive,
    /// A person takes it out of triage, or starts it in spite of open parents or a block.
    Release(Parents),
}

impl TaskStatus {
    /// All statuses, in the order of a board's columns.
    pub const ALL: [Self; 7] = [
        Self::Triage,
        Self::Todo,
        Self::Ready,
        Self::Running,
        Self::Blocked,
        Self::Done,
        Self::Archived,
    ];

    /// The status as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Triage => "triage",
            Self::Todo => "todo",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Blocked => "blocked",
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
            Self::Triage | Self::Todo | Self::Ready | Self::Running | Self::Blocked => false,
        }
    }

    /// Where `step` leads from here, or none when the step cannot be taken.
    pub fn after(self, step: TaskStep) -> Option<Self> {
        use TaskStatus as S;
        use TaskStep as T;
        match (self, step) {
            (S::Todo, T::Promote) => Some(S::Ready),
            (
                S::Triage | S::Ready | S::Running | S::Blocked | S::Done | S::Archived,
                T::Promote,
            ) => None,
            (S::Ready, T::Demote) => Some(S::Todo),
            (S::Triage | S::Todo | S::Running | S::Blocked | S::Done | S::Archived, T::Demote) => {
                None
            }
            (S::Ready, T::Claim) => Some(S::Running),
            (S::Triage | S::Todo | S::Running | S::Blocked | S::Done | S::Archived, T::Claim) => {
                None
            }
            (S::Ready | S::Running | S::Blocked, T::Complete) => Some(S::Done),
            (S::Triage | S::Todo | S::Done | S::Archived, T::Complete) => None,
            (S::Ready | S::Running, T::Block) => Some(S::Blocked),
            (S::Triage | S::Todo | S::Blocked | S::Done | S::Archived, T::Block) => None,
            (S::Running, T::Requeue) => Some(S::Ready),
            (S::Triage | S::Todo | S::Ready | S::Blocked | S::Done | S::Archived, T::Requeue) => {
                None
            }
            (S::Running, T::GiveUp) => Some(S::Blocked),
            (S::Triage | S::Todo | S::Ready | S::Blocked | S::Done | S::Archived, T::GiveUp) => {
                None
            }
            (S::Blocked, T::Unblock(parents)) => Some(Self::by_parents(parents)),
            (
                S::Triage | S::Todo | S::Ready | S::Running | S::Done | S::Archived,
                T::Unblock(_),
            ) => None,
            (S::Triage | S::Todo | S::Ready | S::Running | S::Blocked | S::Done, T::Archive) => {
                Some(S::Archived)
            }
            (S::Archived, T::Archive) => None,
            (S::Triage | S::Todo | S::Blocked, T::Release(parents)) => {
                Some(Self::by_parents(parents))
            }
            (S::Ready | S::Running | S::Done | S::Archived, T::Release(_)) => None,
        }
    }

    /// `ready` or `todo`, the one readiness rule used everywhere: create, unblock, unlink, promote.
    pub fn by_parents(parents: Parents) -> Self {
        match parents {
            Parents::Satisfied => Self::Ready,
            Parents::Open => Self::Todo,
        }
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
pub struct Task {
    #[schemars(with = "String")]
    pub id: TaskId,
    #[schemars(with = "String")]
    pub board: BoardName,
    pub title: String,
    pub body: Option<String>,
    pub assignee: Option<String>,
    pub status: TaskStatus,
    pub priority: i64,
    pub tenant: Option<String>,
    pub workspace_kind: WorkspaceKind,
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
    /// Its number in the order of arrival on this board; no part of any reply.
    #[serde(skip)]
    #[schemars(skip)]
    pub seq: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [TaskStep; 12] = [
        TaskStep::Promote,
        TaskStep::Demote,
        TaskStep::Claim,
        TaskStep::Complete,
        TaskStep::Block,
        TaskStep::Requeue,
        TaskStep::GiveUp,
        TaskStep::Unblock(Parents::Satisfied),
        TaskStep::Unblock(Parents::Open),
        TaskStep::Archive,
        TaskStep::Release(Parents::Satisfied),
        TaskStep::Release(Parents::Open),
    ];

    /// One row per status, one letter per step of `STEPS`: where it leads (`.` = refused).
    const TABLE: [(TaskStatus, &str); 7] = [
        (TaskStatus::Triage, ".........Art"),
        (TaskStatus::Todo, "r........Art"),
        (TaskStatus::Ready, ".tRdb....A.."),
        (TaskStatus::Running, "...dbrb..A.."),
        (TaskStatus::Blocked, "...d...rtArt"),
        (TaskStatus::Done, ".........A.."),
        (TaskStatus::Archived, "............"),
    ];

    #[test]
    fn every_status_takes_exactly_the_steps_of_the_table() {
        for (status, row) in TABLE {
            for (step, letter) in STEPS.into_iter().zip(row.chars()) {
                let expected = match letter {
                    '.' => None,
                    't' => Some(TaskStatus::Todo),
                    'r' => Some(TaskStatus::Ready),
                    'R' => Some(TaskStatus::Running),
                    'b' => Some(TaskStatus::Blocked),
                    'd' => Some(TaskStatus::Done),
                    'A' => Some(TaskStatus::Archived),
                    other => panic!("unknown letter {other}"),
                };
                assert_eq!(status.after(step), expected, "{status} after {step:?}");
            }
        }
    }

    #[test]
    fn blocked_leaves_only_by_a_persons_step() {
        let ways_out: Vec<_> =
            STEPS.into_iter().filter(|step| TaskStatus::Blocked.after(*step).is_some()).collect();
        assert!(ways_out.iter().all(|step| matches!(
            step,
            TaskStep::Complete | TaskStep::Unblock(_) | TaskStep::Archive | TaskStep::Release(_)
        )));
    }

    #[test]
    fn statuses_and_kinds_read_back_as_written() {
        for status in TaskStatus::ALL {
            assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
        }
        for kind in WorkspaceKind::ALL {
            assert_eq!(WorkspaceKind::parse(kind.as_str()), Some(kind));
        }
    }
}
