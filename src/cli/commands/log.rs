//! `kanban log`.

mod following;
mod shown;

use serde::Serialize;

use crate::api::client::{ClientError, LogFrames, RawReply, task_path};
use crate::api::{LOG_OMITTED_HEADER, LOG_RUN_HEADER, LOG_TIMES_HEADER};
use crate::cli::arguments::point_in_time;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, Surface};
use crate::cli::task_arg::TaskArg;
use crate::cli::text;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::shorten::shorten;
use shown::Shown;

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
  kanban log t_1a2b3c4d --timestamps --since 10m
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
    #[arg(
        short = 'n',
        long,
        value_name = "N",
        allow_negative_numbers = true,
        conflicts_with = "tail"
    )]
    lines: Option<usize>,
    /// Only output since this time: a time (2026-05-01 09:00), a date, an age (10m, 2h ago) or epoch seconds
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    since: Option<String>,
    /// Print before each line when it was written: to the second at first, to a thousandth of the run's age later
    #[arg(short, long)]
    timestamps: bool,
    /// Keep printing new output until the run ends or Ctrl-C; goes on after a restart of the daemon
    #[arg(long, short)]
    follow: bool,
    /// Write the bytes unchanged even to a terminal, including the worker's control sequences
    #[arg(long)]
    raw: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Query<'a> {
    run: Option<RunId>,
    tail: Option<u64>,
    since: Option<EpochSeconds>,
    follow: bool,
    from: Option<u64>,
    /// Left out where it is not asked for: a daemon of before does not know it, see [`in_frames_if_known`].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    framed: bool,
    board: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Printed<'a> {
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
    let times = session.times();
    let since = arguments.since.as_deref();
    let since = since.map(|text| point_in_time("--since", text, &times)).transpose()?;
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "log")?;
    let board = session.board.clone();
    let query = Query {
        run: arguments.run,
        tail: arguments.tail,
        since,
        follow: arguments.follow,
        from: None,
        framed: arguments.follow || since.is_some() || arguments.timestamps,
        board: board.as_deref(),
    };
    if arguments.follow {
        return following::follow(&id, &path, query, arguments, session);
    }
    let Log { run_id, mut content, omitted_bytes } = read(&id, &path, &query, arguments, session)?;
    if let Some(lines) = arguments.lines {
        content = last_lines(&content, lines).to_vec();
    }
    if session.output.is_json() {
        let content = String::from_utf8_lossy(&content).into_owned();
        session.output.json(&Printed { id: &id, run_id, content, omitted_bytes })?;
        return Ok(CliExit::Ok);
    }
    session.output.page();
    if is_as_written(session, arguments.raw) {
        session.output.raw(&content)?;
    } else {
        session.output.raw(text::log(&content).as_bytes())?;
    }
    if content.last().is_some_and(|byte| *byte != b'\n') {
        session.output.raw(b"\n")?;
    }
    Ok(CliExit::Ok)
}

/// A log as it is now.
struct Log {
    run_id: Option<RunId>,
    content: Vec<u8>,
    omitted_bytes: u64,
}

fn read(
    id: &str,
    path: &str,
    query: &Query<'_>,
    arguments: &Arguments,
    session: &mut Session,
) -> Result<Log, Failure> {
    let (client, mut query) = (session.client()?, *query);
    let reply = in_frames_if_known(&mut query, |query| client.get_raw(path, query));
    let reply = reply.map_err(|error| no_log(id, error))?;
    let run_id = header(&reply, LOG_RUN_HEADER);
    let omitted_bytes = header(&reply, LOG_OMITTED_HEADER).unwrap_or_default();
    if arguments.timestamps {
        let has_times = header(&reply, LOG_TIMES_HEADER);
        warn_without_times(run_id, has_times, query.framed, session);
    }
    if !query.framed {
        return Ok(Log { run_id, content: reply.body.to_vec(), omitted_bytes });
    }
    let mut shown = Shown::new(arguments.timestamps, session);
    let frames = LogFrames::default().push(&reply.body)?;
    let content = frames.iter().flat_map(|frame| shown.text(frame)).collect();
    Ok(Log { run_id, content, omitted_bytes })
}

/// Asks for a log, and once more without frames where the daemon is one of before that does not know them.
fn in_frames_if_known<T>(
    query: &mut Query<'_>,
    ask: impl Fn(&Query<'_>) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let is_unknown = |error: &ClientError| match error {
        ClientError::Refused(detail) => detail.message.contains("unknown field `framed`"),
        _ => false,
    };
    match ask(query) {
        Err(error) if query.framed && is_unknown(&error) => {
            query.framed = false;
            ask(query)
        }
        answer => answer,
    }
}

/// Says once that a log is printed without the times that were asked for.
fn warn_without_times(
    run_id: Option<RunId>,
    has_times: Option<bool>,
    is_framed: bool,
    session: &mut Session,
) {
    let why = match (is_framed, has_times) {
        (false, _) => "the daemon is older than this program and sends none",
        (true, Some(false)) => "it was begun before this version, or they could not be written",
        (true, Some(true) | None) => return,
    };
    let of_run = run_id.map(|run| format!(" of run {run}")).unwrap_or_default();
    session.output.complain(&format!("warning: the log{of_run} has no times: {why}"));
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
