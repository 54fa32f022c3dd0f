//! Output of a command: data on stdout, everything else on stderr.
//!
//! On a terminal, lists are cut to its width and times come with ages; through a pipe every line is whole and the same
//! whenever it is written. Colours repeat what the words say ([`crate::cli::style`]). `--json` writes one JSON value, indented by two
//! blanks ([`crate::text::json`]).
//!
//! Every line passes through [`crate::text::terminal`] here, even if a command has not sanitized its parts. Only
//! [`Output::raw`] writes bytes unchanged. What a command wants to be read in a pager is held until it ends ([`Output::page`]).

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::cli::pager;
use crate::cli::style::{ColourChoice, Line, Style};
use crate::config::Ambient;
use crate::os::host::terminal;
use crate::text::{json, terminal::lines};

/// Columns of a terminal that does not say how wide it is.
const COLUMNS_UNKNOWN: usize = 80;

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A person at a terminal of this many columns.
    Person {
        /// Columns.
        columns: usize,
    },
    /// A pipe or a file, in words.
    Pipe,
    /// A program, as JSON.
    Program,
}

/// What the command line and the environment say about output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// `--json`.
    pub is_json: bool,
    /// `--color`.
    pub colour: ColourChoice,
    /// `--no-pager`.
    pub no_pager: bool,
}

/// Where a command writes.
pub struct Output {
    reader: Reader,
    style: Style,
    data: Box<dyn Write>,
    notes: Box<dyn Write>,
    notes_style: Style,
    notes_are_seen: bool,
    may_page: bool,
    /// Lines for the pager.
    held: Option<Vec<u8>>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// What was written to a captured output.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    out: Shared,
    err: Shared,
}

impl Captured {
    /// The data.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Everything else.
    pub fn err(&self) -> String {
        self.err.text()
    }
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    /// An output that is kept, for callers that pass it on.
    pub fn captured(is_json: bool) -> (Self, Captured) {
        let captured = Captured::default();
        let output = Self {
            reader: if is_json { Reader::Program } else { Reader::Pipe },
            style: Style::default(),
            data: Box::new(captured.out.clone()),
            notes: Box::new(captured.err.clone()),
            notes_style: Style::default(),
            notes_are_seen: false,
            may_page: false,
            held: None,
        };
        (output, captured)
    }

    /// The process's own streams.
    pub fn of_process(wanted: Wanted) -> Self {
        // Also of a call that ends before its surroundings are read as a whole, or because they cannot be.
        let variable = |name: &str| std::env::var(name).ok();
        let stdout = io::stdout();
        let reader = if wanted.is_json {
            Reader::Program
        } else if stdout.is_terminal() {
            Reader::Person { columns: terminal::columns(&stdout).unwrap_or(COLUMNS_UNKNOWN) }
        } else {
            Reader::Pipe
        };
        let is_person = matches!(reader, Reader::Person { .. });
        let style = match reader {
            Reader::Program => Style::default(),
            Reader::Person { .. } | Reader::Pipe => Style::of(wanted.colour, is_person, variable),
        };
        Self {
            reader,
            style,
            data: Box::new(BufWriter::new(stdout)),
            notes_style: Style::of(wanted.colour, io::stderr().is_terminal(), variable),
            notes: Box::new(io::stderr()),
            notes_are_seen: io::stderr().is_terminal(),
            // A program that works on a task would wait in it for a key.
            may_page: is_person
                && !wanted.no_pager
                && variable("KANBAN_RUN").is_none()
                && variable("TERM").is_some_and(|name| name != "dumb"),
            held: None,
        }
    }

    /// Writes JSON from now on, as with `--json`.
    pub fn make_json(&mut self) {
        self.reader = Reader::Program;
        self.style = Style::default();
    }

    /// Writes as into a pipe from now on, where the output is read by a program although it is no JSON.
    pub fn make_pipe(&mut self) {
        self.reader = Reader::Pipe;
        self.style = Style::default();
    }

