//! `kanban log`.

use serde::Serialize;

use crate::api::client::{ClientError, RawReply, task_path};
use crate::api::{LOG_OMITTED_HEADER, LOG_RUN_HEADER};
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, Surface};
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
  kanban log t_1a2b3c4d --follow
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
    /// Keep printing new output until the run ends or Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Write the bytes unchanged even to a terminal, including the worker's control sequences
    #[arg(long)]
    raw: bool,
}

#[derive(Debug, Serialize)]
struct Query<'a> {
    run: Option<RunId>,
    tail: Option<u64>,
    follow: bool,
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
        board: board.as_deref(),
    };
    if arguments.follow {
        return follow(&id, &path, &query, session, arguments.raw);
    }
    let reply = session.client()?.get_raw(&path, &query).map_err(|error| no_log(&id, error))?;
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

fn follow(id: &str, path: &str, query: &Query<'_>, session: &mut Session, is_raw: bool) -> Ended {
    if session.output.is_json() {
        return Err(Failure::usage("log --follow prints plain text; omit --json"));
    }
    let mut shown = (!is_as_written(session, is_raw)).then(text::Stream::default);
    let client = session.client()?;
    let mut reply = client.download(path, query).map_err(|error| no_log(id, error))?;
    while let Some(piece) = reply.piece()? {
        match &mut shown {
            Some(stream) => session.output.raw(stream.push(&piece).as_bytes())?,
            None => session.output.raw(&piece)?,
        }
        session.output.finish()?;
    }
    if let Some(mut stream) = shown {
        session.output.raw(stream.finish().as_bytes())?;
    }
    Ok(CliExit::Ok)
}

fn header<T: std::str::FromStr>(reply: &RawReply, name: &str) -> Option<T> {
    reply.headers.get(name)?.to_str().ok()?.parse().ok()
}
