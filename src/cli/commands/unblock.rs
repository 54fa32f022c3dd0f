//! `kanban unblock`.

use crate::api::client::task_path;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::words::each_once;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::{UnblockReply, UnblockTask};

/// Unblock tasks.
///
/// They become `ready`, or `todo` if a parent is unfinished. Their failure counts are reset.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban unblock t_1a2b3c4d
  kanban unblock t_1a2b3c4d --more-starts")]
pub struct Arguments {
    /// Tasks to unblock
    #[arg(required = true, value_name = "ID", add = complete::tasks())]
    ids: Vec<String>,
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
    let board = session.board.clone();
    let ask = |id: &str| -> Result<UnblockReply, _> {
        let request = UnblockTask {
            id: id.to_owned(),
            more_starts: arguments.more_starts,
            board: board.clone(),
        };
        client.post(&task_path(id, "unblock")?, &request)
    };
    bulk::each(&client, &each_once(&arguments.ids), session, ask, |reply| match reply.status {
        TaskStatus::Todo => format!("Unblocked {} (todo: a parent is unfinished)", reply.id),
        _ => format!("Unblocked {}", reply.id),
    })
}
