//! Why a task is not running: the one reason, the first that holds, with what it is made of.
//!
//! [`reason`] is a pure function over facts that [`Facts::read`] collects, in the order in which a dispatch pass would meet
//! them. A ready task for which no reason holds starts in the next pass.

mod facts;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::breaker::Gate;
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::policy::Policy;
use crate::kernel::run::RunState;
use crate::kernel::store::leases::Holder;
use crate::kernel::task::TaskStatus;
pub use facts::{Facts, WaitFacts};

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
    /// The breaker of the directory or repository that it works in is open.
    WorkspaceBreaker {
        /// The directory or repository.
        path: String,
        /// When it looks again, epoch seconds.
        until: Option<EpochSeconds>,
        /// The last failure.
        error: Option<String>,
    },
    /// Nothing: it starts in the next pass.
    StartsNext,
}

/// The reason.
pub fn reason(facts: &Facts, policy: &Policy) -> Reason {
    let task = &facts.task;
    if let (Some(run), Some(error)) = (&facts.open_run, &facts.doubt)
        && matches!(task.status, TaskStatus::Running | TaskStatus::Ready)
    {
        return Reason::RunUnknown { run_id: run.id, error: error.clone() };
    }
    match task.status {
        TaskStatus::Running if is_unkillable(facts) => {
            Reason::PreviousRunUnkillable { run_id: task.current_run_id.unwrap_or_default() }
        }
        TaskStatus::Running => Reason::Running {
            run_id: task.current_run_id,
            by: task.claim_lock.clone().unwrap_or_default(),
        },
        TaskStatus::Done => Reason::Done,
        TaskStatus::Archived => Reason::Archived,
        TaskStatus::Triage => Reason::Triage,
        TaskStatus::Todo => Reason::Dependency { open_parents: facts.open_parents.clone() },
        TaskStatus::Blocked => {
            Reason::Blocked { why: facts.block_reason.clone(), gave_up: facts.gave_up }
        }
        TaskStatus::Ready => own_reason(facts, policy)
            .or_else(|| board_reason(facts, policy))
            .unwrap_or(Reason::StartsNext),
    }
}

/// Whether the processes of its open run do not die.
fn is_unkillable(facts: &Facts) -> bool {
    facts.open_run.as_ref().is_some_and(|run| run.state == RunState::Unkillable)
}

/// Reasons that lie with a ready task itself.
fn own_reason(facts: &Facts, policy: &Policy) -> Option<Reason> {
    let task = &facts.task;
    let Some(assignee) = task.assignee.clone() else { return Some(Reason::Unassigned) };
    if policy.strict_profiles.as_ref().is_some_and(|known| !known.contains(&assignee)) {
        return Some(Reason::UnknownProfile { assignee });
    }
    if let Some(run) = &facts.open_run {
        return Some(match run.state {
            RunState::Unkillable => Reason::PreviousRunUnkillable { run_id: run.id },
            RunState::Starting
            | RunState::Running
            | RunState::Finishing
            | RunState::Stopping
            | RunState::Closed => Reason::PreviousRunStopping { run_id: run.id },
        });
    }
    if let Some(until) = task.not_before.filter(|until| *until > facts.now) {
        return Some(Reason::BackOff { until, error: task.last_spawn_error.clone() });
    }
    if task.auto_starts >= policy.lifetime_starts {
        return Some(Reason::StartsUsedUp { starts: task.auto_starts });
    }
    if let Some(max_seconds) = policy.max_total_runtime_seconds
        && facts.total_runtime_seconds >= max_seconds
    {
        return Some(Reason::RuntimeUsedUp { seconds: facts.total_runtime_seconds, max_seconds });
    }
    None
}

