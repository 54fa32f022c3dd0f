//! What a command writes: data on stdout, everything else on stderr.
//!
//! On a terminal, lists are cut to its width and times come with ages; through a pipe every line is whole and the same
//! whenever it is written. There are no colours: whatever a line means, its words say. `--json` writes one JSON value,
//! indented by two blanks, with every character as it is.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde::Serialize;

use crate::cli::failure::Failure;
use crate::os::terminal;

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

impl Output {
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

    /// For whom it is.
    pub fn reader(&self) -> Reader {
        self.reader
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
        self.data.write_all(line.as_ref().as_bytes())?;
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
        let json = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::fault(format!("the reply cannot be shown: {error}")))?;
        self.line(json)
    }

    /// Writes a line to stderr. Nobody can be told when that fails.
    pub fn complain(&mut self, line: &str) {
        drop(writeln!(self.notes, "{line}"));
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
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What was written.
    pub(crate) struct Streams {
        out: Shared,
        err: Shared,
    }

    impl Streams {
        pub(crate) fn out(&self) -> String {
            String::from_utf8(self.out.0.lock().unwrap().clone()).unwrap()
        }

        pub(crate) fn err(&self) -> String {
            String::from_utf8(self.err.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// An output that keeps what is written.
    pub(crate) fn captured(is_json: bool) -> (Output, Streams) {
        let streams = Streams { out: Shared::default(), err: Shared::default() };
        let output = Output {
            reader: if is_json { Reader::Program } else { Reader::Pipe },
            data: Box::new(streams.out.clone()),
            notes: Box::new(streams.err.clone()),
        };
        (output, streams)
    }

    #[test]
    fn json_is_indented_and_keeps_every_character() {
        let (mut output, streams) = captured(true);
        output.json(&serde_json::json!({"title": "Größe ✓"})).unwrap();
        output.finish().unwrap();
        assert_eq!(streams.out(), "{\n  \"title\": \"Größe ✓\"\n}\n");
    }
}
