//! `kanban archive`.

use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk, stopping};
use crate::cli::session::Session;
use crate::kernel::verbs::{ArchiveReply, ArchiveTask};

/// Archive tasks.
///
/// Archived tasks are hidden from lists. A run in progress is ended at once. Tasks that wait for a task archived unfinished are blocked
/// until `kanban unblock`, unless --release-children is given. Nothing is deleted until `kanban gc` removes it; until then
/// `kanban unarchive` takes it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban archive t_1a2b3c4d
  kanban archive --where status=done")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Let the tasks that wait for an unfinished one go on
    #[arg(long)]
    release_children: bool,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?.titled(session)?;
    let board = session.board.clone();
    let request =
        ArchiveTask { id: String::new(), release_children: arguments.release_children, board };
    bulk::each(&client, &chosen, session, "archive", &request, |reply: &ArchiveReply| {
        let (name, held) = (chosen.name(reply.id.as_str()), stopping::held(&reply.held));
        match reply.run_id {
            Some(run_id) => format!("Archived {name}: stopping run {run_id}{held}"),
            None => format!("Archived {name}{held}"),
        }
    })
}
