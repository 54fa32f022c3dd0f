//! `kanban unlink`.

use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{UnlinkReply, UnlinkTasks};

/// Make a task wait no longer for another.
///
/// A child whose last unfinished parent it was is `ready` at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban unlink t_1a2b3c4d t_5e6f7a8b")]
pub struct Arguments {
    /// The task that had to be done first
    #[arg(add = complete::tasks())]
    parent: String,
    /// The task that waited
    #[arg(add = complete::tasks())]
    child: String,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let request = UnlinkTasks {
        parent_id: arguments.parent,
        child_id: arguments.child,
        board: session.board.clone(),
    };
    let reply: UnlinkReply = session.client()?.post("/v1/links/remove", &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("Unlinked {} -> {}", reply.parent_id, reply.child_id))?;
    }
    Ok(CliExit::Ok)
}
