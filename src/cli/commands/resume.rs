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
    session.output.line(match reply.before {
        DispatchSwitch::On => "Dispatch was already on",
        DispatchSwitch::Paused | DispatchSwitch::Draining => "Dispatch is on",
    })?;
    Ok(CliExit::Ok)
}
