//! A run: one attempt at a task, by a supervised process or by a manual claim.
//!
//! Two facts are kept apart. The *verdict* (`outcome`, `ended_at`) says what became of the attempt; it may come from
//! the worker, from a person, or from the way in which the process ended. The *process state* says how far the process
//! tree is; a run is closed (`closed_at`) only when the tree is proven empty:
//!
//! ```text
//!   starting ──spawned──▶ running ──verdict──▶ finishing ──linger over──▶ stopping ──tree empty──▶ closed
//!       │                    │                     │                         │  ▲
//!       │                    └──── stop asked ─────┼────────────────────────▶│  │ tree empty after all
//!       │                                          │                         └▶ unkillable ─────────▶ closed
//!       └── start failed, tree empty ──────────────┴─────────────────────────────────────────────────▶
//! ```
//!
//! A manual claim has no process: its run closes when it ends.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::artifact::Artifact;
use crate::kernel::ids::{EpochSeconds, HostId, RunId, TaskId};

/// Outcome of a run; these twelve and no other.
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
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// The task is done.
    Completed,
    /// The task needs a person.
    Blocked,
    /// The worker ended with a non-zero exit code or by a signal.
    Crashed,
    /// The worker was killed because it ran out of memory.
    Oom,
    /// The run exceeded its time limit.
    TimedOut,
    /// The worker could not be started.
    SpawnFailed,
    /// The worker exited with code 0 but without the verdict that its launcher requires.
    ProtocolViolation,
    /// The worker reached a rate limit of its provider.
    RateLimited,
    /// A person stopped the run.
    Stopped,
    /// The claim or run was reclaimed.
    Reclaimed,
    /// The run was lost with its shim or its host.
    Lost,
    /// A failure after which no further attempt is made; `cause` keeps what it was.
    GaveUp,
}

impl RunOutcome {
    /// All outcomes.
    pub const ALL: [Self; 12] = [
        Self::Completed,
        Self::Blocked,
        Self::Crashed,
        Self::Oom,
        Self::TimedOut,
        Self::SpawnFailed,
        Self::ProtocolViolation,
        Self::RateLimited,
        Self::Stopped,
        Self::Reclaimed,
        Self::Lost,
        Self::GaveUp,
    ];

    /// The outcome as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Blocked => "blocked",
            Self::Crashed => "crashed",
            Self::Oom => "oom",
            Self::TimedOut => "timed_out",
            Self::SpawnFailed => "spawn_failed",
            Self::ProtocolViolation => "protocol_violation",
            Self::RateLimited => "rate_limited",
            Self::Stopped => "stopped",
            Self::Reclaimed => "reclaimed",
            Self::Lost => "lost",
            Self::GaveUp => "gave_up",
        }
    }

    /// Reads a stored outcome.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }

    /// What `task_runs.status` says for an ended run. A completed run is `done` there (and `completed` when it was
    /// synthesized for a task that nobody had claimed); every other status equals its outcome.
    pub fn run_status(self) -> &'static str {
        match self {
            Self::Completed => "done",
            Self::Blocked
            | Self::Crashed
            | Self::Oom
            | Self::TimedOut
            | Self::SpawnFailed
            | Self::ProtocolViolation
            | Self::RateLimited
            | Self::Stopped
            | Self::Reclaimed
            | Self::Lost
            | Self::GaveUp => self.as_str(),
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// State of the process tree of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// The run is open; the worker has not started yet.
    Starting,
    /// The worker runs.
    Running,
    /// There is a verdict; the worker may exit on its own.
    Finishing,
    /// The processes are being stopped.
    Stopping,
    /// The processes did not end, even after SIGKILL.
    Unkillable,
    /// All processes are gone.
    Closed,
}

/// Something that moves a run's process state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStep {
    /// The worker process was seen.
    Spawned,
    /// The run got a verdict and may linger.
    VerdictGiven,
    /// Its processes are to go now.
    StopAsked,
    /// They would not.
    LadderExhausted,
}

impl RunState {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Running,
        Self::Finishing,
        Self::Stopping,
        Self::Unkillable,
        Self::Closed,
    ];

    /// The state as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Finishing => "finishing",
            Self::Stopping => "stopping",
            Self::Unkillable => "unkillable",
            Self::Closed => "closed",
        }
    }

    /// Reads a stored state.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Where `step` leads from here; none when it changes nothing. No step leads to `closed`: a run is closed with the evidence
    /// of its end, by `close_run`.
    pub fn after(self, step: RunStep) -> Option<Self> {
        use RunState as S;
        use RunStep as T;
        match (self, step) {
            (S::Starting, T::Spawned) => Some(S::Running),
            (S::Running | S::Finishing | S::Stopping | S::Unkillable | S::Closed, T::Spawned) => {
                None
            }
            (S::Starting | S::Running, T::VerdictGiven) => Some(S::Finishing),
            (S::Finishing | S::Stopping | S::Unkillable | S::Closed, T::VerdictGiven) => None,
            (S::Starting | S::Running | S::Finishing, T::StopAsked) => Some(S::Stopping),
            (S::Stopping | S::Unkillable | S::Closed, T::StopAsked) => None,
            (S::Starting | S::Running | S::Finishing | S::Stopping, T::LadderExhausted) => {
                Some(S::Unkillable)
            }
            (S::Unkillable | S::Closed, T::LadderExhausted) => None,
        }
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RunRole {
    /// The task.
    #[default]
    Work,
    /// The review of what another run handed in.
    Review,
}

impl RunRole {
    /// The role as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Review => "review",
        }
    }
}

