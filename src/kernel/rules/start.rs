//! Whether a ready task may start, or the review of one, and if not, why: the only place where that is decided.
//!
//! Each function looks at one thing (the board, the limit of runs, a profile, a task, a place) and returns what it lets through,
//! or the [`Reason`] why nothing. A dispatch pass asks about the board and each profile once and about a task only when it is at
//! the head of its queue, so a full profile's 100,000 tasks cost nothing. `kanban why` and a dry run ask the same functions
//! ([`crate::kernel::next_pass`]).

use crate::kernel::breaker::Gate;
use crate::kernel::dispatch_switch::{DispatchSwitch, Hold};
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::policy::Policy;
use crate::kernel::rules::reason::Reason;
use crate::kernel::rules::review;
use crate::kernel::run::RunState;
use crate::kernel::store::leases::LeaseOwner;
use crate::kernel::task::{HUMAN, Task, TaskStatus};

/// A breaker as a start meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateFacts {
    /// What it lets through.
    pub gate: Gate,
    /// The last failure.
    pub last_error: Option<String>,
}

/// What holds for every task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardFacts {
    /// Whether the dispatcher asks, not a person: only a person's pass starts something while automatic dispatch is off.
    pub is_automatic: bool,
    /// Position of the dispatch switch.
    pub switch: DispatchSwitch,
    /// Free bytes of the disk, when that is too little to start anything.
    pub low_disk_bytes: Option<u64>,
    /// The host's breaker.
    pub host: GateFacts,
}

/// How many starts the board and its host let through.
///
/// # Errors
/// The reason why none.
pub fn board(facts: &BoardFacts, policy: &Policy) -> Result<u32, Reason> {
    match facts.switch {
        DispatchSwitch::Paused => return Err(Reason::Paused),
        DispatchSwitch::Draining => return Err(Reason::Draining),
        DispatchSwitch::On => {}
    }
    if facts.is_automatic && !policy.dispatch_enabled {
        return Err(Reason::DispatchDisabled);
    }
    if let Some(free_bytes) = facts.low_disk_bytes {
        return Err(Reason::Disk { free_bytes });
    }
    gate(&facts.host, |until, error| Reason::HostBreaker { until, error })
}

/// What a reason of [`board`] is called in the report of a pass; none for those that a pass does not report.
pub fn hold(reason: &Reason) -> Option<Hold> {
    if *reason == Reason::Paused {
        Some(Hold::Paused)
    } else if *reason == Reason::Draining {
        Some(Hold::Draining)
    } else {
        matches!(reason, Reason::Disk { .. }).then_some(Hold::Disk)
    }
}

/// How many of the host's slots are free.
///
/// # Errors
/// The reason why none.
pub fn slots(open_runs: u32, max_running: u32) -> Result<u32, Reason> {
    match max_running.saturating_sub(open_runs) {
        0 => Err(Reason::Cap { open_runs, max_running }),
        free => Ok(free),
    }
}

/// What holds for every task of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Its name, when it is paused.
    pub paused: Option<String>,
    /// Its supervised runs that are open.
    pub open_runs: u32,
    /// Its limit of them, when it has one.
    pub max_running: Option<u32>,
    /// Its breaker.
    pub breaker: GateFacts,
}

/// How many starts a profile has room for.
///
/// # Errors
/// The reason why for none.
pub fn profile(facts: &ProfileFacts) -> Result<u32, Reason> {
    if let Some(profile) = facts.paused.clone() {
        return Err(Reason::ProfilePaused { profile });
    }
    let room = gate(&facts.breaker, |until, error| Reason::ProfileBreaker { until, error })?;
    let Some(max_running) = facts.max_running else { return Ok(room) };
    match max_running.saturating_sub(facts.open_runs) {
        0 => Err(Reason::ProfileCap { open_runs: facts.open_runs, max_running }),
        free => Ok(room.min(free)),
    }
}

