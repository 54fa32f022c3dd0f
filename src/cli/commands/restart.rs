//! `kanban restart`.

use crate::api::client::seen::ReclaimReply;
use crate::api::client::task_path;
use crate::cli::commands::{Ended, stopping};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::kernel::verbs::RestartTask;

/// Stop the run of a task and start the task again.
///
/// The run ends `stopped`; its processes get SIGTERM, then SIGKILL. Returns when they are gone; the next run starts as soon as a slot
/// is free.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban restart t_1a2b3c4d --reason \"new credentials\"")]
pub struct Arguments {
    /// Task to restart
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
    let path = task_path(&arguments.id, "restart")?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let watch = stopping::Watch::begin(&client, &arguments.id, arguments.no_wait, session)?;
    let request = RestartTask { id: arguments.id, reason, board: session.board.clone() };
    let reply: ReclaimReply = client.post(&path, &request)?;
    stopping::show(watch, reply, "Restarted", session)
}