/// What a review run said, as it is stored: the work is accepted.
pub const APPROVED: &str = "approved";

/// What a review run said, as it is stored: the work is to be changed.
pub const CHANGES_REQUESTED: &str = "changes_requested";

fn role_of_work() -> String {
    RunRole::Work.as_str().to_owned()
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[expect(
    missing_docs,
    reason = "each field is the column of the same name, documented in the schema"
)]
#[schemars(rename = "Run")]
pub struct Run<O = RunOutcome, P = RunState> {
    pub id: RunId,
    #[schemars(with = "String")]
    pub task_id: TaskId,
    pub profile: Option<String>,
    pub step_key: Option<String>,
    pub status: String,
    pub outcome: Option<O>,
    pub summary: Option<String>,
    pub error: Option<String>,
    pub metadata: Option<Value>,
    pub worker_pid: Option<i64>,
    pub started_at: EpochSeconds,
    pub ended_at: Option<EpochSeconds>,
    pub closed_at: Option<EpochSeconds>,
    pub state: P,
    /// Whether kanband started a worker for it; false for a manual claim.
    pub supervised: bool,
    pub automatic: bool,
    pub cause: Option<O>,
    pub verdict_by: Option<String>,
    pub claim_lock: Option<String>,
    pub claim_expires: Option<EpochSeconds>,
    pub max_runtime_seconds: Option<i64>,
    pub last_heartbeat_at: Option<EpochSeconds>,
    pub failure_limit: Option<u32>,
    pub workspace_path: Option<String>,
    pub argv: Option<Vec<String>>,
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    pub cpu_ms: Option<i64>,
    pub max_rss_bytes: Option<i64>,
    /// Peak memory of all its processes together, bytes; without a memory controller, of the largest process.
    pub memory_peak_bytes: Option<i64>,
    /// Processes killed for lack of memory; null where they cannot be counted.
    pub oom_kills: Option<i64>,
    /// Containment: `cgroup` or `subreaper`.
    pub containment: Option<String>,
    /// Limits of the profile that this host cannot enforce.
    #[serde(default)]
    pub not_enforced: Vec<String>,
    /// Files declared as its results.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// Tasks created by the run, as listed in its verdict.
    #[serde(default)]
    pub created_cards: Vec<String>,
    pub log_tail: Option<String>,
    pub errno: Option<i32>,
    pub retry_at: Option<EpochSeconds>,
    /// Model of the agent.
    #[serde(default)]
    pub model: Option<String>,
    /// Reasoning effort of the agent.
    #[serde(default)]
    pub effort: Option<String>,
    /// Extra arguments of the profile and the task.
    #[serde(default)]
    pub args: Vec<String>,
    /// Id of the agent's session, if the launcher can resume it.
    #[serde(default)]
    pub session: Option<String>,
    /// The earlier run whose session this run resumes.
    #[serde(default)]
    pub resumed_run_id: Option<RunId>,
    /// What the block that ended it needs.
    #[serde(default)]
    pub block_kind: Option<String>,
    /// Message to the worker about its workspace.
    #[serde(default)]
    pub workspace_notes: Vec<String>,
    /// `work`, or `review`: the run reviews what another one handed in.
    #[serde(default = "role_of_work")]
    pub role: String,
    /// What a review said: `approved` or `changes_requested`.
    #[serde(default)]
    pub review_verdict: Option<String>,
    /// The host that it is on; none for the one of this daemon. No part of any reply.
    #[serde(skip)]
    #[schemars(skip)]
    pub host_id: Option<HostId>,
}

impl<O, P> Run<O, P> {
    /// Whether the processes of the run may still be there.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Whether it reviews what another run handed in.
    pub fn is_review(&self) -> bool {
        self.role == RunRole::Review.as_str()
    }

    /// What it is for.
    pub fn role(&self) -> RunRole {
        if self.is_review() { RunRole::Review } else { RunRole::Work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [RunStep; 4] =
        [RunStep::Spawned, RunStep::VerdictGiven, RunStep::StopAsked, RunStep::LadderExhausted];

    /// One letter per step of `STEPS` (`.` = changes nothing).
    const TABLE: [(RunState, &str); 6] = [
        (RunState::Starting, "rfsu"),
        (RunState::Running, ".fsu"),
        (RunState::Finishing, "..su"),
        (RunState::Stopping, "...u"),
        (RunState::Unkillable, "...."),
        (RunState::Closed, "...."),
    ];

    #[test]
    fn every_state_takes_exactly_the_steps_of_the_table() {
        for (state, row) in TABLE {
            for (step, letter) in STEPS.into_iter().zip(row.chars()) {
                let expected = match letter {
                    '.' => None,
                    'r' => Some(RunState::Running),
                    'f' => Some(RunState::Finishing),
                    's' => Some(RunState::Stopping),
                    'u' => Some(RunState::Unkillable),
                    other => panic!("unknown letter {other}"),
                };
                assert_eq!(state.after(step), expected, "{} after {step:?}", state.as_str());
            }
        }
    }

    #[test]
    fn outcomes_and_states_read_back_as_written() {
        for outcome in RunOutcome::ALL {
            assert_eq!(RunOutcome::parse(outcome.as_str()), Some(outcome));
        }
        for state in RunState::ALL {
            assert_eq!(RunState::parse(state.as_str()), Some(state));
        }
    }
}
