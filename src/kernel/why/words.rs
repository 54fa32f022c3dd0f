//! The one reason in words: a line for people, and what they could do about it.

use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::BEHIND_COUNTED_MAX;
use crate::kernel::rules::reason::Reason;

impl Reason {
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
                format!("its runs took {seconds}s of {max_seconds}s in all")
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
            Self::WorkspaceUnseen { path } => format!("the path {path} has not been looked at yet"),
            Self::WorkspaceBreaker { path, until, error } => {
                let next = next_probe(*until, error.as_deref());
                format!("the breaker of its workspace {path} is open: {next}")
            }
            Self::Behind { others } if *others >= BEHIND_COUNTED_MAX => {
                format!("it is behind {others} or more other tasks")
            }
            Self::Behind { others: 1 } => "it is behind 1 other task".to_owned(),
            Self::Behind { others } => format!("it is behind {others} other tasks"),
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
            | Self::WorkspaceUnseen { .. }
            | Self::Behind { .. }
            | Self::StartsNext => return None,
        };
        Some(hint)
    }
}

fn next_probe(until: Option<EpochSeconds>, error: Option<&str>) -> String {
    let when = if until.is_some() { "the next probe is due later" } else { "a probe runs" };
    format!("{when}; last failure: {}", error.unwrap_or("no detail"))
}
