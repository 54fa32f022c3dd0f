//! `kanban reassign`.

use crate::api::client::seen::ReclaimReply;
use crate::api::client::task_path;
use crate::cli::arguments::profile_or_nobody;
use crate::cli::commands::create_warnings::print_warnings;
use crate::cli::commands::{Ended, assign, stopping};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::ReassignTask;

/// Assign a task to another profile, stopping its run first.
///
/// Returns when the processes of the run are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban reassign t_1a2b3c4d senior-dev --reason \"needs database rights\"
  kanban reassign t_1a2b3c4d none --no-wait")]
pub struct Arguments {
    /// Task to reassign
    #[arg(add = complete::tasks())]
    id: String,
    /// Profile name; `none`, `-` or `null` clears the assignee
    #[arg(add = complete::profiles())]
    profile: String,
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
/// The daemon's refusal, or processes that do not die.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let path = task_path(&arguments.id, "reassign")?;
    let assignee = profile_or_nobody(&arguments.profile)?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let watch = stopping::Watch::begin(&client, &arguments.id, arguments.no_wait, session)?;
    let request = ReassignTask { id: arguments.id, assignee, reason, board: session.board.clone() };
    let reply: ReclaimReply = client.post(&path, &request)?;
    let reply = watch.until_closed(reply)?;
    print_warnings(&reply.warnings, session);
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let (id, who) = (&reply.id, assign::name(&reply.assignee));
        session.output.line(format!("Reassigned {id} to {who}{}", stopping::words(&reply)))?;
    }
    Ok(CliExit::Ok)
}
