//! `kanban reassign`.

use crate::cli::commands::Ended;
use crate::cli::commands::assign::{self, TasksToProfile};
use crate::cli::commands::stopping::{self, end_runs};
use crate::cli::session::Session;
use crate::kernel::verbs::ReassignTask;

/// Assign tasks to another profile, stopping their runs first.
///
/// Returns when the processes of the runs are gone.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban reassign [OPTIONS] ID... PROFILE
       kanban reassign [OPTIONS] --where FILTER PROFILE",
    after_help = "Examples:
  kanban reassign t_1a2b3c4d senior-dev --reason \"needs database rights\"
  kanban reassign --where assignee=old-dev,status=running senior-dev
  kanban reassign t_1a2b3c4d none --no-wait"
)]
pub struct Arguments {
    #[command(flatten)]
    to: TasksToProfile,
    /// Reason, recorded in the run and the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait for the processes to end
    #[arg(long)]
    no_wait: bool,
    /// Accepted for compatibility; the run is always stopped first
    #[arg(long, hide = true)]
    reclaim: bool,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let (chosen, assignee) = arguments.to.read(&client, session)?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let (id, board) = (String::new(), session.board.clone());
    let request = ReassignTask { id, assignee, reason, board };
    let no_wait = arguments.no_wait;
    end_runs(&client, &chosen, no_wait, session, ("reassign", &request), |reply| {
        let who = assign::name(&reply.assignee);
        let run = stopping::run(reply).map_or_else(String::new, |run| format!(" ({run})"));
        format!("Reassigned {} to {who}{run}", reply.id)
    })
}
