//! `kanban pause`.

use crate::cli::commands::{Ended, switch};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::DispatchSwitch;

/// Pause dispatch until `kanban resume`, or that of one profile or board.
///
/// Nothing is started, not even by `kanban dispatch`; the pause survives restarts of the daemon. Open runs continue. KANBAN_BOARD
/// does not count here: without --profile or --board everything is paused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban pause && kanban backup before.db && kanban resume
  kanban pause --profile backend-dev
  kanban pause --board shop")]
pub struct Arguments {
    #[command(flatten)]
    part: switch::Part,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    if let Some(reply) = arguments.part.set(&client, true)? {
        if session.output.is_json() {
            session.output.json(&reply)?;
        } else {
            session.output.line(switch::line_of(&reply))?;
        }
        return Ok(CliExit::Ok);
    }
    let reply = switch::set(&client, DispatchSwitch::Paused)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let was_paused = reply.before == DispatchSwitch::Paused;
    let word = if was_paused { "Dispatch was already paused" } else { "Dispatch is paused" };
    session.output.line(format!("{word}; {}", switch::open_runs(reply.open_runs)))?;
    Ok(CliExit::Ok)
}
