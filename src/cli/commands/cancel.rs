//! `kanban cancel`.

use crate::api::client::seen::ReclaimReply;
use crate::cli::commands::many::confirm_many;
use crate::cli::commands::targets::Targets;
use crate::cli::commands::{Ended, bulk, stopping};
use crate::cli::session::Session;
use crate::kernel::verbs::CancelTask;

/// Cancel tasks.
///
/// A run in progress is stopped and the task is archived. Tasks that wait for it are blocked until `kanban unblock`, unless
/// --release-children is given. `kanban unarchive` takes it back. To stop a run and keep its task use `kanban stop`, to run it again
/// `kanban restart`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban cancel t_1a2b3c4d --reason \"no longer needed\"
  kanban cancel t_1a2b3c4d --release-children")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// Reason, recorded in the run and the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Let the tasks that wait for it go on
    #[arg(long)]
    release_children: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let reason = session.optional_text("--reason", arguments.reason)?;
    let chosen = arguments.targets.chosen(&client, session)?.titled(session)?;
    confirm_many("Cancel", &chosen, arguments.yes, session)?;
    let board = session.board.clone();
    let request = CancelTask {
        id: String::new(),
        reason,
        release_children: arguments.release_children,
        board,
    };
    bulk::each(&client, &chosen, session, "cancel", &request, |reply: &ReclaimReply| {
        let (name, held) = (chosen.name(reply.id.as_str()), stopping::held(&reply.held));
        format!("Cancelled {name}{}{held}", stopping::words(reply))
    })
}
