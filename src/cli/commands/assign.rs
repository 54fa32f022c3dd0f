//! `kanban assign`.

use crate::api::client::task_path;
use crate::cli::arguments::profile_or_nobody;
use crate::cli::commands::Ended;
use crate::cli::commands::create_warnings::print_warnings;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{AssignReply, AssignTask};

/// Assign a task to a profile, or clear its assignee.
///
/// Running tasks are refused; use `kanban reassign`, which stops the run first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban assign t_1a2b3c4d backend-dev
  kanban assign t_1a2b3c4d none")]
pub struct Arguments {
    /// Task to assign
    #[arg(add = complete::tasks())]
    id: String,
    /// Profile name; `none`, `-` or `null` clears the assignee
    #[arg(add = complete::profiles())]
    profile: String,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let path = task_path(&arguments.id, "assign")?;
    let request = AssignTask {
        id: arguments.id,
        assignee: profile_or_nobody(&arguments.profile)?,
        board: session.board.clone(),
    };
    let reply: AssignReply = session.client()?.post(&path, &request)?;
    print_warnings(&reply.warnings, session);
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let already = if reply.changed { "" } else { " (no change)" };
    session.output.line(format!("Assigned {} to {}{already}", reply.id, name(&reply.assignee)))?;
    Ok(CliExit::Ok)
}

/// An assignee in a sentence.
pub(super) fn name(assignee: &Option<String>) -> String {
    assignee.as_deref().map_or_else(|| "(unassigned)".to_owned(), one_line)
}
