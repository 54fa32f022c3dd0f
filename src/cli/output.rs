//! Output of a command: data on stdout, everything else on stderr.
//!
//! On a terminal, lists are cut to its width and times come with ages; through a pipe every line is whole and the same
//! whenever it is written. There are no colours: whatever a line means, its words say. `--json` writes one JSON value,
//! indented by two blanks ([`crate::text::json`]).
//!
//! Every line passes through [`crate::text::terminal`] here, even if a command has not sanitized its parts. Only
//! [`Output::raw`] writes bytes unchanged.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::cli::failure::Failure;
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

/// Where a command writes.
pub struct Output {
    reader: Reader,
    data: Box<dyn Write>,
    notes: Box<dyn Write>,
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
            data: Box::new(captured.out.clone()),
            notes: Box::new(captured.err.clone()),
        };
        (output, captured)
    }

    /// The process's own streams.
    pub fn of_process(is_json: bool) -> Self {
        let stdout = io::stdout();
        let reader = if is_json {
            Reader::Program
        } else if stdout.is_terminal() {
            Reader::Person { columns: terminal::columns(&stdout).unwrap_or(COLUMNS_UNKNOWN) }
        } else {
            Reader::Pipe
        };
        Self { reader, data: Box::new(BufWriter::new(stdout)), notes: Box::new(io::stderr()) }
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
            self.data.write_all(line.as_bytes())?;
        } else {
            self.data.write_all(lines(line).as_bytes())?;
        }
        self.data.write_all(b"\n")?;
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
        Ok(self.data.write_all(bytes)?)
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
        drop(writeln!(self.notes, "{}", lines(line)));
    }

    /// Hands over what is still held back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.data.flush()?)
    }
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
