//! `kanban export`.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use serde::Serialize;

use crate::api::client::Client;
use crate::cli::archive::{Added, FileOfTask, NewArchive, archive_of};
use crate::cli::commands::Ended;
use crate::cli::commands::backup::{is_stdout, to_file, to_stdout};
use crate::cli::failure::Failure;
use crate::cli::files::{NewFile, Overwrite};
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::transfer::record::TaskRecord;

/// Export the tasks of a board as JSON lines, with their history.
///
/// The first line is a header. `kanban import` reads the file into another board, home or host. `--with-files` also
/// writes the attached files, to a tar archive beside it whose name ends in `.files.tar`; exit code 1 means that one of
/// them could not be read. To copy the whole database use `kanban backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban export --board shop shop.jsonl
  kanban export --board shop --with-files shop.jsonl
  kanban export | jq -c 'select(.task) | .task | {id, title, status}'")]
pub struct Arguments {
    /// Output file (default: stdout, as `-`)
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
    /// Write attached files to FILE.files.tar
    #[arg(long)]
    with_files: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: String,
    tasks: usize,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files_missing: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// A file that is there or cannot be written, or the daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    if is_stdout(&arguments.file) {
        if arguments.with_files {
            return Err(Failure::usage("--with-files needs a file name for the archive beside it")
                .with_hint("kanban export --with-files board.jsonl"));
        }
        to_stdout(client.download("/v1/export", &session.on_board())?, session)?;
        return Ok(CliExit::Ok);
    }
    let overwrite = if arguments.force { Overwrite::Allow } else { Overwrite::Refuse };
    // Both names are free before anything is read.
    let archive = archive_of(&arguments.file);
    let archive_file = match arguments.with_files {
        true => Some(NewFile::create(&archive, overwrite, &session.ambient)?),
        false => None,
    };
    let reply = client.download("/v1/export", &session.on_board())?;
    let mut file = NewFile::create(&arguments.file, overwrite, &session.ambient)?;
    let mut lines = 0;
    let bytes = to_file(reply, &mut file, |piece| {
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
    })?;
    let written = match archive_file {
        Some(new) => Some(write_archive(&client, &file, NewArchive::new(new))?),
        None => None,
    };
    file.finish()?;
    // All but the first are tasks.
    let tasks = lines.saturating_sub(1);
    let (files, files_missing) = written.unzip();
    let shown = Shown {
        file: arguments.file.display().to_string(),
        tasks,
        bytes,
        archive: files.map(|_| archive.display().to_string()),
        files,
        files_missing: files_missing.unwrap_or_default(),
    };
    show(&shown, session)?;
    Ok(if shown.files_missing.is_empty() { CliExit::Ok } else { CliExit::Refused })
}

fn show(shown: &Shown, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.json(shown);
    }
    session.output.line(format!("Exported {} task(s) to {}", shown.tasks, shown.file))?;
    if let (Some(archive), Some(files)) = (&shown.archive, shown.files) {
        session.output.line(format!("Exported {files} attached file(s) to {archive}"))?;
    }
    for missing in &shown.files_missing {
        session.output.complain(&format!("skipped: {}", one_line(missing)));
    }
    Ok(())
}

/// Adds every file that the export names. Returns how many there are, and which could not be had.
fn write_archive(
    client: &Client,
    export: &NewFile,
    mut archive: NewArchive,
) -> Result<(usize, Vec<String>), Failure> {
    let unread = |error: &dyn std::fmt::Display| {
        Failure::fault(format!("cannot read the export that was just written: {error}"))
    };
    let lines =
        BufReader::new(File::open(export.staged()).map_err(|error| unread(&error))?).lines();
    let (mut files, mut missing) = (0, Vec::new());
    // The first line is a header.
    for line in lines.skip(1) {
        let line = line.map_err(|error| unread(&error))?;
        let record: TaskRecord = serde_json::from_str(&line).map_err(|error| unread(&error))?;
        for fields in &record.attachments {
            let file =
                FileOfTask { task: record.task.id.clone(), filename: fields.filename.clone() };
            match archive.add(client, &file, fields)? {
                Added::Whole => files += 1,
                Added::LeftOut(why) => {
                    missing.push(format!("{} of {}: {why}", file.filename, file.task));
                }
            }
        }
    }
    archive.finish()?;
    Ok((files, missing))
}
