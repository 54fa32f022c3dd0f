//! A log that is followed until its run is over.

use std::time::Duration;

use super::shown::Shown;
use super::{
    Arguments, Query, in_frames_if_known, is_as_written, last_lines, no_log, warn_without_times,
};
use crate::api::client::seen::Run;
use crate::api::client::{Client, ClientError, Download, LogFrame, LogFrames, task_path};
use crate::api::{LOG_FIRST_HEADER, LOG_POSITION_HEADER, LOG_RUN_HEADER, LOG_TIMES_HEADER};
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::follow::Follower;
use crate::cli::session::{OnBoard, Session};
use crate::cli::text;
use crate::exit_codes::CliExit;

/// Longest time until a log is followed again that ended without news.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Prints what comes until the run is over. A stream that breaks while the run goes on is opened again where it broke.
pub(super) fn follow(
    id: &str,
    path: &str,
    mut query: Query<'_>,
    arguments: &Arguments,
    session: &mut Session,
) -> Ended {
    if session.output.is_json() {
        return Err(Failure::usage("log --follow prints plain text; omit --json"));
    }
    let client = session.client()?;
    let reply = in_frames_if_known(&mut query, |query| client.download(path, query));
    let mut reply = reply.map_err(|error| no_log(id, error))?;
    if arguments.timestamps {
        let run_id = reply.header(LOG_RUN_HEADER);
        warn_without_times(run_id, reply.header(LOG_TIMES_HEADER), query.framed, session);
    }
    let mut printer = Printer {
        shown: Shown::new(arguments.timestamps, session),
        stream: (!is_as_written(session, arguments.raw)).then(text::Stream::default),
        lines: arguments.lines,
        begun: Vec::new(),
    };
    let mut is_over = false;
    loop {
        query.run = reply.header(LOG_RUN_HEADER).or(query.run);
        let Heard { broken, position, has_news } =
            print_reply(&mut reply, query.framed, &mut printer, session)?;
        // It may have broken before all that was there had come.
        printer.print_begun(session)?;
        match broken {
            Some(ClientError::Lost(_)) | None => {}
            Some(error) => return Err(error.into()),
        }
        if is_over {
            break;
        }
        if !has_news && !run_is_over(&client, id, &query)? {
            // A run in doubt is neither over nor followed: what becomes of it is an event of the task.
            Follower::from_now(&client, Some(id), query.board)?.next(Some(LOOK_AGAIN))?;
        }
        query.from = position.or(query.from);
        // The daemon may be an older one meanwhile.
        let again = in_frames_if_known(&mut query, |query| client.download_again(path, query));
        reply = again.map_err(|error| no_log(id, error))?;
        // Asked before the rest is read: what is read after that is the whole.
        is_over = run_is_over(&client, id, &query)?;
    }
    if let Some(mut stream) = printer.stream {
        session.output.raw(stream.finish().as_bytes())?;
    }
    Ok(CliExit::Ok)
}

/// What came of one reply.
struct Heard {
    /// Why it ended early.
    broken: Option<ClientError>,
    /// Position behind what was printed; none when that was nothing although there was something.
    position: Option<u64>,
    has_news: bool,
}

fn print_reply(
    reply: &mut Download<'_>,
    is_framed: bool,
    printer: &mut Printer,
    session: &mut Session,
) -> Result<Heard, Failure> {
    // Bytes to come that were there when the reply began.
    let mut first: usize = reply.header(LOG_FIRST_HEADER).unwrap_or_default();
    let behind_first: Option<u64> = reply.header(LOG_POSITION_HEADER);
    let begin = behind_first.filter(|_position| first == 0);
    let mut heard = Heard { broken: None, position: begin, has_news: false };
    if first == 0 {
        printer.print_begun(session)?;
    }
    let mut form = if is_framed {
        Form::Frames(LogFrames::default())
    } else {
        Form::Text { position: behind_first.unwrap_or_default(), first }
    };
    loop {
        let piece = match reply.piece() {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok(heard),
            Err(error) => return Ok(Heard { broken: Some(error), ..heard }),
        };
        for frame in form.push(&piece)? {
            heard.has_news = true;
            first = first.saturating_sub(frame.bytes.len());
            // Without frames nothing says where one is among what was there: it is read again from its beginning.
            if is_framed || first == 0 {
                heard.position = Some(frame.position);
            }
            printer.print(&frame, first == 0, session)?;
        }
    }
}

/// How a reply is read.
enum Form {
    Frames(LogFrames),
    /// The text of a daemon that knows no frames. Its position is that behind what was there when the reply began, of which these bytes
    /// are to come, and then behind what has come.
    Text {
        position: u64,
        first: usize,
    },
}

impl Form {
    fn push(&mut self, piece: &[u8]) -> Result<Vec<LogFrame>, ClientError> {
        match self {
            Self::Frames(frames) => frames.push(piece),
            Self::Text { position, first } => {
                let news = piece.len().saturating_sub(*first);
                *first = first.saturating_sub(piece.len());
                *position = position.saturating_add(u64::try_from(news).unwrap_or(u64::MAX));
                Ok(vec![LogFrame { position: *position, time_ms: None, bytes: piece.to_vec() }])
            }
        }
    }
}

/// Prints frames.
struct Printer {
    shown: Shown,
    /// On a terminal.
    stream: Option<text::Stream>,
    /// How many lines of what was there are printed; none when they have been, or all are.
    lines: Option<usize>,
    /// What was there, until all of it has come and its last lines are known.
    begun: Vec<u8>,
}

impl Printer {
    fn print(
        &mut self,
        frame: &LogFrame,
        is_begin_over: bool,
        session: &mut Session,
    ) -> Result<(), Failure> {
        let text = self.shown.text(frame);
        if self.lines.is_none() {
            return self.write(&text, session);
        }
        self.begun.extend_from_slice(&text);
        if is_begin_over { self.print_begun(session) } else { Ok(()) }
    }

    /// Prints the last lines of what was there, once.
    fn print_begun(&mut self, session: &mut Session) -> Result<(), Failure> {
        let Some(count) = self.lines.take() else { return Ok(()) };
        let begun = std::mem::take(&mut self.begun);
        self.write(last_lines(&begun, count), session)
    }

    fn write(&mut self, text: &[u8], session: &mut Session) -> Result<(), Failure> {
        match &mut self.stream {
            Some(stream) => session.output.raw(stream.push(text).as_bytes())?,
            None => session.output.raw(text)?,
        }
        session.output.finish()
    }
}

fn run_is_over(client: &Client, id: &str, query: &Query<'_>) -> Result<bool, Failure> {
    let on_board = OnBoard { board: query.board.map(str::to_owned) };
    let runs: Vec<Run> = client.get(&task_path(id, "runs")?, &on_board)?;
    let run = runs.iter().find(|run| Some(run.id) == query.run);
    Ok(run.is_none_or(|run| !run.is_open()))
}
