//! `kanban log`.

use std::time::Duration;

use serde::Serialize;

use crate::api::client::seen::Run;
use crate::api::client::{Client, ClientError, RawReply, task_path};
use crate::api::{LOG_FIRST_HEADER, LOG_OMITTED_HEADER, LOG_POSITION_HEADER, LOG_RUN_HEADER};
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::follow::Follower;
use crate::cli::session::{OnBoard, Session, Surface};
use crate::cli::task_arg::TaskArg;
use crate::cli::text;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::RunId;
use crate::kernel::shorten::shorten;

/// Print the log of a run.
///
/// Prints the worker's output of the newest run with a log, or of the given run. Only the beginning and the end of a
/// long log are kept. On a terminal, colours are removed and other control characters replaced; to a pipe or a file,
/// and with --raw, the bytes are written unchanged. Secrets appear as `[redacted]`; `kanban profiles check NAME` lists
/// them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban log t_1a2b3c4d
  kanban log t_1a2b3c4d --follow --lines 20
  kanban log t_1a2b3c4d --run 17 --tail 4096")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Run id, as shown by `kanban runs`
    #[arg(long, value_name = "RUN", allow_negative_numbers = true)]
    run: Option<RunId>,
    /// Only the last BYTES bytes
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    tail: Option<u64>,
    /// Only the last N lines
    #[arg(short = 'n', long, value_name = "N", conflicts_with = "tail")]
    lines: Option<usize>,
    /// Keep printing new output until the run ends or Ctrl-C; goes on after a restart of the daemon
    #[arg(long, short)]
    follow: bool,
    /// Write the bytes unchanged even to a terminal, including the worker's control sequences
    #[arg(long)]
    raw: bool,
}

/// Longest time until a log is followed again that ended without news.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize)]
struct Query<'a> {
    run: Option<RunId>,
    tail: Option<u64>,
    follow: bool,
    from: Option<u64>,
    board: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    id: &'a str,
    run_id: Option<RunId>,
    content: String,
    omitted_bytes: u64,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    if arguments.raw && session.output.is_json() {
        return Err(Failure::usage("JSON holds text, not bytes; omit --raw or --json"));
    }
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "log")?;
    let board = session.board.clone();
    let query = Query {
        run: arguments.run,
        tail: arguments.tail,
        follow: arguments.follow,
        from: None,
        board: board.as_deref(),
    };
    if arguments.follow {
        return follow(&id, &path, query, arguments, session);
    }
    let mut reply = session.client()?.get_raw(&path, &query).map_err(|error| no_log(&id, error))?;
    if let Some(lines) = arguments.lines {
        reply.body = last_lines(&reply.body, lines).to_vec().into();
    }
    if session.output.is_json() {
        let shown = Shown {
            id: &id,
            run_id: header(&reply, LOG_RUN_HEADER),
            content: String::from_utf8_lossy(&reply.body).into_owned(),
            omitted_bytes: header(&reply, LOG_OMITTED_HEADER).unwrap_or_default(),
        };
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    session.output.page();
    if is_as_written(session, arguments.raw) {
        session.output.raw(&reply.body)?;
    } else {
        session.output.raw(text::log(&reply.body).as_bytes())?;
    }
    if reply.body.last().is_some_and(|byte| *byte != b'\n') {
        session.output.raw(b"\n")?;
    }
    Ok(CliExit::Ok)
}

/// Whether the bytes are written unchanged.
pub(super) fn is_as_written(session: &Session, is_raw: bool) -> bool {
    session.surface != Surface::Chat && (is_raw || session.output.columns().is_none())
}

/// A task that is not there has no log: said in these words too, as it always was.
fn no_log(id: &str, error: ClientError) -> ClientError {
    match error {
        ClientError::Refused(mut detail) if detail.code == ErrorCode::UnknownTask => {
            detail.message = format!("no log for {}: {}", shorten(id), detail.message);
            ClientError::Refused(detail)
        }
        other => other,
    }
}

/// The last `lines` lines; a line without an end counts too.
fn last_lines(text: &[u8], lines: usize) -> &[u8] {
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    // The end of the text ends its last line, it begins none.
    let mut before = ends.map(|(at, _)| at + 1).filter(|at| *at < text.len());
    let begin = match lines.checked_sub(1) {
        None => text.len(),
        Some(skipped) => before.nth(skipped).unwrap_or_default(),
    };
    text.get(begin..).unwrap_or_default()
}

