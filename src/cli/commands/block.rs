//! `kanban block`.

use crate::api::client::seen::VerdictReply;
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
#[command(after_help = "Examples:
  kanban block \"$KANBAN_TASK\" review-required: which of the two rate limits is meant
  kanban block t_1a2b3c4d waiting for the vendor --ids t_5e6f7a8b t_9c0d1e2f")]
pub struct Arguments {
    /// Task to block
    #[arg(add = complete::tasks())]
    id: String,
    /// Reason; several words are joined with spaces, `-` reads it from stdin
    reason: Vec<String>,
    /// Kind of block, recorded in the event: capability, dependency, needs_input or transient
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// More tasks to block for the same reason
    #[arg(long, value_name = "ID", num_args = 1.., add = complete::tasks())]
    ids: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// No daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { id, reason, kind, ids } = arguments;
    let reason = words::reason(&reason).map_err(|message| {
        Failure::usage(message).with_hint(format!("kanban block {id} REASON --ids ID…"))
    })?;
    let reason = session.optional_text("reason", reason)?;
    let ids = words::each_once(&std::iter::once(id).chain(ids).collect::<Vec<_>>());
    let client = session.client()?;
    let board = session.board.clone();
    let request = BlockTask {
        id: String::new(),
        reason: reason.clone(),
        kind: kind.clone(),
        comment: true,
        board,
    };
    let message =
        reason.as_deref().map_or_else(String::new, |text| format!(": {}", one_line(text)));
    bulk::each(&client, &ids, session, "block", &request, |reply: &VerdictReply| {
        match reply.already {
            true => format!("Blocked {} (already blocked by this run){message}", reply.id),
            false => format!("Blocked {}{message}", reply.id),
        }
    })
}
