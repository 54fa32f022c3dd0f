//! `kanban import`: lists that people bring, boards of the predecessor, and our own exports.
//!
//! A source is read twice: once to ask the daemon what would become of each task, so that a clash leaves nothing half
//! imported, and once to send them. Links come after all tasks. A second import of the same source finds everything there.

mod csv_items;
mod draft;
mod github;
mod hermes;
mod input;
mod items;
mod json_items;
mod jsonl;
mod location;
mod markdown;
mod scratch;
mod sender;
mod summary;
mod trello;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::cli::archive::{Archive, archive_of};
use crate::cli::commands::Ended;
use crate::cli::commands::backup::is_stdout;
use crate::cli::commands::import::input::{Format, Input};
use crate::cli::commands::import::summary::PreviewRow;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note};

/// Import a list of tasks, an export, or a Hermes board.
///
/// FILE is the output of `kanban export`, JSON lines, a JSON array, CSV with a header, GitHub issues (`gh issue list
/// --json …`), the JSON export of a Trello board, or a Markdown task list. The format is found from the content. `kanban
/// import hermes PATH` reads the kanban database of any release of Hermes Agent, without changing it. A second import of
/// the same file changes nothing.
///
/// An import starts nothing: if it adds ready tasks, dispatch is paused until `kanban resume`. `--dry-run` shows a table
/// of what would come. The report counts what the board holds afterwards and lists what was changed or skipped. Exit
/// code 1 means that something was skipped; the rest was imported. An error in a file names line and column (in a
/// Trello board the card), and nothing is imported.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban import tasks.csv --dry-run
  gh issue list --json number,title,body,state,labels,url | kanban import -
  kanban import TODO.md --board shop
  kanban import hermes ~/.hermes/kanban.db --board hermes
  ssh old-host kanban export | kanban import -")]
pub struct Arguments {
    /// File (`-` reads stdin), or `hermes`
    #[arg(value_name = "FILE|hermes")]
    what: OsString,
    /// Kanban database of Hermes
    path: Option<PathBuf>,
    /// Format of the file (default: found from its content)
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
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

    /// What was found beside the records.
    fn findings(&self) -> &Findings;
}

/// What is known of a source beside its records, once it was read.
#[derive(Debug, Default)]
struct Findings {
    /// Pairs of parent and child.
    links: Vec<(String, String)>,
    /// What was changed while it was read.
    notes: Vec<Note>,
    /// What was left out while it was read.
    left_out: Vec<LeftOut>,
    /// Columns that have no place here.
    columns: Vec<ColumnLeftOut>,
}

/// Runs it.
///
/// # Errors
/// A source that is refused, a clash, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let (source, preview) = source(arguments, session)?;
    let archive = archive(arguments)?;
    let client = session.client()?;
    let board = session.board.clone();
    let mut summary = sender::Sender::new(&client, source.as_ref(), board, archive.as_ref())?
        .send(arguments.dry_run)?;
    if arguments.dry_run {
        summary.show_preview(preview);
    }
    if session.output.is_json() {
        session.output.json(&summary)?;
    } else {
        for line in summary.lines() {
            session.output.line(line)?;
        }
    }
    Ok(summary.exit())
}

/// Where the tasks come from, and what a dry run shows of them.
fn source(
    arguments: &Arguments,
    session: &Session,
) -> Result<(Box<dyn Source>, Vec<PreviewRow>), Failure> {
    let what = arguments.what.to_string_lossy();
    match (arguments.what == OsStr::new("hermes"), &arguments.path) {
        (true, Some(path)) => return Ok((Box::new(hermes::HermesFile::open(path)?), Vec::new())),
        (true, None) => {
            return Err(Failure::usage("import hermes: missing PATH")
                .with_hint("kanban import hermes ~/.hermes/kanban.db"));
        }
        (false, Some(_)) => {
            return Err(Failure::usage(format!("import {what}: only `hermes` takes a path"))
                .with_hint("kanban import FILE, or kanban import hermes PATH"));
        }
        (false, None) => {}
    }
    let input = Input::open(Path::new(&arguments.what), session)?;
    match input.format(arguments.format)? {
        Some(Format::Export) => Ok((Box::new(jsonl::ExportFile::open(input)?), Vec::new())),
        Some(format) => {
            let items = items::read(&input, format, session.board.as_deref())?;
            let preview = items.preview();
            Ok((Box::new(items), preview))
        }
        None => Err(input.unknown()),
    }
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
