//! The one reason as text: a line for people, and a suggestion.

use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::BEHIND_COUNTED_MAX;
use crate::kernel::rules::reason::{Reason, review_by};
use crate::kernel::task::HUMAN;

impl Reason {
    /// One line for people.
    #[expect(clippy::too_many_lines, reason = "a line for each reason")]
    pub fn explanation(&self) -> String {
        match self {
            Self::Running { by, open_parents, .. } if open_parents.is_empty() => {
                format!("already running ({by})")
            }
            Self::Running { by, open_parents, .. } => {
                let parents = open_parents.join(", ");
                format!(
                    "already running ({by}); its run continues although parents are open again: {parents}"
                )
            }
            Self::Done => "already done".to_owned(),
            Self::Archived => "is archived".to_owned(),
            Self::Triage { held: None } => "waits in triage".to_owned(),
            Self::Triage { held: Some(setting) } => {
                format!(
                    "waits in triage: a worker created it beyond what its profile may ({setting})"
                )
            }
            Self::Scheduled { until: Some(_) } => "waits for its start time".to_owned(),
            Self::Scheduled { until: None } => "is parked".to_owned(),
            Self::Review { reviewer, why } => {
                review_by(reviewer.as_deref().unwrap_or(HUMAN), why.as_deref())
            }
            Self::Dependency { open_parents } => {
                format!("waits for parents: {}", open_parents.join(", "))
            }
            Self::Blocked { why, gave_up } => {
                let words = if *gave_up { "given up" } else { "waits for a person" };
                format!("{words}: {}", why.as_deref().unwrap_or("no reason given"))
            }
            Self::Question { text, run_id: None, .. } => format!("waits for an answer: {text}"),
            Self::Question { text, run_id: Some(run_id), .. } => {
                format!("already running; run {run_id} waits for an answer: {text}")
            }
            Self::Unassigned => "no assignee".to_owned(),
            Self::Person { name } => format!("assigned to {name}, a person"),
            Self::LookingForProfile { assignee, error: None } => {
                format!("looking for profile {assignee}")
            }
            Self::LookingForProfile { assignee, error: Some(error) } => {
                format!("looking for profile {assignee}: {error}")
            }
            Self::UnknownProfile { assignee, nearest: None } => {
                format!("no profile {assignee:?}")
            }
            Self::UnknownProfile { assignee, nearest: Some(nearest) } => {
                format!("no profile {assignee:?} (did you mean {nearest}?)")
            }
            Self::PreviousRunStopping { run_id } => {
                format!("the processes of the previous run ({run_id}) are being stopped")
            }
            Self::PreviousRunUnkillable { run_id } => {
                format!("the processes of the previous run ({run_id}) cannot be killed")
            }
            Self::RunUnknown { run_id, error } => {
                format!("cannot determine how run {run_id} ended: {error}")
            }
            Self::BackOff { error, .. } => {
                format!("back-off after a failure: {}", error.as_deref().unwrap_or("no detail"))
            }
            Self::StartsUsedUp { starts } => {
                format!("the maximum of {starts} automatic starts is reached")
            }
            Self::RuntimeUsedUp { seconds, max_seconds } => {
                format!("its runs took {seconds}s of a maximum of {max_seconds}s in total")
            }
            Self::DispatchDisabled => {
                "automatic dispatch is disabled (dispatch.enabled = false)".to_owned()
            }
            Self::Paused => "dispatch is paused".to_owned(),
            Self::Draining => "dispatch is draining".to_owned(),
            Self::ProfilePaused { profile } => format!("the profile {profile} is paused"),
            Self::BoardPaused { board } => format!("the board {board} is paused"),
            Self::Disk { free_bytes } => {
                format!("the disk is nearly full ({free_bytes} bytes free)")
            }
            Self::HostBreaker { until, error } => {
                format!("the host's breaker is open: {}", next_probe(*until, error.as_deref()))
            }
            Self::ProfileBreaker { until, error } => {
                format!("the profile's breaker is open: {}", next_probe(*until, error.as_deref()))
            }
            Self::ProfileCap { open_runs, max_running } => {
                format!("the profile has {open_runs} of {max_running} open runs")
            }
            Self::Cap { open_runs, max_running } => {
                format!("{open_runs} of {max_running} runs are open")
            }
            Self::WorkspaceBusy { run_id, task_id } => {
                format!("the workspace is in use by {task_id} (run {run_id})")
            }
            Self::WorkspaceUnknown { path, error } => {
                format!("cannot resolve the workspace {path}: {error}")
            }
            Self::WorkspaceUnseen { path } => format!("the path {path} has not been resolved yet"),
            Self::WorkspaceBreaker { path, until, error } => {
                let next = next_probe(*until, error.as_deref());
                format!("the breaker of the workspace {path} is open: {next}")
            }
            Self::Behind { others } => behind(*others),
            Self::StartsNext => "starts in the next pass".to_owned(),
        }
    }

