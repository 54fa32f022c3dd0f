//! `kanban tail`.

use crate::api::client::seen::TaskDetails;
use crate::api::client::{Client, Interrupt, task_path};
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::events::Timed;
use crate::cli::failure::Failure;
use crate::cli::follow::{Follower, Heard};
use crate::cli::output::Output;
use crate::cli::session::{OnBoard, Session};
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::event::Event;
use crate::kernel::ids::EventId;
use crate::os::processes::signals::{SignalWatch, watch};
use crate::text::json;

/// Print the events of a task and follow new ones.
///
/// Runs until Ctrl-C and reconnects after a restart of the daemon. With --json each line is an event object.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban tail t_1a2b3c4d
  kanban tail t_1a2b3c4d --no-follow --json | jq -r .kind")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
    /// Accepted for compatibility; events are printed as they happen
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    interval: Option<f64>,
    /// Print past events only
    #[arg(long)]
    no_follow: bool,
}

/// Runs it.
///
/// # Errors
/// An unknown task, or a daemon that goes and does not come back.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let (client, _signals) = interruptible(session.client()?)?;
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "")?;
    let on_board = session.on_board();
    // The stream is opened before the task is read, so that nothing falls between the two.
    let follower = match arguments.no_follow {
        true => None,
        false => Some(Follower::from_now(&client, Some(&id), on_board.board.as_deref())?),
    };
    let mut timed = Timed::default();
    let mut last = show_new(&client, &path, &on_board, 0, (&mut timed, session))?;
    let Some(mut follower) = follower else { return Ok(CliExit::Ok) };
    loop {
        match follower.next(None)? {
            Heard::Event(event) if event.id > last => {
                last = event.id;
                show(&event, &mut timed, session)?;
            }
            Heard::Event(_) | Heard::Nothing => {}
            Heard::Resync => {
                session.output.complain("note: the database was restored; its events are now:");
                last = show_new(&client, &path, &on_board, 0, (&mut timed, session))?;
            }
        }
        session.output.finish()?;
    }
}

/// Shows the events of the task after one; returns the newest.
fn show_new(
    client: &Client,
    path: &str,
    on_board: &OnBoard,
    after: EventId,
    (timed, session): (&mut Timed, &mut Session),
) -> Result<EventId, Failure> {
    let details: TaskDetails = client.get(path, on_board)?;
    let mut last = after;
    for event in details.events.iter().filter(|event| event.id > after) {
        last = event.id;
        show(event, timed, session)?;
    }
    session.output.finish()?;
    Ok(last)
}

fn show(event: &Event, timed: &mut Timed, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return json_line(event, &mut session.output);
    }
    let is_terminal = session.output.columns().is_some();
    let lines = timed.lines(event, None, &session.times(), is_terminal);
    lines.iter().try_for_each(|line| session.output.styled(line))
}

/// An event as a line of JSON.
pub(super) fn json_line(event: &Event, output: &mut Output) -> Result<(), Failure> {
    let json = json::to_string(event)
        .map_err(|error| Failure::fault(format!("cannot show an event: {error}")))?;
    output.line(json)
}

/// A client whose waiting ends with Ctrl-C, SIGTERM or the terminal's end.
pub(super) fn interruptible(client: Client) -> Result<(Client, SignalWatch), Failure> {
    let interrupt = Interrupt::default();
    let of_signals = interrupt.clone();
    let signals = watch(move |_signal| of_signals.now())
        .map_err(|error| Failure::fault(format!("cannot install signal handlers: {error}")))?;
    Ok((client.interrupted_by(interrupt), signals))
}
