//! `kanban pause`.

use crate::cli::commands::{Ended, switch};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::DispatchSwitch;

/// Start nothing until `kanban resume`.
///
/// Neither by itself nor by `kanban dispatch`, and through restarts of the daemon too. What runs goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  kanban pause && kanban backup before.db && kanban resume")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let reply = switch::set(&session.client()?, DispatchSwitch::Paused)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let word = match reply.before {
        DispatchSwitch::Paused => "Dispatch was paused already",
        DispatchSwitch::On | DispatchSwitch::Draining => "Dispatch is paused",
    };
    session.output.line(format!("{word}; {}", switch::open_runs(reply.open_runs)))?;
    Ok(CliExit::Ok)
}
