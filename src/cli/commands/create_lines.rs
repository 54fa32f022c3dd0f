//! `kanban create --from-jsonl`: a create request per line.
//!
//! Lines are sent in batches, in their order; each stands alone. The first that is refused ends it and is named; those before
//! it stay.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use crate::api::client::Client;
use crate::cli::commands::Ended;
use crate::cli::commands::create::line_of;
use crate::cli::commands::create_warnings::with_warnings;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::tasks::with_skill_list;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::limits::REQUEST_BYTES_MAX;
use crate::kernel::verbs::{CreateReply, CreateTask, CreateTasks, CreateTasksReply};

/// Lines and bytes of one batch. The daemon remembers the reply of each for a day, bodies included.
const BATCH_LINES: usize = 200;
const BATCH_BYTES: usize = 1024 * 1024;

/// Bytes of one line; a request has to hold it.
const LINE_BYTES_MAX: usize = REQUEST_BYTES_MAX - 1024;

/// Runs it.
///
/// # Errors
/// A file that cannot be read, or no daemon. A refused line is told too, after what was created.
pub(super) fn run(file: &Path, session: &mut Session) -> Ended {
    let mut lines = Lines::open(file, session)?;
    let client = session.client()?;
    let mut created = Vec::new();
    let ended = loop {
        match lines.batch(session.board.as_deref()) {
            Ok(batch) if batch.is_empty() => break Ok(()),
            Ok(batch) => {
                if let Err(failure) = send(&client, batch, &mut created, session) {
                    break Err(failure);
                }
            }
            Err(failure) => break Err(failure),
        }
    };
    let created = with_warnings(created, &client, session)?;
    if session.output.is_json() {
        session.output.json(&created)?;
    }
    ended.map(|()| CliExit::Ok)
}

/// Sends a batch and shows what became of it.
fn send(
    client: &Client,
    batch: Vec<(usize, CreateTask)>,
    created: &mut Vec<CreateReply>,
    session: &mut Session,
) -> Result<(), Failure> {
    let (numbers, tasks): (Vec<usize>, Vec<CreateTask>) = batch.into_iter().unzip();
    let reply: CreateTasksReply = client.post("/v1/tasks/batch", &CreateTasks { tasks })?;
    for reply in reply.created {
        if !session.output.is_json() {
            session.output.line(line_of(&reply))?;
        }
        created.push(CreateReply { task: with_skill_list(reply.task), ..reply });
    }
    let Some(refused) = reply.refused else { return Ok(()) };
    let number = numbers.get(refused.index).copied().unwrap_or_default();
    let failure = Failure::refused(refused.code, format!("line {number}: {}", refused.message));
    Err(match refused.hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    })
}

/// The requests of a file.
struct Lines {
    source: Box<dyn BufRead>,
    number: usize,
    /// A line that is no request: told when those before it have been sent.
    bad: Option<Failure>,
}

impl Lines {
    fn open(path: &Path, session: &Session) -> Result<Self, Failure> {
        let source: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(session.stdin()?)
        } else {
            let file = File::open(path).map_err(|error| unreadable(path, &error))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { source, number: 0, bad: None })
    }

    /// The next requests, each with the number of its line; none at the end.
    fn batch(&mut self, board: Option<&str>) -> Result<Vec<(usize, CreateTask)>, Failure> {
        if let Some(failure) = self.bad.take() {
            return Err(failure);
        }
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH_LINES && bytes < BATCH_BYTES {
            match self.request(board) {
                Ok(Some((request, length))) => {
                    bytes += length;
                    batch.push((self.number, request));
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

    fn request(&mut self, board: Option<&str>) -> Result<Option<(CreateTask, usize)>, Failure> {
        loop {
            let mut line = Vec::new();
            let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
            let read = (&mut self.source).take(limit).read_until(b'\n', &mut line);
            self.number += 1;
            let number = self.number;
            let refused = |code, problem: String| {
                Err(Failure::refused(code, format!("line {number}: {problem}")))
            };
            match read {
                Ok(0) => return Ok(None),
                Ok(LINE_BYTES_MAX) => {
                    let problem = format!("is too large: more than {LINE_BYTES_MAX} bytes");
                    return refused(ErrorCode::TooLarge, problem);
                }
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(length) => match serde_json::from_slice::<CreateTask>(&line) {
                    Ok(mut request) => {
                        if request.board.is_none() {
                            request.board = board.map(str::to_owned);
                        }
                        return Ok(Some((request, length)));
                    }
                    Err(error) => return refused(ErrorCode::BadRequest, without_place(&error)),
                },
                Err(error) => return refused(ErrorCode::BadRequest, error.to_string()),
            }
        }
    }
}

/// A line has a number already.
fn without_place(error: &serde_json::Error) -> String {
    let (text, place) = (error.to_string(), format!(" at line 1 column {}", error.column()));
    text.strip_suffix(&place).map_or_else(|| text.clone(), str::to_owned)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {error}", path.display()))
}
