//! `kanban backup verify`: whether a restore would take a file. No daemon is asked.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Session;
use crate::cli::still_copy::{copy_still, has_journal};
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::restore::{AttachedFile, KeptFiles, complete, verify_to_restore};
use crate::service::error::bad_backup_hint;

/// Check that a backup can be restored.
///
/// Checks every page and index, the schema, the rows, and the SHA-256 of each attached file. The file is only read, and
/// no daemon is needed. Exit code 1 means that `kanban restore` would refuse it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  kanban backup verify board-2026-05-01.db")]
pub struct Arguments {
    /// Backup file
    file: PathBuf,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: String,
    bytes: u64,
    schema_version: i64,
    install_id: String,
    with_files: bool,
    files: u64,
    file_bytes: u64,
    files_left_out: u64,
    files_missing: Vec<MissingFile>,
}

/// An attached file that could not be read when the backup was made.
#[derive(Debug, Serialize)]
pub(super) struct MissingFile {
    task_id: String,
    sha256: String,
}

impl MissingFile {
    pub(super) fn of(file: &AttachedFile) -> Self {
        Self { task_id: file.task_id.clone(), sha256: file.sha256.clone() }
    }

    pub(super) fn line(&self) -> String {
        let Self { task_id, sha256 } = self;
        one_line(&format!(
            "an attachment of {task_id} was missing or damaged and is not in the backup (SHA-256 {sha256})"
        ))
    }
}

/// Runs it.
///
/// # Errors
/// A file that cannot be read, or that a restore would refuse.
pub(super) fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let file = &arguments.file;
    let unreadable = |error: std::io::Error| unreadable(file, &error);
    let meta = std::fs::metadata(file).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(Failure::usage(format!("{} is not a file", file.display())));
    }
    // A file that cannot be read says so in words of its own, before it is a damaged one.
    File::open(file).map_err(unreadable)?;
    let (path, _folder) = whole_path(file)?;
    let verified = verify_to_restore(&path).map_err(|error| {
        let message = format!("{} {}", file.display(), error.problem());
        let hint = bad_backup_hint("the file is unchanged", &error);
        Failure::refused(ErrorCode::BadBackup, message).with_hint(hint)
    })?;
    let KeptFiles { included, files, bytes: file_bytes, lost, left_out } = verified.files;
    let shown = Shown {
        file: file.display().to_string(),
        bytes: meta.len(),
        schema_version: verified.schema_version,
        install_id: verified.install.install_id,
        with_files: included,
        files,
        file_bytes,
        files_left_out: left_out,
        files_missing: lost.iter().map(MissingFile::of).collect(),
    };
    if session.output.is_json() {
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    session.output.line(format!("Backup is good: {}", one_line(&shown.file)))?;
    session.output.line(format!("Schema version: {}", shown.schema_version))?;
    session.output.line(match (included, left_out) {
        (true, _) => format!("Attached files: {files} ({file_bytes} bytes)"),
        (false, 0) => "Attached files: none".to_owned(),
        (false, left_out) => format!("Attached files: {left_out} left out of this backup"),
    })?;
    for missing in &shown.files_missing {
        session.output.line(format!("Missing: {}", missing.line()))?;
    }
    Ok(CliExit::Ok)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read {}: {error}", path.display()))
}

/// A backup file without a journal. Where a journal lies beside it, as beside a file that was copied from under a daemon, a copy that
/// holds what the journal does; with the directory that the copy is in.
pub(super) fn whole_path(path: &Path) -> Result<(PathBuf, Option<PrivateDir>), Failure> {
    let unreadable = |error: std::io::Error| unreadable(path, &error);
    let real = path.canonicalize().map_err(unreadable)?;
    if !has_journal(&real) {
        return Ok((real, None));
    }
    let folder = PrivateDir::new("kanban-restore").map_err(unreadable)?;
    let copy = folder.path().join("board.db");
    if !copy_still(&real, &copy).map_err(unreadable)? {
        let message = format!("{} is in use by another process", path.display());
        return Err(Failure::refused(ErrorCode::BadBackup, message)
            .with_hint("use `kanban backup` to copy a database in use"));
    }
    complete(&copy).map_err(|error| {
        let message = format!("the backup {}", error.problem());
        Failure::refused(ErrorCode::BadBackup, message).with_hint("the database is unchanged")
    })?;
    Ok((copy, Some(folder)))
}
