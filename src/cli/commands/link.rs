//! `kanban link`.

use crate::api::client::seen::LinkReply;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::LinkTasks;

/// Add a dependency between two tasks.
///
/// A ready child returns to `todo` until its parents are finished.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban link t_1a2b3c4d t_5e6f7a8b")]
pub struct Arguments {
    /// Task that must be finished first
    #[arg(add = complete::tasks())]
    parent: TaskArg,
    /// Task that depends on it
    #[arg(add = complete::tasks())]
    child: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let request = LinkTasks {
        parent_id: session.task(&arguments.parent)?,
        child_id: session.task(&arguments.child)?,
        board: session.board.clone(),
    };
    let reply: LinkReply = session.client()?.post("/v1/links", &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let word = if reply.linked { "Linked" } else { "Already linked:" };
    session.output.line(format!("{word} {} -> {}", reply.parent_id, reply.child_id))?;
    Ok(CliExit::Ok)
}
