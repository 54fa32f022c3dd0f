//! `kanban restart`.

use crate::cli::commands::Ended;
use crate::cli::commands::stopping::{EndRuns, end_runs, status_line};
use crate::cli::session::Session;
use crate::kernel::verbs::RestartTask;

/// Stop the runs of tasks and start the tasks again.
///
/// The run ends `stopped`; its processes get SIGTERM, then SIGKILL. Returns when they are gone; the next run starts as soon as a slot
/// is free. To stop a task without another run use `kanban stop`, to give it up `kanban cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban restart t_1a2b3c4d --reason \"new credentials\"
  kanban restart --where status=running,assignee=dev")]
pub struct Arguments {
    #[command(flatten)]
    runs: EndRuns,
}

/// Runs it.
///
/// # Errors
/// No daemon, or stdin that cannot be read.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let (chosen, reason, no_wait) = arguments.runs.read(&client, session)?;
    let request = RestartTask { id: String::new(), reason, board: session.board.clone() };
    end_runs(&client, &chosen, no_wait, session, ("restart", &request), |reply| {
        status_line("Restarted", &chosen, reply)
    })
}
