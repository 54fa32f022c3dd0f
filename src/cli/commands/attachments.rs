//! `kanban attachments`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::api::client::{Client, task_path};
use crate::cli::commands::Ended;
use crate::cli::commands::backup::{is_stdout, to_file, to_stdout};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::files::{NewFile, Overwrite};
use crate::cli::session::{OnBoard, Session};
use crate::cli::task_arg::TaskArg;
use crate::cli::text::{one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::queries::Attachment;
use crate::kernel::verbs::{DetachFile, DetachReply};

/// List, fetch or remove the attachments of a task.
///
/// `kanban gc` removes attachments together with their task. `kanban backup` includes them, `kanban export
/// --with-files` writes them beside the export.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  kanban attachments t_1a2b3c4d
  kanban attachments get t_1a2b3c4d spec.pdf -o /tmp/spec.pdf
  kanban attachments get t_1a2b3c4d figures.csv -o - | head
  kanban attachments remove t_1a2b3c4d spec.pdf"
)]
pub struct Arguments {
    /// Task
    #[arg(required = true, add = complete::tasks())]
    id: Option<TaskArg>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write an attachment to a file, after verifying its checksum
    #[command(
        after_help = "Example:\n  kanban attachments get t_1a2b3c4d spec.pdf -o /tmp/spec.pdf"
    )]
    Get {
        /// Task
        #[arg(add = complete::tasks())]
        id: TaskArg,
        /// Name of the attachment
        name: String,
        /// Output file (default: its name in the current directory); `-` writes to stdout
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite an existing file
        #[arg(long)]
        force: bool,
    },
    /// Remove an attachment from the task
    #[command(after_help = "Example:\n  kanban attachments remove t_1a2b3c4d spec.pdf")]
    Remove {
        /// Task
        #[arg(add = complete::tasks())]
        id: TaskArg,
        /// Name of the attachment
        name: String,
    },
}

impl Arguments {
    /// Whether it writes a file of this machine.
    pub fn writes_file(&self) -> bool {
        matches!(self.action, Some(Action::Get { .. }))
    }
}

#[derive(Debug, Serialize)]
struct Fetched {
    file: String,
    bytes: u64,
    sha256: String,
}

#[derive(Debug, Serialize)]
struct Wanted<'w> {
    filename: &'w str,
    board: Option<&'w str>,
}

/// Runs it.
///
/// # Errors
/// A file that is there or cannot be written, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    match &arguments.action {
        None => {
            let id = session.optional_task(arguments.id.as_ref())?.unwrap_or_default();
            list(&id, session)
        }
        Some(Action::Get { id, name, output, force }) => {
            let own_name = || PathBuf::from(name);
            let target = output.clone().unwrap_or_else(own_name);
            let overwrite = if *force { Overwrite::Allow } else { Overwrite::Refuse };
            get(&session.task(id)?, name, &target, overwrite, session)
        }
        Some(Action::Remove { id, name }) => {
            let id = session.task(id)?;
            let path = task_path(&id, "detach")?;
            let (filename, board) = (name.clone(), session.board.clone());
            let request = DetachFile { id, filename, board };
            let reply: DetachReply = session.client()?.post(&path, &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                let name = one_line(&reply.attachment.filename);
                session.output.line(format!("Removed {name} from {}", reply.task_id))?;
            }
            Ok(CliExit::Ok)
        }
    }
}

fn list_of(client: &Client, id: &str, on_board: &OnBoard) -> Result<Vec<Attachment>, Failure> {
    Ok(client.get(&task_path(id, "attachments")?, on_board)?)
}

fn list(id: &str, session: &mut Session) -> Ended {
    let files = list_of(&session.client()?, id, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&files)?;
    } else if files.is_empty() {
        session.output.line(format!("(no attachments on {})", one_line(id)))?;
    } else {
        for line in lines(&files, &session.times()) {
            session.output.line(line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn get(id: &str, name: &str, target: &Path, overwrite: Overwrite, session: &mut Session) -> Ended {
    let client = session.client()?;
    let wanted = Wanted { filename: name, board: session.board.as_deref() };
    let path = task_path(id, "attachment")?;
    if is_stdout(target) {
        to_stdout(client.download(&path, &wanted)?, session)?;
        return Ok(CliExit::Ok);
    }
    // Asked first, so that a name that is not there leaves no trace.
    let reply = client.download(&path, &wanted)?;
    let attached = list_of(&client, id, &session.on_board())?;
    let attached = attached.iter().find(|file| file.filename == name);
    let mut file = NewFile::create(target, overwrite, &session.ambient)?;
    let mut hash = Sha256::new();
    let bytes = to_file(reply, &mut file, |piece| hash.update(piece))?;
    let sha256: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if attached.is_some_and(|attached| attached.sha256 != sha256) {
        return Err(Failure::fault(format!(
            "{name} differs from the attached file: its SHA-256 is {sha256}"
        ))
        .with_hint("the file in the daemon's home was changed or is damaged"));
    }
    file.finish()?;
    let fetched = Fetched { file: target.display().to_string(), bytes, sha256 };
    if session.output.is_json() {
        session.output.json(&fetched)?;
    } else {
        session.output.line(format!("Fetched {} ({bytes} bytes)", fetched.file))?;
    }
    Ok(CliExit::Ok)
}

fn lines(files: &[Attachment], times: &Times) -> Vec<String> {
    let head = ["NAME", "BYTES", "BY", "ATTACHED", "SHA256"].map(str::to_owned);
    let row = |file: &Attachment| {
        [
            one_line(&file.filename),
            file.size_bytes.to_string(),
            one_line(&file.uploaded_by),
            times.local(file.created_at),
            file.sha256.clone(),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(files.iter().map(row)).collect();
    let mut columns = [0; 5];
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let line = |row: &[String; 5]| {
        let cells: Vec<String> =
            row.iter().zip(columns).map(|(cell, columns)| pad(cell, columns)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
