//! `kanban resume`.

use crate::cli::commands::{Ended, switch};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::DispatchSwitch;

/// Resume dispatch after `kanban pause`, `kanban drain` or an import.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban resume")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let reply = switch::set(&session.client()?, DispatchSwitch::On)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let was_on = reply.before == DispatchSwitch::On;
    session.output.line(if was_on { "Dispatch was already on" } else { "Dispatch is on" })?;
    Ok(CliExit::Ok)
}