/// Prints what comes until the run is over. A stream that breaks while the run goes on is opened again where it broke.
fn follow(
    id: &str,
    path: &str,
    mut query: Query<'_>,
    arguments: &Arguments,
    session: &mut Session,
) -> Ended {
    if session.output.is_json() {
        return Err(Failure::usage("log --follow prints plain text; omit --json"));
    }
    let mut shown = (!is_as_written(session, arguments.raw)).then(text::Stream::default);
    let client = session.client()?;
    let mut reply = client.download(path, &query).map_err(|error| no_log(id, error))?;
    let mut lines = arguments.lines;
    let mut is_over = false;
    loop {
        query.run = reply.header(LOG_RUN_HEADER).or(query.run);
        let mut position = reply.header::<u64>(LOG_POSITION_HEADER);
        let mut first: usize = reply.header(LOG_FIRST_HEADER).unwrap_or_default();
        let (mut begun, mut has_news) = (Vec::new(), false);
        let broken = loop {
            let piece = match reply.piece() {
                Ok(Some(piece)) => piece,
                Ok(None) => break None,
                Err(error) => break Some(error),
            };
            has_news = true;
            let of_begin = piece.len().min(first);
            first -= of_begin;
            let news = u64::try_from(piece.len() - of_begin).unwrap_or(u64::MAX);
            position = position.map(|position| position.saturating_add(news));
            match lines {
                // The last lines are known when all that was there has come.
                Some(count) => {
                    begun.extend_from_slice(&piece);
                    if first == 0 {
                        print(last_lines(&begun, count), &mut shown, session)?;
                        lines = None;
                    }
                }
                None => print(&piece, &mut shown, session)?,
            }
        };
        if let Some(count) = lines.filter(|_| !begun.is_empty()) {
            // It broke before all of that had come.
            print(last_lines(&begun, count), &mut shown, session)?;
            lines = None;
        }
        let goes_on = match (broken, position) {
            (Some(ClientError::Lost(_)) | None, Some(_)) => !is_over,
            (Some(error), _) => return Err(error.into()),
            (None, None) => false,
        };
        if !goes_on {
            break;
        }
        if !has_news {
            // A run in doubt is neither over nor followed: what becomes of it is an event of the task.
            Follower::from_now(&client, Some(id), query.board)?.next(Some(LOOK_AGAIN))?;
        }
        query.from = position;
        reply = client.download_again(path, &query).map_err(|error| no_log(id, error))?;
        // Asked before the rest is read: what is read after that is the whole.
        is_over = run_is_over(&client, id, &query)?;
    }
    if let Some(mut stream) = shown {
        session.output.raw(stream.finish().as_bytes())?;
    }
    Ok(CliExit::Ok)
}

fn print(
    piece: &[u8],
    shown: &mut Option<text::Stream>,
    session: &mut Session,
) -> Result<(), Failure> {
    match shown {
        Some(stream) => session.output.raw(stream.push(piece).as_bytes())?,
        None => session.output.raw(piece)?,
    }
    session.output.finish()
}

fn run_is_over(client: &Client, id: &str, query: &Query<'_>) -> Result<bool, Failure> {
    let on_board = OnBoard { board: query.board.map(str::to_owned) };
    let runs: Vec<Run> = client.get(&task_path(id, "runs")?, &on_board)?;
    let run = runs.iter().find(|run| Some(run.id) == query.run);
    Ok(run.is_none_or(|run| !run.is_open()))
}

fn header<T: std::str::FromStr>(reply: &RawReply, name: &str) -> Option<T> {
    reply.headers.get(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_counted_from_the_end_also_one_without_an_end() {
        for (text, lines, expected) in [
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\nc\n", 9, "a\nb\nc\n"),
            ("a\nb\nc\n", 1, "c\n"),
            ("a\nb\n", 0, ""),
            ("", 3, ""),
            ("\n\n", 1, "\n"),
        ] {
            assert_eq!(last_lines(text.as_bytes(), lines), expected.as_bytes(), "{text:?} {lines}");
        }
    }
}
