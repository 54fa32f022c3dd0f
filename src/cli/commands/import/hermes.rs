//! A database of the predecessor, read from a copy.
//!
//! SQLite may write beside a file that it only reads, so only a copy is opened.

use std::io;
use std::path::Path;

use crate::cli::commands::import::{Findings, Source, scratch};
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::still_copy::copy_still;
use crate::kernel::error::ErrorCode;
use crate::kernel::transfer::fit::fit;
use crate::kernel::transfer::hermes::{HermesBoard, read};
use crate::kernel::transfer::record::TaskRecord;
use crate::kernel::transfer::report::{Note, RecordNotes};

pub(super) struct HermesFile {
    records: Vec<TaskRecord>,
    findings: Findings,
}

impl HermesFile {
    /// Reads the file at `path`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = |error: io::Error| {
            Failure::refused(
                ErrorCode::InvalidValue,
                format!("cannot read {}: {error}", path.display()),
            )
        };
        // A journal lies beside the file itself, not beside a link to it.
        let real = path.canonicalize().map_err(unreadable)?;
        if real.is_dir() {
            let message = format!("{} is a directory", path.display());
            return Err(Failure::refused(ErrorCode::InvalidValue, message)
                .with_hint("give the file kanban.db in it"));
        }
        let folder = PrivateDir::new("kanban-import").map_err(unreadable)?;
        let copy = folder.path().join("board.db");
        let is_still = copy_still(&real, &copy).map_err(unreadable)?;
        if !is_still {
            let message = format!("{} changes while it is read", path.display());
            return Err(Failure::refused(ErrorCode::InvalidValue, message)
                .with_hint("stop the program that uses it, or copy the file first"));
        }
        let HermesBoard { mut records, links, notes, left_out, columns } = read(&copy, path)
            .map_err(|error| Failure::refused(ErrorCode::InvalidValue, error.to_string()))?;
        let mut findings = Findings { links, notes, left_out, columns };
        for record in &mut records {
            let mut message = RecordNotes::of(&record.task.id);
            fit(record, &mut message);
            message.notes.extend(scratch::tell(record, &real));
            findings.notes.extend(Note::all_of(&record.task.id, message.notes));
            findings.left_out.extend(message.left_out);
        }
        Ok(Self { records, findings })
    }
}

impl Source for HermesFile {
    fn kind(&self) -> &'static str {
        "hermes"
    }

    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure> {
        self.records.iter().cloned().try_for_each(take)
    }

    fn findings(&self) -> &Findings {
        &self.findings
    }
}
