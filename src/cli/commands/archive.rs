//! `kanban archive`.

use crate::api::client::task_path;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::words::each_once;
use crate::kernel::verbs::{ArchiveReply, ArchiveTask};

/// Archive tasks.
///
/// Archived tasks are hidden from lists and count as finished for the tasks that depend on them. A run in progress is
/// ended at once. Nothing is deleted until `kanban gc` removes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban archive t_1a2b3c4d
  kanban list --status done --json | jq -r '.[].id' | xargs kanban archive")]
pub struct Arguments {
    /// Tasks to archive
    #[arg(required = true, value_name = "ID", add = complete::tasks())]
    ids: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let board = session.board.clone();
    let ask = |id: &str| -> Result<ArchiveReply, _> {
        let request = ArchiveTask { id: id.to_owned(), board: board.clone() };
        client.post(&task_path(id, "archive")?, &request)
    };
    bulk::each(&client, &each_once(&arguments.ids), session, ask, |reply| match reply.run_id {
        Some(run_id) => format!("Archived {} (stopping run {run_id})", reply.id),
        None => format!("Archived {}", reply.id),
    })
}
