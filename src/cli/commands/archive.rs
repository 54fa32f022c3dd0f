//! `kanban archive`.

use crate::api::client::Client;
use crate::cli::commands::many::confirm_many;
use crate::cli::commands::targets::{Chosen, Targets};
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
    pub(super) what: What,
}

/// Which tasks, and what becomes of those that wait for them.
#[derive(Debug, clap::Args)]
pub(super) struct What {
    #[command(flatten)]
    pub(super) targets: Targets,
    /// Let the tasks that wait for an unfinished one go on
    #[arg(long)]
    pub(super) release_children: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.what.targets.chosen(&client, session)?.titled(session)?;
    confirm_many("Archive", &chosen, arguments.what.yes, session)?;
    archive_chosen(&client, &chosen, arguments.what.release_children, session)
}

/// Archives them.
pub(super) fn archive_chosen(
    client: &Client,
    chosen: &Chosen,
    release_children: bool,
    session: &mut Session,
) -> Ended {
    let board = session.board.clone();
    let request = ArchiveTask { id: String::new(), release_children, board };
    bulk::each(client, chosen, session, "archive", &request, |reply: &ArchiveReply| {
        let (name, held) = (chosen.name(reply.id.as_str()), stopping::held(&reply.held));
        match reply.run_id {
            Some(run_id) => format!("Archived {name}: stopping run {run_id}{held}"),
            None => format!("Archived {name}{held}"),
        }
    })
}
