//! `kanban reopen`.

use crate::api::client::seen::ReopenReply;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::verbs::ReopenTask;

/// Reopen tasks that are done.
///
/// The result and the failure counts are cleared; runs, comments and the number of automatic starts stay. Ready tasks that depend on
/// a reopened one wait for it again; running ones continue.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban reopen t_1a2b3c4d
  kanban comment t_1a2b3c4d \"the tests fail on main\" && kanban reopen t_1a2b3c4d")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let board = session.board.clone();
    let request = ReopenTask { id: String::new(), board };
    bulk::each(&client, &chosen, session, "reopen", &request, |reply: &ReopenReply| {
        let waiting = waiting_again(&reply.demoted);
        format!("Reopened {} ({}){waiting}", reply.id, reply.status)
    })
}

/// The children that wait again, for people.
pub(super) fn waiting_again(demoted: &[String]) -> String {
    if demoted.is_empty() {
        return String::new();
    }
    format!("; waiting for it again: {}", demoted.join(", "))
}
