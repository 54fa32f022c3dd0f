//! `kanban guidance`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::mcp::guidance::GUIDANCE;

/// Print what a worker is told about its part.
///
/// The same text that `kanban mcp` gives to agents as its instructions; for those that take none.
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
