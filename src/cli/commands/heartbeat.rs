//! `kanban heartbeat`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{HeartbeatReply, HeartbeatTask};

/// Say that the work on a task goes on.
///
/// A claim made by hand is renewed by it; a supervised run needs none, but
/// its note tells people how far it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban heartbeat \"$KANBAN_TASK\" --note \"3 of 8 files migrated\"
  kanban heartbeat t_1a2b3c4d --claimer ann@build7")]
pub struct Arguments {
    /// The task
    #[arg(add = complete::tasks())]
    id: String,
    /// What was reached since the last one; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Who holds the claim; refused when it is somebody else (and inside a run)
    #[arg(long, value_name = "NAME")]
    claimer: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let path = task_path(&arguments.id, "heartbeat")?;
    let request = HeartbeatTask {
        id: arguments.id,
        note: session.optional_text("--note", arguments.note)?,
        claimer: arguments.claimer,
        board: session.board.clone(),
    };
    let reply: HeartbeatReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("Heartbeat recorded for {}", reply.id))?;
    }
    Ok(CliExit::Ok)
}
