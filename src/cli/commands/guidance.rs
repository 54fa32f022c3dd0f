//! `kanban guidance`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::mcp::guidance::GUIDANCE;

/// Print the instructions for workers.
///
/// The text is the same as the MCP server instructions of `kanban mcp`, for agents that do not read those.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban guidance > AGENTS.md")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The output cannot be written.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "guidance": GUIDANCE }))?;
    } else {
        session.output.raw(GUIDANCE.as_bytes())?;
    }
    Ok(CliExit::Ok)
}
