//! `kanban unarchive`.

use crate::api::client::seen::UnarchiveReply;
use crate::cli::commands::reopen::waiting_again;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::verbs::UnarchiveTask;

/// Bring archived tasks back.
///
/// A task that was done is done again; any other one becomes ready, or waits for its time or its parents.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban unarchive t_1a2b3c4d")]
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
    let request = UnarchiveTask { id: String::new(), board };
    bulk::each(&client, &chosen, session, "unarchive", &request, line)
}

fn line(reply: &UnarchiveReply) -> String {
    let mut line = format!("Unarchived {} ({})", reply.id, reply.status);
    line.push_str(&waiting_again(&reply.demoted));
    if let Some(key) = &reply.dropped_key {
        line.push_str(&format!("; without its idempotency key {key:?}, which another task has"));
    }
    if !reply.purged_parents.is_empty() {
        let parents = reply.purged_parents.join(", ");
        line.push_str(&format!("; removed parents count as done: {parents}"));
    }
    line
}
