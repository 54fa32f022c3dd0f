//! The requests of a file: one JSON object per line, or one JSON array of objects, as other programs write their lists.
//!
//! A byte order mark before them is passed over. What is no object is refused by its place: a list of values would be taken
//! field by field, whatever they mean.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use serde_json::Value;

use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::REQUEST_BYTES_MAX;
use crate::kernel::verbs::CreateTask;

/// Requests and bytes of one batch. The daemon remembers the reply of each for a day, bodies included.
const BATCH_REQUESTS: usize = 200;
const BATCH_BYTES: usize = 1024 * 1024;

/// Bytes of one line; a request has to hold it.
const LINE_BYTES_MAX: usize = REQUEST_BYTES_MAX - 1024;

/// Bytes of an array, which is read as a whole.
const ARRAY_BYTES_MAX: u64 = 64 * 1024 * 1024;

const HINT: &str =
    "give one JSON object per line, or one array of objects; fields: title, body, assignee, …";

/// Where the next request comes from.
enum Shape {
    Lines(Box<dyn BufRead>),
    Array(std::vec::IntoIter<Value>),
}

/// The requests of a file.
pub(super) struct Source {
    shape: Shape,
    number: usize,
    /// A request that is none: told when those before it have been sent.
    bad: Option<Failure>,
}

impl Source {
    /// Opens a file, `-` for stdin.
    ///
    /// # Errors
    /// It cannot be read, or is in another encoding than UTF-8.
    pub(super) fn open(path: &Path, session: &Session) -> Result<Self, Failure> {
        let unreadable = |error: &std::io::Error| {
            Failure::usage(format!("cannot read {}: {error}", path.display()))
        };
        let mut input: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(session.stdin()?)
        } else {
            let file = File::open(path).map_err(|error| unreadable(&error))?;
            Box::new(BufReader::new(file))
        };
        // A folder can be opened, and says what it is when it is read: as the first line.
        let first = input.fill_buf().unwrap_or_default();
        if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
            let message = format!("{} is in UTF-16", path.display());
            return Err(Failure::refused(ErrorCode::BadRequest, message)
                .with_hint("save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8"));
        }
        let mark: &[u8] = b"\xef\xbb\xbf";
        let marked = if first.starts_with(mark) { mark.len() } else { 0 };
        let is_array = first.get(marked..).unwrap_or_default().trim_ascii_start().starts_with(b"[");
        input.consume(marked);
        let shape =
            if is_array { Shape::Array(array(input)?.into_iter()) } else { Shape::Lines(input) };
        Ok(Self { shape, number: 0, bad: None })
    }

    /// The next requests, each with its place in the file; none at the end.
    ///
    /// # Errors
    /// The first is no request.
    pub(super) fn batch(
        &mut self,
        board: Option<&str>,
    ) -> Result<Vec<(String, CreateTask)>, Failure> {
        if let Some(failure) = self.bad.take() {
            return Err(failure);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_REQUESTS && bytes < BATCH_BYTES {
            match self.request(board) {
                Ok(Some((request, length))) => {
                    bytes += length;
                    batch.push((self.location(), request));
                }
                Ok(None) => break,
                Err(failure) if batch.is_empty() => return Err(failure),
                Err(failure) => {
                    self.bad = Some(failure);
                    break;
                }
            }
        }
        Ok(batch)
    }

    fn location(&self) -> String {
        let word = match self.shape {
            Shape::Lines(_) => "line",
            Shape::Array(_) => "element",
        };
        format!("{word} {}", self.number)
    }

    fn request(&mut self, board: Option<&str>) -> Result<Option<(CreateTask, usize)>, Failure> {
        let read = match &mut self.shape {
            Shape::Array(values) => {
                self.number += 1;
                Ok(values.next().map(|value| (value, 0)))
            }
            Shape::Lines(input) => next_line(input, &mut self.number),
        };
        let refused = |code, problem: String| {
            Failure::refused(code, format!("{}: {problem}", self.location())).with_hint(HINT)
        };
        let (value, length) = match read {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err((code, problem)) => return Err(refused(code, problem)),
        };
        let length = if length > 0 { length } else { value.to_string().len() };
        let mut request = task(value).map_err(|problem| refused(ErrorCode::BadRequest, problem))?;
        if request.board.is_none() {
            request.board = board.map(str::to_owned);
        }
        Ok(Some((request, length)))
    }
}

/// All elements of an array.
fn array(input: Box<dyn BufRead>) -> Result<Vec<Value>, Failure> {
    let refused = |code, message: String| Failure::refused(code, message).with_hint(HINT);
    let mut text = Vec::new();
    let read = input.take(ARRAY_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| refused(ErrorCode::BadRequest, format!("line 1: {error}")))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > ARRAY_BYTES_MAX {
        let message = format!("the array is too large: more than {ARRAY_BYTES_MAX} bytes");
        return Err(refused(ErrorCode::TooLarge, message));
    }
    serde_json::from_slice(&text)
        .map_err(|error| refused(ErrorCode::BadRequest, format!("line {}: {error}", error.line())))
}

/// The next line that is not blank, and its length.
fn next_line(
    input: &mut impl BufRead,
    number: &mut usize,
) -> Result<Option<(Value, usize)>, (ErrorCode, String)> {
    loop {
        let mut line = Vec::new();
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = input.take(limit).read_until(b'\n', &mut line);
        *number += 1;
        match read {
            Ok(0) => return Ok(None),
            Ok(LINE_BYTES_MAX) => {
                let problem = format!("is too large: more than {LINE_BYTES_MAX} bytes");
                return Err((ErrorCode::TooLarge, problem));
            }
            Ok(_) if line.trim_ascii().is_empty() => {}
            Ok(length) => {
                let read = serde_json::from_slice(line.trim_ascii_end());
                return read
                    .map(|value| Some((value, length)))
                    .map_err(|error| (ErrorCode::BadRequest, without_position(&error)));
            }
            Err(error) => return Err((ErrorCode::BadRequest, error.to_string())),
        }
    }
}

fn task(value: Value) -> Result<CreateTask, String> {
    let kind = match &value {
        Value::Object(_) => {
            return serde_json::from_value(value).map_err(|error| error.to_string());
        }
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(format!("invalid type: {kind}, expected one JSON object"))
}

/// A line has a number already, and keeps the column.
fn without_position(error: &serde_json::Error) -> String {
    let (text, location) = (error.to_string(), format!(" at line 1 column {}", error.column()));
    let problem = text.strip_suffix(&location).map_or_else(|| text.clone(), str::to_owned);
    format!("column {}: {problem}", error.column().max(1))
}
