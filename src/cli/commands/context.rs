//! `kanban context`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::block;
use crate::exit_codes::CliExit;
use crate::kernel::queries::ContextReply;

/// Show the context of a task, the text its worker reads first.
///
/// Markdown with the task, its earlier attempts, the results of its parents, recent work of its profile, and comments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban context \"$KANBAN_TASK\"")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let path = task_path(&session.task(&arguments.id)?, "context")?;
    let reply: ContextReply = session.client()?.get(&path, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(block(&reply.context))?;
    }
    Ok(CliExit::Ok)
}
