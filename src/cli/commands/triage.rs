//! `kanban triage`.

use crate::api::client::seen::TriageReply;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::verbs::TriageTask;

/// Put tasks back into triage.
///
/// A task in triage is never started automatically; `kanban promote` takes it out again. Running tasks are refused: stop them first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban triage t_1a2b3c4d --reason \"the scope is unclear\"
  kanban triage --where status=ready,tenant=acme")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Reason, recorded in the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let board = session.board.clone();
    let request = TriageTask { id: String::new(), reason, board };
    bulk::each(&client, &chosen, session, "triage", &request, |reply: &TriageReply| {
        format!("{} is in triage", reply.id)
    })
}
