//! `kanban pause`.

use crate::cli::commands::{Ended, switch};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::DispatchSwitch;

/// Pause dispatch until `kanban resume`.
///
/// Nothing is started, not even by `kanban dispatch`; the pause survives restarts of the daemon. Open runs continue.
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
    let was_paused = reply.before == DispatchSwitch::Paused;
    let word = if was_paused { "Dispatch was already paused" } else { "Dispatch is paused" };
    session.output.line(format!("{word}; {}", switch::open_runs(reply.open_runs)))?;
    Ok(CliExit::Ok)
}
