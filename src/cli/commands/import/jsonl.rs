//! A file that `kanban export` has written: a header line, then a task per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::commands::import::Source;
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::transfer::fit::fit;
use crate::kernel::transfer::record::{ExportHeader, FORMAT_VERSION, TaskRecord};
use crate::kernel::transfer::report::{ColumnLeftOut, LeftOut, Note, RecordNotes};

/// Some programs write it before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct ExportFile {
    path: PathBuf,
    shown: String,
    links: Vec<(String, String)>,
    notes: Vec<Note>,
    left_out: Vec<LeftOut>,
    _spooled: Option<PrivateDir>,
}

impl ExportFile {
    /// Looks at the file at `path`; every line of it is read once.
    pub(super) fn open(path: &Path, session: &Session) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let (path, spooled) = if path == Path::new("-") {
            let (path, folder) = spool(session)?;
            (path, Some(folder))
        } else {
            (path.to_owned(), None)
        };
        let mut file = Self {
            path,
            shown,
            links: Vec::new(),
            notes: Vec::new(),
            left_out: Vec::new(),
            _spooled: spooled,
        };
        let mut links = Vec::new();
        let (mut notes, mut left_out) = (Vec::new(), Vec::new());
        file.each_as_it_is(&mut |mut record| {
            let mut message = RecordNotes::of(&record.task.id);
            fit(&mut record, &mut message);
            notes.extend(Note::all_of(&record.task.id, message.notes));
            left_out.extend(message.left_out);
            let child = record.task.id;
            links.extend(record.parents.into_iter().map(|parent| (parent, child.clone())));
            Ok(())
        })?;
        (file.links, file.notes, file.left_out) = (links, notes, left_out);
        Ok(file)
    }

    fn refused(&self, problem: &str) -> Failure {
        Failure::refused(ErrorCode::InvalidValue, format!("{}: {problem}", self.shown))
    }

    fn lines(&self) -> Result<impl Iterator<Item = (usize, io::Result<Vec<u8>>)>, Failure> {
        let unreadable =
            |error: io::Error| Failure::usage(format!("cannot read {}: {error}", self.shown));
        let file = File::open(&self.path).map_err(unreadable)?;
        let lines = BufReader::new(file).split(b'\n');
        Ok(lines.enumerate().map(|(index, line)| (index + 1, line)))
    }

    fn check_header(&self, line: &[u8]) -> Result<(), Failure> {
        let header: ExportHeader = object(line).map_err(|_| {
            let hint = if line.starts_with(b"SQLite format 3") {
                "use `kanban import hermes PATH` for a database of Hermes, `kanban restore` for one of kanband"
            } else {
                "use `kanban create --from-jsonl FILE` for your own tasks, `kanban import hermes PATH` for a database \
                 of Hermes"
            };
            self.refused("not an export of `kanban export`").with_hint(hint)
        })?;
        if header.kanban_export != FORMAT_VERSION {
            let message = format!(
                "has format {}; this program reads format {FORMAT_VERSION}",
                header.kanban_export
            );
            return Err(self.refused(&message));
        }
        Ok(())
    }
}

impl Source for ExportFile {
    fn kind(&self) -> &'static str {
        "kanban"
    }

    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure> {
        self.each_as_it_is(&mut |mut record| {
            // What was changed is known from the first time.
            fit(&mut record, &mut RecordNotes::default());
            take(record)
        })
    }

    fn links(&self) -> Vec<(String, String)> {
        self.links.clone()
    }

    fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    fn columns_left_out(&self) -> &[ColumnLeftOut] {
        &[]
    }
}

impl ExportFile {
    fn each_as_it_is(
        &self,
        take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut has_header = false;
        for (number, line) in self.lines()? {
            let line = line.map_err(|error| self.refused(&format!("line {number}: {error}")))?;
            let mark = if number == 1 { BYTE_ORDER_MARK } else { &[] };
            let line = line.strip_prefix(mark).unwrap_or(&line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            if !has_header {
                self.check_header(line)?;
                has_header = true;
                continue;
            }
            let record = object(line)
                .map_err(|message| self.refused(&format!("line {number}: {message}")))?;
            take(record)?;
        }
        if has_header { Ok(()) } else { Err(self.refused("is empty")) }
    }
}

/// Reads a struct from an object. It could be read from a list of its values too, which nobody means.
fn object<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !value.is_object() {
        return Err("expected a JSON object".to_owned());
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// A pipe can be read once, so it is kept.
fn spool(session: &Session) -> Result<(PathBuf, PrivateDir), Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot read stdin: {error}"));
    let folder = PrivateDir::new("kanban-import").map_err(failed)?;
    let path = folder.path().join("export.jsonl");
    let mut file = File::create(&path).map_err(failed)?;
    io::copy(&mut session.stdin()?, &mut file).map_err(failed)?;
    Ok((path, folder))
}