    /// What a person could do about it.
    pub fn hint(&self, id: &str) -> Option<String> {
        let hint = match self {
            Self::Triage { .. } => format!("promote it with `kanban promote {id}`"),
            Self::Scheduled { .. } => format!("start it now with `kanban promote {id}`"),
            Self::Review { .. } => format!(
                "accept it with `kanban approve {id}`, or send it back with `kanban request-changes {id} TEXT`"
            ),
            Self::Dependency { .. } => format!("ignore the parents with `kanban promote --force {id}`"),
            Self::Blocked { .. } => format!("unblock it with `kanban unblock {id}`"),
            Self::Question { .. } => format!("answer it with `kanban answer {id} TEXT`"),
            Self::Unassigned => format!("`kanban assign {id} PROFILE`, or `kanban claim {id}`"),
            Self::Person { .. } => {
                format!("finish it with `kanban complete {id}`, or `kanban assign {id} PROFILE`")
            }
            Self::UnknownProfile { nearest: Some(nearest), .. } => {
                format!("`kanban assign {id} {nearest}`, or add the profile to the configuration")
            }
            Self::UnknownProfile { assignee, nearest: None } => format!(
                "`kanban assign {id} PROFILE`, or add [profiles.{assignee}] to the configuration"
            ),
            Self::PreviousRunUnkillable { .. } | Self::RunUnknown { .. } => {
                format!(
                    "check whether its processes are alive; close the run with `kanban stop --force {id}`"
                )
            }
            Self::BackOff { .. } => "start it now with `kanban dispatch`".to_owned(),
            Self::StartsUsedUp { .. } | Self::RuntimeUsedUp { .. } => {
                format!("run `kanban unblock --more-starts {id}` once the task is blocked")
            }
            Self::DispatchDisabled => "start ready tasks with `kanban dispatch`".to_owned(),
            Self::Paused | Self::Draining => "resume with `kanban resume`".to_owned(),
            Self::ProfilePaused { profile } => {
                format!("resume it with `kanban resume --profile {profile}`")
            }
            Self::BoardPaused { board } => format!("resume it with `kanban resume --board {board}`"),
            Self::Disk { .. } => "free some space; dispatch resumes automatically".to_owned(),
            Self::ProfileBreaker { .. } => {
                "repair the profile; one task is tried from time to time".to_owned()
            }
            Self::WorkspaceUnknown { path, .. } => format!(
                "run `ls -d {path}` as the daemon's user; the daemon retries automatically"
            ),
            Self::WorkspaceBreaker { path, .. } => format!(
                "repair the workspace; one task is tried from time to time; to start all, run `kanban breakers reset \
                 workspace:{path}`"
            ),
            Self::Cap { .. } => {
                "raise dispatch.max_running; `kanban doctor` shows whether the limit of open files is lower"
                    .to_owned()
            }
            Self::Running { .. }
            | Self::Done
            | Self::Archived
            | Self::LookingForProfile { .. }
            | Self::PreviousRunStopping { .. }
            | Self::HostBreaker { .. }
            | Self::ProfileCap { .. }
            | Self::WorkspaceBusy { .. }
            | Self::WorkspaceUnseen { .. }
            | Self::Behind { .. }
            | Self::StartsNext => return None,
        };
        Some(hint)
    }
}

fn behind(others: u32) -> String {
    match others {
        1 => "behind 1 other task".to_owned(),
        BEHIND_COUNTED_MAX.. => format!("behind {others} or more other tasks"),
        _ => format!("behind {others} other tasks"),
    }
}

fn next_probe(until: Option<EpochSeconds>, error: Option<&str>) -> String {
    let when = if until.is_some() { "the next probe comes later" } else { "a probe is running" };
    format!("{when}; last failure: {}", error.unwrap_or("no detail"))
}
