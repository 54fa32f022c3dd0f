//! `kanban schedule`.

use crate::api::client::seen::ScheduleReply;
use crate::cli::arguments::StartFlags;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::ScheduleTask;

/// Start tasks at a later time, or park them.
///
/// A scheduled task is not started before its time; `kanban promote` starts it at once, `kanban unschedule` removes the time. A parked task waits
/// until one of them. For work that repeats see `kanban schedules`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban schedule t_1a2b3c4d --at \"tomorrow 9:00\"
  kanban schedule t_1a2b3c4d --at \"2026-12-01 09:00\" --tz America/New_York
  kanban schedule --where status=ready,label=batch --in 8h
  kanban schedule t_1a2b3c4d --park --reason \"waits for the budget\"")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    start: StartFlags,
    /// Wait without a time, until unscheduled or promoted
    #[arg(long, conflicts_with_all = ["at", "start_in", "tz"])]
    park: bool,
    /// Reason, recorded in the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let times = arguments.start.times(session)?;
    let start_at = arguments.start.start_at(&times)?;
    if start_at == Some(0) {
        return Err(Failure::usage_of(
            ErrorCode::InvalidValue,
            "--at: expected a time, not `none`",
        )
        .with_hint("kanban unschedule removes the start time"));
    }
    if start_at.is_none() && !arguments.park {
        return Err(Failure::usage_of(ErrorCode::InvalidValue, "no time given")
            .with_hint("use --at TIME, --in DURATION or --park"));
    }
    let client = session.client()?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let (park, board) = (arguments.park, session.board.clone());
    let request = ScheduleTask { id: String::new(), start_at, park, reason, board };
    bulk::each(&client, &chosen, session, "schedule", &request, |reply: &ScheduleReply| {
        let time = match (reply.status.known(), reply.start_at) {
            (Some(TaskStatus::Scheduled), Some(at)) => format!("starts {}", times.local(at)),
            (Some(TaskStatus::Scheduled), None) => "parked".to_owned(),
            (_, Some(at)) if at > times.now() => {
                format!("{}; starts no earlier than {}", reply.status, times.local(at))
            }
            (Some(TaskStatus::Ready | TaskStatus::Todo), _) => {
                format!("{}; the start time is past", reply.status)
            }
            (_, _) => reply.status.to_string(),
        };
        format!("Scheduled {} ({time})", reply.id)
    })
}
