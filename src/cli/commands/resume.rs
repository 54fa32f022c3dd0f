//! `kanban resume`.

use crate::cli::commands::{Ended, switch};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::DispatchSwitch;

/// Resume dispatch after `kanban pause`, `kanban drain` or an import.
///
/// A profile or board that was paused by name stays paused until it is resumed by name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanban resume\n  kanban resume --profile backend-dev")]
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
    if let Some(reply) = arguments.part.set(&client, false)? {
        if session.output.is_json() {
            session.output.json(&reply)?;
        } else {
            session.output.line(switch::line_of(&reply))?;
        }
        return Ok(CliExit::Ok);
    }
    let reply = switch::set(&client, DispatchSwitch::On)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let was_on = reply.before == DispatchSwitch::On;
    session.output.line(if was_on { "Dispatch was already on" } else { "Dispatch is on" })?;
    Ok(CliExit::Ok)
}
