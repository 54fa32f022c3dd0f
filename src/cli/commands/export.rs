//! `kanban export`.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::commands::backup::{is_stdout, to_file, to_stdout};
use crate::cli::files::{NewFile, Overwrite};
use crate::cli::session::Session;
use crate::exit_codes::CliExit;

/// Export the tasks of a board as JSON lines, with their history.
///
/// The first line is a header. `kanban import` reads the file into another board, home or host. To copy the whole
/// database use `kanban backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban export --board shop shop.jsonl
  kanban export | jq -c 'select(.task) | .task | {id, title, status}'")]
pub struct Arguments {
    /// Output file (default: stdout, as `-`)
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: String,
    tasks: usize,
    bytes: u64,
}

/// Runs it.
///
/// # Errors
/// A file that is there or cannot be written, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let reply = client.download("/v1/export", &session.on_board());
    if is_stdout(&arguments.file) {
        to_stdout(reply?, session)?;
        return Ok(CliExit::Ok);
    }
    let overwrite = if arguments.force { Overwrite::Allow } else { Overwrite::Refuse };
    let mut file = NewFile::create(&arguments.file, overwrite, &session.ambient)?;
    let mut lines = 0;
    let bytes = to_file(reply?, &mut file, |piece| {
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
    })?;
    file.finish()?;
    // All but the first are tasks.
    let tasks = lines.saturating_sub(1);
    let shown = Shown { file: arguments.file.display().to_string(), tasks, bytes };
    if session.output.is_json() {
        session.output.json(&shown)?;
    } else {
        session.output.line(format!("Exported {tasks} task(s) to {}", shown.file))?;
    }
    Ok(CliExit::Ok)
}
