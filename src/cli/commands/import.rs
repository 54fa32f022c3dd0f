//! `kanban import`: boards of the predecessor, and our own exports.
//!
//! A source is read twice: once to ask the daemon what would become of each task, so that a clash leaves nothing half
//! imported, and once to send them. Links come after all tasks. A second import of the same source finds everything there.

mod hermes;
mod jsonl;
mod scratch;
mod sender;
mod summary;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cli::archive::{Archive, archive_of};
use crate::cli::commands::Ended;
use crate::cli::commands::backup::is_stdout;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note};

/// Import tasks from a Hermes board or an export.
///
/// `kanban import hermes PATH` reads the kanban database of any release of Hermes Agent, without changing it. `kanban
/// import FILE` reads the output of `kanban export`. An import starts nothing: if it adds ready tasks with an
/// assignee, dispatch is paused until `kanban resume`. The report counts what the board holds afterwards and lists
/// what was changed or skipped. Exit code 1 means that something was skipped; the rest was imported.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban import hermes ~/.hermes/kanban.db --dry-run
  kanban import hermes ~/.hermes/kanban.db --board hermes
  kanban import shop.jsonl --board shop
  ssh old-host kanban export | kanban import -")]
pub struct Arguments {
    /// `hermes`, or an export file (`-` reads stdin)
    #[arg(value_name = "hermes|FILE")]
    what: OsString,
    /// Kanban database of Hermes
    path: Option<PathBuf>,
    /// Show the result without importing anything
    #[arg(long)]
    dry_run: bool,
    /// Archive with attached files (default: FILE.files.tar if present)
    #[arg(long, value_name = "TAR")]
    files: Option<PathBuf>,
}

/// Where records come from. Can be read several times.
trait Source {
    /// Kind of the source; part of what a task is recognized by.
    fn kind(&self) -> &'static str;

    /// Hands out every record.
    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure>;

    /// Pairs of parent and child.
    fn links(&self) -> Vec<(String, String)>;

    /// What was changed while it was read.
    fn notes(&self) -> &[Note];

    /// What was left out while it was read.
    fn left_out(&self) -> &[LeftOut];

    /// Columns that have no place here.
    fn columns_left_out(&self) -> &[ColumnLeftOut];
}

/// Runs it.
///
/// # Errors
/// A source that is refused, a clash, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let source: Box<dyn Source> = match (arguments.what == OsStr::new("hermes"), &arguments.path) {
        (true, Some(path)) => Box::new(hermes::HermesFile::open(path)?),
        (true, None) => {
            return Err(Failure::usage("import hermes: missing PATH")
                .with_hint("kanban import hermes ~/.hermes/kanban.db"));
        }
        (false, None) => Box::new(jsonl::ExportFile::open(Path::new(&arguments.what), session)?),
        (false, Some(_)) => {
            let what = arguments.what.to_string_lossy();
            return Err(Failure::usage(format!("import {what}: only `hermes` takes a path"))
                .with_hint("kanban import FILE, or kanban import hermes PATH"));
        }
    };
    let archive = archive(arguments)?;
    let client = session.client()?;
    let board = session.board.clone();
    let summary = sender::Sender::new(&client, source.as_ref(), board, archive.as_ref())?
        .send(arguments.dry_run)?;
    if session.output.is_json() {
        session.output.json(&summary)?;
    } else {
        for line in summary.lines() {
            session.output.line(line)?;
        }
    }
    Ok(summary.exit())
}

/// The attached files that belong to the source, where there are any.
fn archive(arguments: &Arguments) -> Result<Option<Archive>, Failure> {
    if let Some(path) = &arguments.files {
        return Archive::open(path.clone()).map(Some);
    }
    let beside = archive_of(Path::new(&arguments.what));
    let is_file = arguments.path.is_none() && !is_stdout(Path::new(&arguments.what));
    if is_file && beside.is_file() { Archive::open(beside).map(Some) } else { Ok(None) }
}
