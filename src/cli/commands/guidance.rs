//! `kanban guidance`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::run::RunRole;
use crate::mcp::guidance::{GUIDANCE, REVIEW_GUIDANCE};

/// Print the instructions for workers.
///
/// The text is the same as the MCP server instructions of `kanban mcp`, for agents that do not read those. In a review run it is the
/// text for reviewers.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban guidance > AGENTS.md")]
pub struct Arguments {
    /// The text for reviewers
    #[arg(long)]
    review: bool,
}

/// Runs it.
///
/// # Errors
/// The output cannot be written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let is_review = session.ambient.var("KANBAN_ROLE") == Some(RunRole::Review.as_str());
    let text = if arguments.review || is_review { REVIEW_GUIDANCE } else { GUIDANCE };
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "guidance": text }))?;
    } else {
        session.output.raw(text.as_bytes())?;
    }
    Ok(CliExit::Ok)
}
