//! `kanban attach`.

use std::path::PathBuf;

use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;

/// Attach a file to a task.
///
/// The client reads the file and sends its contents, at most 25 MiB; the board keeps them until the task is removed. A
/// worker may attach files to its own task and to tasks it created. The worker's context lists the attachments of its
/// task.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban attach t_1a2b3c4d drafts/spec.pdf
  kanban attach t_1a2b3c4d /tmp/out.csv --name figures.csv")]
pub struct Arguments {
    /// Task to attach to
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// File to attach
    file: PathBuf,
    /// Name of the attachment (default: the name of the file)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A file that cannot be read, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let Arguments { id, file, name } = arguments;
    let id = session.task(id)?;
    let board = session.board.as_deref();
    let reply = session.client()?.attach(&id, file, name.as_deref(), board)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let (name, size) = (one_line(&reply.attachment.filename), reply.attachment.size_bytes);
        let before = if reply.already { " (already attached)" } else { "" };
        let line = format!("Attached {name} to {} ({size} bytes){before}", reply.task_id);
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}
