//! `kanban why`.

use crate::api::client::seen::WhyReply;
use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::why::Reason;

/// Explain why a task is not running.
///
/// Prints the first reason in the order of the dispatcher's checks, and what to do about it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban why t_1a2b3c4d
  kanban why t_1a2b3c4d --json | jq -r .reason")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let path = task_path(&session.task(&arguments.id)?, "why")?;
    let reply: WhyReply = session.client()?.get(&path, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let until = reply.reason.known().as_ref().and_then(until);
    let when = until.map_or_else(String::new, |until| left(until, &session.times()));
    let message = one_line(&reply.explanation);
    session.output.line(format!("{} ({}): {message}{when}", reply.id, reply.status))?;
    if let Some(hint) = &reply.hint {
        session.output.line(format!("  hint: {}", one_line(hint)))?;
    }
    Ok(CliExit::Ok)
}

/// When the reason ends by itself.
fn until(reason: &Reason) -> Option<EpochSeconds> {
    match reason {
        Reason::BackOff { until, .. } => Some(*until),
        Reason::Scheduled { until } => *until,
        Reason::HostBreaker { until, .. }
        | Reason::ProfileBreaker { until, .. }
        | Reason::WorkspaceBreaker { until, .. } => *until,
        Reason::Running { .. }
        | Reason::Done
        | Reason::Archived
        | Reason::Triage { .. }
        | Reason::Review { .. }
        | Reason::Dependency { .. }
        | Reason::Blocked { .. }
        | Reason::Question { .. }
        | Reason::Unassigned
        | Reason::Person { .. }
        | Reason::LookingForProfile { .. }
        | Reason::UnknownProfile { .. }
        | Reason::PreviousRunStopping { .. }
        | Reason::PreviousRunUnkillable { .. }
        | Reason::RunUnknown { .. }
        | Reason::StartsUsedUp { .. }
        | Reason::RuntimeUsedUp { .. }
        | Reason::DispatchDisabled
        | Reason::Paused
        | Reason::Draining
        | Reason::ProfilePaused { .. }
        | Reason::BoardPaused { .. }
        | Reason::Disk { .. }
        | Reason::ProfileCap { .. }
        | Reason::Cap { .. }
        | Reason::WorkspaceBusy { .. }
        | Reason::WorkspaceUnknown { .. }
        | Reason::WorkspaceUnseen { .. }
        | Reason::Behind { .. }
        | Reason::StartsNext => None,
    }
}

fn left(until: EpochSeconds, times: &Times) -> String {
    let seconds = until.saturating_sub(times.now()).max(0);
    format!(" (until {}, in {seconds}s)", times.exact(until))
}
