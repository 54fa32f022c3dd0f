//! `kanban reclaim`.

use crate::cli::commands::Ended;
use crate::cli::commands::stopping::{self, EndRuns, end_runs};
use crate::cli::session::Session;
use crate::kernel::verbs::ReclaimTask;

/// Stop running tasks and make them ready again.
///
/// The run ends `reclaimed` and its processes are stopped. Returns when they are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban reclaim t_1a2b3c4d --reason \"it reads the wrong branch\"
  kanban reclaim t_1a2b3c4d t_5e6f7a8b --no-wait")]
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
    let request = ReclaimTask { id: String::new(), reason, board: session.board.clone() };
    end_runs(&client, &chosen, no_wait, session, ("reclaim", &request), |reply| {
        format!("Reclaimed {}{}", chosen.name(&reply.id), stopping::words(reply))
    })
}
