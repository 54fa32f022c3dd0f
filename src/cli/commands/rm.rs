//! `kanban rm`, which people of other tools type for `kanban archive`: the same, but for a question on a terminal.

use crate::cli::commands::Ended;
use crate::cli::commands::archive::{What, put_away};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;

/// Tasks that are named in the question.
const NAMED_MAX: usize = 5;

/// Archive tasks, as `kanban archive` does, after a question on a terminal.
///
/// Nothing is deleted: `kanban unarchive` brings a task back until `kanban gc` removes it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban rm t_1a2b3c4d
  kanban rm --where status=done --yes")]
pub struct Arguments {
    #[command(flatten)]
    what: What,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

/// Runs it.
///
/// # Errors
/// No daemon, or no confirmation.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.what.targets.chosen(&client, session)?.titled(session)?;
    if !arguments.yes && !chosen.ids.is_empty() && session.is_interactive() {
        let named = chosen.ids.iter().take(NAMED_MAX).map(|id| chosen.name(id));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match chosen.ids.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        if !session.confirm(&format!("Archive {named}{more}?"))? {
            return Err(Failure::refused(
                ErrorCode::BadRequest,
                "not confirmed; no task was archived",
            ));
        }
    }
    put_away(&client, &chosen, arguments.what.release_children, session)
}
