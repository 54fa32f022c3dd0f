//! A file that `kanban export` has written: a header line, then a task per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::cli::commands::import::Source;
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::transfer::record::{ExportHeader, FORMAT_VERSION, TaskRecord};

pub(super) struct ExportFile {
    path: PathBuf,
    shown: String,
    links: Vec<(String, String)>,
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
        let mut file = Self { path, shown, links: Vec::new(), _spooled: spooled };
        let mut links = Vec::new();
        let mut count = 0;
        file.each(&mut |record| {
            count += 1;
            let child = record.task.id;
            links.extend(record.parents.into_iter().map(|parent| (parent, child.clone())));
            Ok(())
        })?;
        file.links = links;
        Ok(file)
    }

    fn refused(&self, problem: &str) -> Failure {
        Failure::refused(ErrorCode::InvalidValue, format!("{}: {problem}", self.shown))
    }

    fn lines(&self) -> Result<impl Iterator<Item = (usize, io::Result<Vec<u8>>)>, Failure> {
        let unreadable =
            |error: io::Error| Failure::usage(format!("{} cannot be read: {error}", self.shown));
        let file = File::open(&self.path).map_err(unreadable)?;
        let lines = BufReader::new(file).split(b'\n');
        Ok(lines.enumerate().map(|(index, line)| (index + 1, line)))
    }

    fn check_header(&self, line: &[u8]) -> Result<(), Failure> {
        let header: ExportHeader = serde_json::from_slice(line).map_err(|_| {
            self.refused("this is not what `kanban export` writes")
                .with_hint("a board file of Hermes is imported by `kanban import hermes PATH`")
        })?;
        if header.kanban_export != FORMAT_VERSION {
            let told = format!(
                "is of format {}, this program reads {FORMAT_VERSION}",
                header.kanban_export
            );
            return Err(self.refused(&told));
        }
        Ok(())
    }
}

impl Source for ExportFile {
    fn kind(&self) -> &'static str {
        "kanban"
    }

    fn each(&self, take: &mut dyn FnMut(TaskRecord) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut has_header = false;
        for (number, line) in self.lines()? {
            let line = line.map_err(|error| self.refused(&format!("line {number}: {error}")))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            if !has_header {
                self.check_header(&line)?;
                has_header = true;
                continue;
            }
            let record = crate::kernel::json::from_slice(&line)
                .map_err(|error| self.refused(&format!("line {number}: {error}")))?;
            take(record)?;
        }
        if has_header { Ok(()) } else { Err(self.refused("is empty")) }
    }

    fn links(&self) -> Vec<(String, String)> {
        self.links.clone()
    }

    fn notes(&self) -> &[String] {
        &[]
    }
}

/// A pipe can be read once, so it is kept.
fn spool(session: &Session) -> Result<(PathBuf, PrivateDir), Failure> {
    let failed = |error: io::Error| Failure::usage(format!("stdin cannot be read: {error}"));
    let folder = PrivateDir::new("kanban-import").map_err(failed)?;
    let path = folder.path().join("export.jsonl");
    let mut file = File::create(&path).map_err(failed)?;
    io::copy(&mut session.stdin()?, &mut file).map_err(failed)?;
    Ok((path, folder))
}
