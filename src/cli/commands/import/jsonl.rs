//! A file that `kanban export` has written: a header line, then a task per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::commands::import::input::{BYTE_ORDER_MARK, Input};
use crate::cli::commands::import::location::json_problem;
use crate::cli::commands::import::{Findings, Source};
use crate::cli::failure::Failure;
use crate::kernel::transfer::fit::fit;
use crate::kernel::transfer::record::{ExportHeader, FORMAT_VERSION, TaskRecord};
use crate::kernel::transfer::report::{Note, RecordNotes};

pub(super) struct ExportFile {
    input: Input,
    findings: Findings,
}

impl ExportFile {
    /// Looks at an export; every line of it is read once.
    pub(super) fn open(input: Input) -> Result<Self, Failure> {
        let mut file = Self { input, findings: Findings::default() };
        let mut findings = Findings::default();
        file.each_as_it_is(&mut |mut record| {
            let mut message = RecordNotes::of(&record.task.id);
            fit(&mut record, &mut message);
            findings.notes.extend(Note::all_of(&record.task.id, message.notes));
            findings.left_out.extend(message.left_out);
            let child = record.task.id;
            let parents = record.parents.into_iter();
            findings.links.extend(parents.map(|parent| (parent, child.clone())));
            Ok(())
        })?;
        file.findings = findings;
        Ok(file)
    }

    fn refused(&self, problem: &str) -> Failure {
        self.input.refused(problem)
    }

    fn lines(&self) -> Result<impl Iterator<Item = (usize, io::Result<Vec<u8>>)>, Failure> {
        let unreadable =
            |error: io::Error| Failure::usage(format!("cannot read {}: {error}", self.input.shown));
        let file = File::open(&self.input.path).map_err(unreadable)?;
        let lines = BufReader::new(file).split(b'\n');
        Ok(lines.enumerate().map(|(index, line)| (index + 1, line)))
    }

    fn check_header(&self, line: &[u8]) -> Result<(), Failure> {
        let header: ExportHeader = object(line).map_err(|_| {
            self.refused("not an export of `kanban export`")
                .with_hint("without `--format` the format is found from the content")
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

    fn findings(&self) -> &Findings {
        &self.findings
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
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| format!("column {}: {}", error.column().max(1), json_problem(&error)))?;
    if !value.is_object() {
        return Err("expected a JSON object".to_owned());
    }
    serde_json::from_value(value).map_err(|error| error.to_string())
}
