//! `kanban reclaim`.

use crate::api::client::seen::ReclaimReply;
use crate::api::client::task_path;
use crate::cli::commands::{Ended, stopping};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::ReclaimTask;

/// Stop a running task and make it ready again.
///
/// The run ends `reclaimed` and its processes are stopped. Returns when they are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban reclaim t_1a2b3c4d --reason \"it reads the wrong branch\"
  kanban reclaim t_1a2b3c4d --no-wait")]
pub struct Arguments {
    /// Task to reclaim
    #[arg(add = complete::tasks())]
    id: String,
    /// Reason, recorded in the run and the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait for the processes to end
    #[arg(long)]
    no_wait: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal, or processes that do not die.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let path = task_path(&arguments.id, "reclaim")?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let watch = stopping::Watch::begin(&client, &arguments.id, arguments.no_wait, session)?;
    let request = ReclaimTask { id: arguments.id, reason, board: session.board.clone() };
    let reply: ReclaimReply = client.post(&path, &request)?;
    let reply = watch.until_closed(reply)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let line = format!("Reclaimed {}{}", reply.id, stopping::words(&reply));
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}
