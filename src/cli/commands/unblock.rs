//! `kanban unblock`.

use crate::api::client::seen::UnblockReply;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk};
use crate::cli::session::Session;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::UnblockTask;

/// Unblock tasks.
///
/// They become `ready`, or `todo` if a parent is unfinished, or `scheduled` if their time has not come. Their failure counts are reset.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban unblock t_1a2b3c4d
  kanban unblock --where status=blocked,tenant=acme
  kanban unblock t_1a2b3c4d --more-starts")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Also reset the number of automatic starts, for a task that has reached the maximum
    #[arg(long)]
    more_starts: bool,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?;
    let board = session.board.clone();
    let request = UnblockTask { id: String::new(), more_starts: arguments.more_starts, board };
    bulk::each(&client, &chosen, session, "unblock", &request, |reply: &UnblockReply| {
        match reply.status.known() {
            Some(TaskStatus::Todo) => {
                format!("Unblocked {} (todo: a parent is unfinished)", reply.id)
            }
            Some(TaskStatus::Ready) => format!("Unblocked {}", reply.id),
            Some(_) | None => format!("Unblocked {} ({})", reply.id, reply.status),
        }
    })
}