    /// Holds what is written until the command ends, to show it in a pager when it is longer than the terminal.
    pub fn page(&mut self) {
        if self.may_page && self.columns().is_some() && self.held.is_none() {
            self.held = Some(Vec::new());
        }
    }

    /// Whether `--json` was asked for.
    pub fn is_json(&self) -> bool {
        self.reader == Reader::Program
    }

    /// Columns of the terminal; none when nobody sits at one.
    pub fn columns(&self) -> Option<usize> {
        match self.reader {
            Reader::Person { columns } => Some(columns),
            Reader::Pipe | Reader::Program => None,
        }
    }

    /// Writes a line of data.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn line(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        let line = line.as_ref();
        if self.is_json() {
            self.write(line.as_bytes())?;
            return self.write(b"\n");
        }
        self.styled(&Line::from(line.to_owned()))
    }

    /// Writes a line of data whose pieces have meanings.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn styled(&mut self, line: &Line) -> Result<(), Failure> {
        let rendered = self.style.render(&seen(line));
        self.write(rendered.as_bytes())?;
        self.write(b"\n")
    }

    /// How lines are written to stderr.
    pub fn notes_style(&self) -> Style {
        self.notes_style
    }

    /// Whether a person sees stderr, and may be shown there what takes long.
    pub fn shows_progress(&self) -> bool {
        !self.is_json() && self.notes_are_seen
    }

    /// How lines are written to stdout.
    pub fn style(&self) -> Style {
        self.style
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.held {
            Some(held) => held.extend_from_slice(bytes),
            None => self.data.write_all(bytes)?,
        }
        Ok(())
    }

    /// Writes a line of data that is to be seen at once.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn line_now(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        self.line(line)?;
        self.finish()
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write(bytes)
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let json = json::to_string_pretty(value)
            .map_err(|error| Failure::fault(format!("cannot print the reply: {error}")))?;
        self.line(json)
    }

    /// Writes a line to stderr. Nobody can be told when that fails.
    pub fn complain(&mut self, line: &str) {
        self.complain_styled(&Line::from(line.to_owned()));
    }

    /// The same for a line whose pieces have meanings.
    pub fn complain_styled(&mut self, line: &Line) {
        drop(writeln!(self.notes, "{}", self.notes_style.render(&seen(line))));
    }

    /// Hands over what is still held back, but for what waits for the pager.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.data.flush()?)
    }

    /// The same at the end of a command: what waits for the pager is shown.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn close(&mut self, ambient: &Ambient) -> Result<(), Failure> {
        if let Some(text) = self.held.take() {
            let rows = terminal::rows(io::stdout()).unwrap_or_default();
            let is_long = text.iter().filter(|byte| **byte == b'\n').count() >= rows.max(1);
            if !is_long || !pager::page(&text, ambient) {
                self.data.write_all(&text)?;
            }
        }
        self.finish()
    }
}

/// A line without hidden characters.
pub fn seen(line: &Line) -> Line {
    let mut seen = Line::default();
    for (tone, text) in line.pieces() {
        seen.push(*tone, lines(text));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_reaches_a_terminal_unseen() {
        let (mut output, streams) = Output::captured(false);
        output.line("a\u{1b}[2Jb\n\tc\u{202e}").unwrap();
        output.complain("d\u{9b}e");
        output.finish().unwrap();
        assert_eq!(streams.out(), "a\u{fffd}[2Jb\n\tc\u{fffd}\n");
        assert_eq!(streams.err(), "d\u{fffd}e\n");
    }

    #[test]
    fn json_is_indented_and_keeps_every_character_that_is_seen() {
        let (mut output, streams) = Output::captured(true);
        output.json(&serde_json::json!({"title": "Größe ✓\u{9b}"})).unwrap();
        output.finish().unwrap();
        assert_eq!(streams.out(), "{\n  \"title\": \"Größe ✓\\u009b\"\n}\n");
    }
}
