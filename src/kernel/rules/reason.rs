//! The one reason why a task is not running, and its name on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::ids::{EpochSeconds, RunId};

/// The one reason. Every surface matches it exhaustively.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// It runs.
    Running {
        /// The run.
        run_id: Option<RunId>,
        /// Who works on it.
        by: String,
    },
    /// It is done.
    Done,
    /// It was put away.
    Archived,
    /// It is in triage: somebody has to promote it.
    Triage,
    /// It waits for parents.
    Dependency {
        /// Those that are not done.
        open_parents: Vec<String>,
    },
    /// A person is needed.
    Blocked {
        /// What for, when somebody said so.
        why: Option<String>,
        /// Whether it was given up after failures.
        gave_up: bool,
    },
    /// Nobody is assigned.
    Unassigned,
    /// Its assignee has no profile, and only profiles are started.
    UnknownProfile {
        /// The assignee.
        assignee: String,
    },
    /// The processes of its last run are being ended.
    PreviousRunStopping {
        /// The run.
        run_id: RunId,
    },
    /// The processes of its last run do not die.
    PreviousRunUnkillable {
        /// The run.
        run_id: RunId,
    },
    /// It is not known what became of the processes of its run; until it is, nothing is started for it.
    RunUnknown {
        /// The run.
        run_id: RunId,
        /// Why it is not known.
        error: String,
    },
    /// It failed and waits before the next attempt.
    BackOff {
        /// Until then, epoch seconds.
        until: EpochSeconds,
        /// The failure.
        error: Option<String>,
    },
    /// It was started as often as a task may be.
    StartsUsedUp {
        /// The number.
        starts: u32,
    },
    /// Its runs have taken all the time that a task's runs may take together.
    RuntimeUsedUp {
        /// What they took, seconds.
        seconds: i64,
        /// What they may take, seconds.
        max_seconds: i64,
    },
    /// Automatic dispatch is switched off in the configuration.
    DispatchDisabled,
    /// Somebody paused it.
    Paused,
    /// Somebody drains the host.
    Draining,
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
    /// The breaker of its profile is open.
    ProfileBreaker {
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// Its profile has as many runs as it may have.
    ProfileCap {
        /// Open runs.
        open_runs: u32,
        /// The cap.
        max_running: u32,
    },
    /// The host has as many runs as it may have.
    Cap {
        /// Open runs.
        open_runs: u32,
        /// The cap.
        max_running: u32,
    },
    /// Another run works in the directory that it needs.
    WorkspaceBusy {
        /// The run.
        run_id: RunId,
        /// Its task.
        task_id: String,
    },
    /// It is not known which directory the path is in which it would work; until it is, nothing is started there.
    WorkspaceUnknown {
        /// The path.
        path: String,
        /// Why it is not known.
        error: String,
    },
    /// Nobody has looked yet where the path leads in which it would work.
    WorkspaceUnseen {
        /// The path.
        path: String,
    },
    /// The breaker of the directory or repository that it works in is open.
    WorkspaceBreaker {
        /// The directory or repository.
        path: String,
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// Other ready tasks come before it, and there is no room for all of them.
    Behind {
        /// How many; counted up to 1000.
        others: u32,
    },
    /// Nothing: it starts in the next pass.
    StartsNext,
}

impl Reason {
    /// Its name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Done => "done",
            Self::Archived => "archived",
            Self::Triage => "triage",
            Self::Dependency { .. } => "dependency",
            Self::Blocked { .. } => "blocked",
            Self::Unassigned => "unassigned",
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

    /// Whether it holds until somebody acts, or the host recovers: work that only waits for its turn is none of it.
    pub fn stands_still(&self) -> bool {
        match self {
            Self::UnknownProfile { .. }
            | Self::DispatchDisabled
            | Self::Paused
            | Self::Draining
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
            | Self::Triage
            | Self::Dependency { .. }
            | Self::Blocked { .. }
            | Self::Unassigned
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
