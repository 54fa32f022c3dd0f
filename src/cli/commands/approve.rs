//! `kanban approve`.

use crate::api::client::seen::VerdictReply;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::verbs::ApproveTask;

/// Approve tasks in review: they are done.
///
/// Children of an approved task can start. A review run approves its own task; a person may approve any task that is in review or
/// being reviewed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban approve \"$KANBAN_TASK\" --summary \"tests pass, names are clear\"
  kanban approve --where status=review,tenant=acme")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Summary of the review in a few sentences; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    summary: Option<String>,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let summary = session.optional_text("--summary", arguments.summary)?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let board = session.board.clone();
    let request = ApproveTask { id: String::new(), summary, board };
    bulk::each(&client, &chosen, session, "approve", &request, |reply: &VerdictReply| {
        match reply.already {
            true => format!("Approved {} (already approved by this run)", reply.id),
            false => format!("Approved {}", reply.id),
        }
    })
}
