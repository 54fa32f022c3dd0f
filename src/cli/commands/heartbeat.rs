//! `kanban heartbeat`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{HeartbeatReply, HeartbeatTask};

/// Report progress and renew a claim.
///
/// Renews a manual claim. Supervised runs need no heartbeat, but the note shows their progress.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban heartbeat \"$KANBAN_TASK\" --note \"3 of 8 files migrated\"
  kanban heartbeat t_1a2b3c4d --claimer ann@build7")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Progress since the last heartbeat; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Claimer; must match the holder of the claim (refused inside a run)
    #[arg(long, value_name = "NAME")]
    claimer: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "heartbeat")?;
    let request = HeartbeatTask {
        id,
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
