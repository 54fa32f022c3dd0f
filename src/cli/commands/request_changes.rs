//! `kanban request-changes`.

use crate::api::client::seen::VerdictReply;
use crate::cli::commands::targets::Chosen;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::words;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::RequestChanges;

/// Send a task in review back to its worker.
///
/// The next attempt reads first what has to change. A review run sends back its own task; a person may send back any task that is in
/// review or being reviewed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban request-changes \"$KANBAN_TASK\" the limit is not tested
  git diff | kanban request-changes t_1a2b3c4d -")]
pub struct Arguments {
    /// Task in review
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// What has to change; several words are joined with spaces, `-` reads it from stdin
    what: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { id, what } = arguments;
    let what = words::reason(Some(what.join(" "))).map_err(|message| {
        Failure::usage(message).with_hint(format!("kanban request-changes {id} TEXT"))
    })?;
    let what = session.optional_text("what", what)?.ok_or_else(|| {
        Failure::usage_of(ErrorCode::InvalidValue, "say what has to change")
            .with_hint(format!("kanban request-changes {id} TEXT"))
    })?;
    let client = session.client()?;
    let board = session.board.clone();
    let request = RequestChanges { id: String::new(), what, board };
    let chosen = Chosen::one(&session.task_before_text(&id)?);
    bulk::each(&client, &chosen, session, "request_changes", &request, |reply: &VerdictReply| {
        match reply.already {
            true => format!("Sent {} back (already sent back by this run)", reply.id),
            false => format!("Sent {} back ({})", reply.id, reply.status),
        }
    })
}
