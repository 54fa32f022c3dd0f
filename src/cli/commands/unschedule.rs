//! `kanban unschedule`.

use crate::api::client::seen::ScheduleReply;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::verbs::UnscheduleTask;

/// Remove the start time of tasks, or let parked ones go on.
///
/// They become `ready`, or `todo` if a parent is unfinished. Unlike `kanban promote` it leaves their failure counts as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban unschedule t_1a2b3c4d
  kanban unschedule --where status=scheduled,label=batch")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let request = UnscheduleTask { id: String::new(), board: session.board.clone() };
    bulk::each(&client, &chosen, session, "unschedule", &request, |reply: &ScheduleReply| {
        format!("Unscheduled {} ({})", reply.id, reply.status)
    })
}
