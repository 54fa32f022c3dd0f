//! `kanban backup`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::api::client::Download;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::{NewFile, Overwrite};
use crate::cli::session::{Nothing, Session};
use crate::exit_codes::CliExit;

/// Write the whole board into a file, as of one instant, while everything goes on.
///
/// The file is a board file: `kanban restore` puts it back, `sqlite3` reads it. It appears under its name when it is
/// complete.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban backup board-2026-05-01.db
  kanban backup - | zstd > board.db.zst")]
pub struct Arguments {
    /// The file; `-` writes to stdout
    file: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: String,
    bytes: u64,
}

/// Runs it.
///
/// # Errors
/// A file that is there or cannot be written, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let path = "/v1/backup";
    if is_stdout(&arguments.file) {
        refuse_terminal()?;
        to_stdout(client.download(path, &Nothing {})?, session)?;
        return Ok(CliExit::Ok);
    }
    let overwrite = if arguments.force { Overwrite::Allow } else { Overwrite::Refuse };
    let mut file = NewFile::create(&arguments.file, overwrite)?;
    let bytes = to_file(client.download(path, &Nothing {})?, &mut file, |_| {})?;
    file.finish()?;
    let shown = Shown { file: arguments.file.display().to_string(), bytes };
    if session.output.is_json() {
        session.output.json(&shown)?;
    } else {
        session.output.line(format!("Backup written: {} ({bytes} bytes)", shown.file))?;
    }
    Ok(CliExit::Ok)
}

/// Whether a file's name means stdout.
pub(super) fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

fn refuse_terminal() -> Result<(), Failure> {
    if std::io::stdout().is_terminal() {
        return Err(Failure::usage("a board file is nothing for a terminal")
            .with_hint("kanban backup - > board.db"));
    }
    Ok(())
}

/// Passes a reply on, piece by piece.
pub(super) fn to_stdout(mut reply: Download<'_>, session: &mut Session) -> Result<(), Failure> {
    while let Some(piece) = reply.piece()? {
        session.output.raw(&piece)?;
    }
    Ok(())
}

/// Writes a reply, showing each piece to `look`; returns how long it was.
pub(super) fn to_file(
    mut reply: Download<'_>,
    file: &mut NewFile,
    mut look: impl FnMut(&[u8]),
) -> Result<u64, Failure> {
    let mut bytes: u64 = 0;
    while let Some(piece) = reply.piece()? {
        look(&piece);
        bytes += piece.len() as u64;
        file.write(&piece)?;
    }
    Ok(bytes)
}