/// What is known of one task that waits for its start.
#[derive(Debug, Clone)]
pub struct TaskFacts<'a> {
    /// The task.
    pub task: &'a Task,
    /// Whether the board has its assignee in the table of people; the queue has no task of those.
    pub is_of_person: bool,
    /// Its run whose processes may be there.
    pub open_run: Option<(RunId, RunState)>,
    /// What its supervised runs took together, seconds; looked up only when that is limited.
    pub total_runtime_seconds: i64,
    /// The time, epoch seconds.
    pub now: EpochSeconds,
    /// Whether the dispatcher asks, not a person: a person's pass minds neither back-off nor what is used up.
    pub is_automatic: bool,
}

/// Whether nothing that lies with a task itself keeps it from starting.
///
/// # Errors
/// The reason why it does not start.
pub fn task(facts: &TaskFacts<'_>, policy: &Policy) -> Result<(), Reason> {
    let task = facts.task;
    let profile = task.start_profile();
    let is_review = task.status == TaskStatus::Review;
    if is_review && let Some(why) = review::person_for_now(task, policy) {
        return Err(Reason::Review { reviewer: Some(HUMAN.to_owned()), why: Some(why) });
    }
    let is_of_person = facts.is_of_person && !is_review;
    policy.assignees.get(profile, is_of_person).startable(profile)?;
    if let Some((run_id, state)) = facts.open_run {
        return Err(match state {
            RunState::Unkillable => Reason::PreviousRunUnkillable { run_id },
            RunState::Starting
            | RunState::Running
            | RunState::Finishing
            | RunState::Stopping
            | RunState::Closed => Reason::PreviousRunStopping { run_id },
        });
    }
    if !facts.is_automatic {
        return Ok(());
    }
    if let Some(until) = task.not_before.filter(|until| *until > facts.now) {
        return Err(Reason::BackOff { until, error: task.last_spawn_error.clone() });
    }
    if task.auto_starts >= policy.lifetime_starts {
        return Err(Reason::StartsUsedUp { starts: task.auto_starts });
    }
    match policy.max_total_runtime_seconds {
        Some(max_seconds) if facts.total_runtime_seconds >= max_seconds => {
            Err(Reason::RuntimeUsedUp { seconds: facts.total_runtime_seconds, max_seconds })
        }
        Some(_) | None => Ok(()),
    }
}

/// What is known of the place that a task needs, and of the board that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationFacts {
    /// Nobody works there.
    Free,
    /// The board of the task is paused.
    Paused {
        /// The board.
        board: String,
    },
    /// This run works there.
    Held(LeaseOwner),
    /// Nobody has looked yet where this path leads.
    Unseen {
        /// The path.
        path: String,
    },
    /// Unknown where this path leads.
    Unknown {
        /// The path.
        path: String,
        /// Why not.
        why: String,
    },
    /// The directory or repository has a breaker.
    Guarded {
        /// The directory or repository.
        path: String,
        /// Its breaker.
        breaker: GateFacts,
    },
}

/// Whether a run may begin in a place.
///
/// # Errors
/// The reason why not.
pub fn location(facts: &LocationFacts) -> Result<(), Reason> {
    match facts {
        LocationFacts::Free => Ok(()),
        LocationFacts::Paused { board } => Err(Reason::BoardPaused { board: board.clone() }),
        LocationFacts::Held(LeaseOwner { run_id, task_id }) => {
            Err(Reason::WorkspaceBusy { run_id: *run_id, task_id: task_id.to_string() })
        }
        LocationFacts::Unseen { path } => Err(Reason::WorkspaceUnseen { path: path.clone() }),
        LocationFacts::Unknown { path, why } => {
            Err(Reason::WorkspaceUnknown { path: path.clone(), error: why.clone() })
        }
        LocationFacts::Guarded { path, breaker } => gate(breaker, |until, error| {
            Reason::WorkspaceBreaker { path: path.clone(), until, error }
        })
        .map(|_| ()),
    }
}

/// How many starts a breaker lets through.
fn gate(
    breaker: &GateFacts,
    shut: impl FnOnce(Option<EpochSeconds>, Option<String>) -> Reason,
) -> Result<u32, Reason> {
    match breaker.gate {
        Gate::Free => Ok(u32::MAX),
        Gate::Probe => Ok(1),
        Gate::Shut { until } => Err(shut(until, breaker.last_error.clone())),
    }
}