/// Reasons that lie with the board or the host.
fn board_reason(facts: &Facts, policy: &Policy) -> Option<Reason> {
    match facts.switch {
        DispatchSwitch::Paused => return Some(Reason::Paused),
        DispatchSwitch::Draining => return Some(Reason::Draining),
        DispatchSwitch::On => {}
    }
    if !policy.dispatch_enabled {
        return Some(Reason::DispatchDisabled);
    }
    if let Some(free_bytes) = facts.low_disk_bytes {
        return Some(Reason::Disk { free_bytes });
    }
    if let (Gate::Shut { until }, error) = &facts.host_gate {
        return Some(Reason::HostBreaker { until: *until, error: error.clone() });
    }
    if let (Gate::Shut { until }, error) = &facts.profile_gate {
        return Some(Reason::ProfileBreaker { until: *until, error: error.clone() });
    }
    let assignee = facts.task.assignee.as_deref().unwrap_or_default();
    if let Some(max_running) = policy.max_running_by_profile.get(assignee).copied()
        && facts.open_runs_of_assignee >= max_running
    {
        return Some(Reason::ProfileCap { open_runs: facts.open_runs_of_assignee, max_running });
    }
    if facts.open_runs >= policy.max_running {
        return Some(Reason::Cap { open_runs: facts.open_runs, max_running: policy.max_running });
    }
    match facts.wait.as_ref()? {
        WaitFacts::Holder(Holder { run_id, task_id }) => {
            Some(Reason::WorkspaceBusy { run_id: *run_id, task_id: task_id.to_string() })
        }
        WaitFacts::Unknown { path, why } => {
            Some(Reason::WorkspaceUnknown { path: path.clone(), error: why.clone() })
        }
        WaitFacts::Breaker { path, gate: Gate::Shut { until }, error } => {
            let (path, error) = (path.clone(), error.clone());
            Some(Reason::WorkspaceBreaker { path, until: *until, error })
        }
        WaitFacts::Breaker { gate: Gate::Free | Gate::Probe, .. } => None,
    }
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
            Self::WorkspaceBreaker { .. } => "workspace_breaker",
            Self::StartsNext => "starts_next",
        }
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
            | Self::StartsNext => false,
        }
    }

    /// One line for people.
    pub fn explanation(&self) -> String {
        match self {
            Self::Running { by, .. } => format!("it runs ({by})"),
            Self::Done => "it is done".to_owned(),
            Self::Archived => "it was archived".to_owned(),
            Self::Triage => "it is in triage".to_owned(),
            Self::Dependency { open_parents } => {
                format!("it waits for {}", open_parents.join(", "))
            }
            Self::Blocked { why, gave_up } => {
                let words = if *gave_up { "it was given up" } else { "it is blocked" };
                format!("{words}: {}", why.as_deref().unwrap_or("nobody said why"))
            }
            Self::Unassigned => "nobody is assigned".to_owned(),
            Self::UnknownProfile { assignee } => {
                format!("its assignee {assignee} has no profile")
            }
            Self::PreviousRunStopping { run_id } => {
                format!("the processes of its last run ({run_id}) are being ended")
            }
            Self::PreviousRunUnkillable { run_id } => {
                format!("the processes of its last run ({run_id}) do not die")
            }
            Self::RunUnknown { run_id, error } => {
                format!("it is not known what became of its run ({run_id}): {error}")
            }
            Self::BackOff { error, .. } => {
                format!("it waits after a failure: {}", error.as_deref().unwrap_or("no detail"))
            }
            Self::StartsUsedUp { starts } => format!("all {starts} automatic starts are used up"),
            Self::RuntimeUsedUp { seconds, max_seconds } => {
                format!("its runs took {seconds}s of the {max_seconds}s that they may take in all")
            }
            Self::DispatchDisabled => {
                "automatic dispatch is switched off (dispatch.enabled = false)".to_owned()
            }
            Self::Paused => "dispatch is paused".to_owned(),
            Self::Draining => "the host is being drained".to_owned(),
            Self::Disk { free_bytes } => {
                format!("the disk is nearly full ({free_bytes} bytes free)")
            }
            Self::HostBreaker { until, error } => {
                format!("the host's breaker is open: {}", next_probe(*until, error.as_deref()))
            }
            Self::ProfileBreaker { until, error } => {
                format!("its profile's breaker is open: {}", next_probe(*until, error.as_deref()))
            }
            Self::ProfileCap { open_runs, max_running } => {
                format!("its profile has {open_runs} of {max_running} runs")
            }
            Self::Cap { open_runs, max_running } => {
                format!("{open_runs} of {max_running} runs are open")
            }
            Self::WorkspaceBusy { run_id, task_id } => {
                format!("{task_id} (run {run_id}) works in the directory that it needs")
            }
            Self::WorkspaceUnknown { path, error } => {
                format!("it is not known which directory {path} is: {error}")
            }
            Self::WorkspaceBreaker { path, until, error } => {
                let next = next_probe(*until, error.as_deref());
                format!("the breaker of its workspace {path} is open: {next}")
            }
            Self::StartsNext => "nothing: it starts in the next pass".to_owned(),
        }
    }

    /// What a person could do about it.
    pub fn hint(&self, id: &str) -> Option<String> {
        let hint = match self {
            Self::Triage => format!("`kanban promote {id}` takes it out"),
            Self::Dependency { .. } => format!("`kanban promote --force {id}` does not wait"),
            Self::Blocked { .. } => format!("`kanban unblock {id}` lets it go on"),
            Self::Unassigned => format!("`kanban assign {id} PROFILE`, or `kanban claim {id}`"),
            Self::UnknownProfile { assignee } => {
                format!("add [profiles.{assignee}] to the configuration, or assign another")
            }
            Self::PreviousRunUnkillable { .. } | Self::RunUnknown { .. } => {
                format!(
                    "look whether its processes still run; `kanban stop --force {id}` gives them up"
                )
            }
            Self::BackOff { .. } => "`kanban dispatch` does not wait".to_owned(),
            Self::StartsUsedUp { .. } | Self::RuntimeUsedUp { .. } => {
                format!("`kanban unblock --more-starts {id}` once it is blocked")
            }
            Self::DispatchDisabled => "`kanban dispatch` starts what is ready".to_owned(),
            Self::Paused | Self::Draining => "`kanban resume` goes on".to_owned(),
            Self::Disk { .. } => "free some space; it goes on by itself".to_owned(),
            Self::ProfileBreaker { .. } => {
                "mend the profile; one task is tried from time to time".to_owned()
            }
            Self::WorkspaceUnknown { path, .. } => format!(
                "see what `ls -d {path}` says to the user of the daemon; the daemon looks again by itself"
            ),
            Self::WorkspaceBreaker { path, .. } => format!(
                "repair the workspace; one task is tried from time to time, and `kanban breakers reset workspace:{path}` tries all"
            ),
            Self::Cap { .. } => {
                "dispatch.max_running raises the limit; `kanban doctor` tells when the limit of open files is lower"
                    .to_owned()
            }
            Self::Running { .. }
            | Self::Done
            | Self::Archived
            | Self::PreviousRunStopping { .. }
            | Self::HostBreaker { .. }
            | Self::ProfileCap { .. }
            | Self::WorkspaceBusy { .. }
            | Self::StartsNext => return None,
        };
        Some(hint)
    }
}

fn next_probe(until: Option<EpochSeconds>, error: Option<&str>) -> String {
    let when = if until.is_some() { "the next probe is due later" } else { "a probe runs" };
    format!("{when}; last failure: {}", error.unwrap_or("no detail"))
}
