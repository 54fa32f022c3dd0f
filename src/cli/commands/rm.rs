//! `kanban rm`, which people of other tools type for `kanban archive`: the same, but for a question on a terminal.

use crate::cli::commands::Ended;
use crate::cli::commands::archive::{What, archive_chosen};
use crate::cli::commands::many::confirmed;
use crate::cli::session::Session;

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
}

/// Runs it.
///
/// # Errors
/// No daemon, or no confirmation.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.what.targets.chosen(&client, session)?.titled(session)?;
    if !arguments.what.yes && !chosen.ids.is_empty() && session.is_interactive() {
        let named = chosen.ids.iter().take(NAMED_MAX).map(|id| chosen.name(id));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match chosen.ids.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        confirmed(&format!("Archive {named}{more}?"), "no task was archived", session)?;
    }
    archive_chosen(&client, &chosen, arguments.what.release_children, session)
}
