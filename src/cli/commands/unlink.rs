//! `kanban unlink`.

use crate::api::client::seen::UnlinkReply;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::UnlinkTasks;

/// Remove a dependency between two tasks.
///
/// A child without other unfinished parents becomes `ready`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban unlink t_1a2b3c4d t_5e6f7a8b")]
pub struct Arguments {
    /// Parent task
    #[arg(add = complete::tasks())]
    parent: TaskArg,
    /// Child task
    #[arg(add = complete::tasks())]
    child: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let request = UnlinkTasks {
        parent_id: session.task(&arguments.parent)?,
        child_id: session.task(&arguments.child)?,
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
