//! The file of an import: where it is, and what it is by its content.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::commands::import::location::Text;
use crate::cli::failure::Failure;
use crate::cli::files::PrivateDir;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;

/// Bytes of a list of tasks, which is read as a whole.
const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes from which the kind of a file is recognized.
const HEAD_BYTES: usize = 64 * 1024;

/// Some programs write it before UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Output of `kanban export`
    Export,
    /// One JSON object per line
    Jsonl,
    /// A JSON array of objects
    Json,
    /// Comma-, semicolon- or tab-separated values with a header
    Csv,
    /// Output of `gh issue list --json …`
    Github,
    /// JSON export of a Trello board
    Trello,
    /// Markdown task list
    Markdown,
}

impl Format {
    /// Part of what a task is recognized by at a second import.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Export => "kanban",
            Self::Jsonl | Self::Json => "json",
            Self::Csv => "csv",
            Self::Github => "github",
            Self::Trello => "trello",
            Self::Markdown => "markdown",
        }
    }
}

/// A file that can be read several times.
#[derive(Debug)]
pub(super) struct Input {
    /// Where it is.
    pub(super) path: PathBuf,
    /// What it was called.
    pub(super) shown: String,
    _spooled: Option<PrivateDir>,
}

impl Input {
    /// The file at `path`, or stdin for `-`: a pipe can be read once, so it is kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn open(path: &Path, session: &Session) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        if path != Path::new("-") {
            return Ok(Self { path: path.to_owned(), shown, _spooled: None });
        }
        let failed = |error: io::Error| Failure::usage(format!("cannot read stdin: {error}"));
        let folder = PrivateDir::new("kanban-import").map_err(failed)?;
        let path = folder.path().join("input");
        let mut file = File::create(&path).map_err(failed)?;
        io::copy(&mut session.stdin()?, &mut file).map_err(failed)?;
        Ok(Self { path, shown, _spooled: Some(folder) })
    }

    /// What the file is: as given, else by its content. None when it is unknown.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn format(&self, given: Option<Format>) -> Result<Option<Format>, Failure> {
        if given.is_some() {
            return Ok(given);
        }
        let mut head = Vec::new();
        let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
        let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut head).map_err(|error| self.unreadable(&error))?;
        Ok(recognize(&head))
    }

    /// The text of a list of tasks.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is not UTF-8.
    pub(super) fn text(&self) -> Result<String, Failure> {
        let file = File::open(&self.path).map_err(|error| self.unreadable(&error))?;
        let mut bytes = Vec::new();
        file.take(LIST_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreadable(&error))?;
        if bytes.len() as u64 > LIST_BYTES_MAX {
            let message = format!("{} is too large: more than {LIST_BYTES_MAX} bytes", self.shown);
            return Err(Failure::refused(ErrorCode::TooLarge, message));
        }
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(self
                .refused("is in UTF-16")
                .with_hint("save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8"));
        }
        let marked = bytes.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec).unwrap_or(bytes);
        String::from_utf8(marked).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
            let before = String::from_utf8_lossy(before.unwrap_or_default()).into_owned();
            let at = Text::new(&before).at(before.len());
            self.refused(&at.says("is not UTF-8"))
                .with_hint("convert it, for example: iconv -f ISO-8859-1 -t UTF-8")
        })
    }

    pub(super) fn refused(&self, problem: &str) -> Failure {
        Failure::refused(ErrorCode::InvalidValue, format!("{}: {problem}", self.shown))
    }

    /// It is nothing that can be imported.
    pub(super) fn unknown(&self) -> Failure {
        let head = std::fs::read(&self.path).unwrap_or_default();
        if head.trim_ascii().is_empty() {
            return self.refused("is empty");
        }
        if head.starts_with(b"SQLite format 3") {
            return self.refused("is a database").with_hint(
                "use `kanban import hermes PATH` for a database of Hermes, `kanban restore` for one of kanband",
            );
        }
        self.refused("no list of tasks: its format is not recognized").with_hint(
            "an export, JSON lines, a JSON array, CSV with a column `title`, issues of `gh`, a board of Trello or a \
             Markdown task list; `--format` forces one",
        )
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        Failure::usage(format!("cannot read {}: {error}", self.shown))
    }
}

/// What a file is by how it begins.
fn recognize(head: &[u8]) -> Option<Format> {
    let head = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    match text.chars().next()? {
        '[' if is_task_line(text.lines().next().unwrap_or_default()) => Some(Format::Markdown),
        '[' => Some(if is_github(text) { Format::Github } else { Format::Json }),
        '{' => Some(of_object(text)),
        _ if text.lines().any(is_task_line) => Some(Format::Markdown),
        _ if super::csv_items::has_title_column(text) => Some(Format::Csv),
        _ => None,
    }
}

/// A line that stands for a task in a list: `- [ ] …`, also without the dash.
fn is_task_line(line: &str) -> bool {
    super::markdown::task_of(line).is_some()
}

/// An object is the header of an export, a whole board of Trello, or the first of many lines.
fn of_object(text: &str) -> Format {
    let first: Option<Value> = text.lines().next().and_then(|line| serde_json::from_str(line).ok());
    match first {
        Some(value) if value.get("kanban_export").is_some() => Format::Export,
        // A record of an export whose header is missing.
        Some(value) if value.get("task").is_some_and(Value::is_object) => Format::Export,
        Some(value) if value.get("cards").is_none() => Format::Jsonl,
        // Its lists and cards may stand far behind the beginning; a list of tasks has an object on each line.
        Some(_) | None => Format::Trello,
    }
}

/// Issues have fields that only GitHub writes, together.
fn is_github(text: &str) -> bool {
    let head: String = text.chars().take(4096).collect();
    let has = |key: &str| head.contains(&format!("\"{key}\""));
    has("title")
        && (head.contains("github.com/")
            || has("stateReason")
            || (has("number") && (has("labels") || has("assignees") || has("state"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_recognized_by_its_content() {
        for (text, expected) in [
            ("{\"kanban_export\":1,\"board\":\"default\"}\n", Some(Format::Export)),
            ("{\"task\":{\"id\":\"t_1\"},\"runs\":[]}\n", Some(Format::Export)),
            ("{\"title\":\"a\"}\n{\"title\":\"b\"}\n", Some(Format::Jsonl)),
            ("\u{feff}{\"title\":\"a\"}\n", Some(Format::Jsonl)),
            ("[{\"title\":\"a\"}]", Some(Format::Json)),
            ("[{\"number\":1,\"state\":\"OPEN\",\"title\":\"a\"}]", Some(Format::Github)),
            (
                "[{\"title\":\"a\",\"url\":\"https://github.com/a/b/issues/1\"}]",
                Some(Format::Github),
            ),
            ("{\"id\":\"5f\",\"name\":\"Board\",\"lists\":[],\"cards\":[]}", Some(Format::Trello)),
            ("{\n  \"id\": \"5f\",\n  \"name\": \"Board\"", Some(Format::Trello)),
            ("# Plan\n\n- [ ] one\n  - [x] two\n", Some(Format::Markdown)),
            ("* [X] one", Some(Format::Markdown)),
            ("[ ] one", Some(Format::Markdown)),
            ("title,status\na,todo\n", Some(Format::Csv)),
            ("\u{feff}ID;Name;Tags\n1;a;b\n", Some(Format::Csv)),
            ("\"Summary\"\t\"Status\"\n", Some(Format::Csv)),
            ("buy milk\nbuy bread\n", None),
            ("", None),
        ] {
            assert_eq!(recognize(text.as_bytes()), expected, "{text}");
        }
    }
}
