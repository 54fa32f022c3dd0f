//! The one reason why a task is not running, and its name on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::task::HUMAN;

/// The one reason. Every surface matches it exhaustively.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// The task is running.
    Running {
        /// The run.
        run_id: Option<RunId>,
        /// Who works on it.
        by: String,
        /// Parents that are to be done again; the run goes on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open_parents: Vec<String>,
    },
    /// The task is done.
    Done,
    /// The task is archived.
    Archived,
    /// The task is in triage and needs `promote`.
    Triage {
        /// The setting for which it is there, where a worker created it: `may_assign` or `may_use_dirs`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<String>,
    },
    /// The time of the task has not come, or it is parked.
    Scheduled {
        /// Until then, epoch seconds; none: until a person lets it go on.
        until: Option<EpochSeconds>,
    },
    /// The task waits for its reviewer.
    Review {
        /// Who that is.
        reviewer: Option<String>,
        /// Why that is a person, in place of the profile that is its reviewer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// The task waits for its parents.
    Dependency {
        /// Those that are not done.
        open_parents: Vec<String>,
    },
    /// The task needs a person.
    Blocked {
        /// What for, when given.
        why: Option<String>,
        /// Whether it was given up after failures.
        gave_up: bool,
    },
    /// The task waits for the answer to a question: it is blocked, or its run goes on and waits.
    Question {
        /// The question.
        question: String,
        /// Its text.
        text: String,
        /// The run that waits; none when the task is blocked.
        run_id: Option<RunId>,
    },
    /// The task has no assignee.
    Unassigned,
    /// The assignee is a person, who works on the task without a worker.
    Person {
        /// Who.
        name: String,
    },
    /// Whether there is a profile of this name is being found out.
    LookingForProfile {
        /// The assignee.
        assignee: String,
        /// Why the last look did not tell; it is repeated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// There is no profile of this name, nor a person.
    UnknownProfile {
        /// The assignee.
        assignee: String,
        /// The profile or person that was probably meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// The processes of the last run are being stopped.
    PreviousRunStopping {
        /// The run.
        run_id: RunId,
    },
    /// The processes of the last run cannot be killed.
    PreviousRunUnkillable {
        /// The run.
        run_id: RunId,
    },
    /// The state of the processes of the last run is unknown; nothing is started until it is known.
    RunUnknown {
        /// The run.
        run_id: RunId,
        /// Why it is not known.
        error: String,
    },
    /// The last attempt failed; the task waits before the next one.
    BackOff {
        /// Until then, epoch seconds.
        until: EpochSeconds,
        /// The failure.
        error: Option<String>,
    },
    /// The task has reached the maximum number of automatic starts.
    StartsUsedUp {
        /// The number.
        starts: u32,
    },
    /// The runs of the task have used up their total time.
    RuntimeUsedUp {
        /// What they took, seconds.
        seconds: i64,
        /// What they may take, seconds.
        max_seconds: i64,
    },
    /// Automatic dispatch is disabled in the configuration.
    DispatchDisabled,
    /// Dispatch is paused.
    Paused,
    /// Dispatch is draining.
    Draining,
    /// The profile is paused.
    ProfilePaused {
        /// The profile.
        profile: String,
    },
    /// The board is paused.
    BoardPaused {
        /// The board.
        board: String,
    },
    /// The disk is nearly full.
    Disk {
        /// What is free, bytes.
        free_bytes: u64,
    },
    /// The breaker of the host is open.
    HostBreaker {
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// The breaker of the profile is open.
    ProfileBreaker {
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// The profile has reached its maximum number of open runs.
    ProfileCap {
        /// Open runs.
        open_runs: u32,
        /// The cap.
        max_running: u32,
    },
    /// The host has reached its maximum number of open runs.
    Cap {
        /// Open runs.
        open_runs: u32,
        /// The cap.
        max_running: u32,
    },
    /// Another run uses the workspace.
    WorkspaceBusy {
        /// The run.
        run_id: RunId,
        /// Its task.
        task_id: String,
    },
    /// The workspace path cannot be resolved; nothing is started there until it can.
    WorkspaceUnknown {
        /// The path.
        path: String,
        /// Why it is not known.
        error: String,
    },
    /// The workspace path has not been resolved yet.
    WorkspaceUnseen {
        /// The path.
        path: String,
    },
    /// The breaker of the workspace's directory or repository is open.
    WorkspaceBreaker {
        /// The directory or repository.
        path: String,
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// Other ready tasks come first, and there is not room for all.
    Behind {
        /// How many; counted up to 1000.
        others: u32,
    },
    /// No reason: the task starts in the next pass.
    StartsNext,
}

/// By whom a task is to be reviewed, as every list and explanation says it.
pub fn review_by(reviewer: &str, why: Option<&str>) -> String {
    let by = if reviewer == HUMAN { "a person" } else { reviewer };
    match why {
        Some(why) => format!("waits for its review by {by}: {why}"),
        None => format!("waits for its review by {by}"),
    }
}

impl Reason {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Done => "done",
            Self::Archived => "archived",
            Self::Triage { .. } => "triage",
            Self::Scheduled { .. } => "scheduled",
            Self::Review { .. } => "review",
            Self::Dependency { .. } => "dependency",
            Self::Blocked { .. } => "blocked",
            Self::Question { .. } => "question",
            Self::Unassigned => "unassigned",
            Self::Person { .. } => "person",
            Self::LookingForProfile { .. } => "looking_for_profile",
            Self::UnknownProfile { .. } => "unknown_profile",
            Self::PreviousRunStopping { .. } => "previous_run_stopping",
            Self::PreviousRunUnkillable { .. } => "previous_run_unkillable",
            Self::RunUnknown { .. } => "run_unknown",
            Self::BackOff { .. } => "back_off",
            Self::StartsUsedUp { .. } => "starts_used_up",
            Self::RuntimeUsedUp { .. } => "runtime_used_up",
            Self::DispatchDisabled => "dispatch_disabled",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::ProfilePaused { .. } => "profile_paused",
            Self::BoardPaused { .. } => "board_paused",
            Self::Disk { .. } => "disk",
            Self::HostBreaker { .. } => "host_breaker",
            Self::ProfileBreaker { .. } => "profile_breaker",
            Self::ProfileCap { .. } => "profile_cap",
            Self::Cap { .. } => "cap",
            Self::WorkspaceBusy { .. } => "workspace_busy",
            Self::WorkspaceUnknown { .. } => "workspace_unknown",
            Self::WorkspaceUnseen { .. } => "workspace_unseen",
            Self::WorkspaceBreaker { .. } => "workspace_breaker",
            Self::Behind { .. } => "behind",
            Self::StartsNext => "starts_next",
        }
    }

    /// Whether the task has had all that one task gets: the next pass gives it up.
    pub fn is_used_up(&self) -> bool {
        matches!(self, Self::StartsUsedUp { .. } | Self::RuntimeUsedUp { .. })
    }

    /// Whether it holds until a person acts, or the host recovers: work that only waits for its turn is none of it.
    pub fn stands_still(&self) -> bool {
        match self {
            Self::UnknownProfile { .. }
            | Self::DispatchDisabled
            | Self::Paused
            | Self::Draining
            | Self::ProfilePaused { .. }
            | Self::BoardPaused { .. }
            | Self::Disk { .. }
            | Self::HostBreaker { .. }
            | Self::ProfileBreaker { .. }
            | Self::WorkspaceUnknown { .. }
            | Self::WorkspaceBreaker { .. } => true,
            Self::ProfileCap { max_running, .. } | Self::Cap { max_running, .. } => {
                *max_running == 0
            }
            Self::Running { .. }
            | Self::Done
            | Self::Archived
            | Self::Triage { .. }
            | Self::Scheduled { .. }
            | Self::Review { .. }
            | Self::Dependency { .. }
            | Self::Blocked { .. }
            | Self::Question { .. }
            | Self::Unassigned
            | Self::Person { .. }
            | Self::LookingForProfile { .. }
            | Self::PreviousRunStopping { .. }
            | Self::PreviousRunUnkillable { .. }
            | Self::RunUnknown { .. }
            | Self::BackOff { .. }
            | Self::StartsUsedUp { .. }
            | Self::RuntimeUsedUp { .. }
            | Self::WorkspaceBusy { .. }
            | Self::WorkspaceUnseen { .. }
            | Self::Behind { .. }
            | Self::StartsNext => false,
        }
    }
}
