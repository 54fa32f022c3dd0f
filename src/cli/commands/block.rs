//! `kanban block`.

use crate::api::client::seen::VerdictReply;
use crate::cli::commands::targets::Filter;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::cli::words;
use crate::kernel::verbs::BlockTask;

/// Block tasks until a person unblocks them.
///
/// A blocked task is not started until `kanban unblock`. The reason is also added as a comment. Workers must give a reason.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban block [OPTIONS] ID [REASON]...
       kanban block [OPTIONS] ID... --reason TEXT
       kanban block [OPTIONS] --where FILTER [REASON]...",
    after_help = "Examples:
  kanban block \"$KANBAN_TASK\" review-required: which of the two rate limits is meant
  kanban block t_1a2b3c4d waiting for the vendor --ids t_5e6f7a8b t_9c0d1e2f
  kanban block --where status=ready,tenant=acme waiting for the vendor"
)]
pub struct Arguments {
    /// Task to block (`-` reads ids from stdin), then the reason: several words are joined with spaces, `-` reads it from stdin.
    /// With --reason all words are tasks, with --where none is
    #[arg(value_name = "ID", add = complete::tasks())]
    words: Vec<String>,
    /// Reason, if not behind the task; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Kind of block, recorded in the event: capability, dependency, needs_input or transient
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// More tasks to block for the same reason
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with = "filter", add = complete::tasks())]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { words, reason, kind, ids: more, filter } = arguments;
    let wrong = |message| {
        Failure::usage(message).with_hint("kanban block ID REASON --ids ID…, or ID… --reason TEXT")
    };
    let is_sentence = reason.is_none();
    let named = words::ids_and_text(&words, filter.is_given(), reason).map_err(wrong)?;
    let reason =
        if is_sentence { words::reason(named.reason).map_err(wrong)? } else { named.reason };
    let reason = session.optional_text("reason", reason)?;
    let client = session.client()?;
    let chosen = filter.chosen(&[named.ids, more].concat(), &client, session)?;
    let board = session.board.clone();
    let message =
        reason.as_deref().map_or_else(String::new, |text| format!(": {}", one_line(text)));
    let request = BlockTask { id: String::new(), reason, kind, comment: true, board };
    bulk::each(&client, &chosen, session, "block", &request, |reply: &VerdictReply| {
        match reply.already {
            true => format!("Blocked {} (already blocked by this run){message}", reply.id),
            false => format!("Blocked {}{message}", reply.id),
        }
    })
}
