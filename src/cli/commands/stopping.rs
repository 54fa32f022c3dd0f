//! Waiting until the processes of a run that was ended are gone.

use std::time::Duration;

use crate::api::client::seen::{ReclaimReply, Run};
use crate::api::client::{Client, ClientError, task_path};
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::follow::{Follower, Heard};
use crate::cli::session::{OnBoard, Session, Surface};
use crate::exit_codes::CliExit;
use crate::kernel::event::EventKind;
use crate::kernel::ids::RunId;
use crate::kernel::run::RunState;

/// Silence after which the run is looked at: an event may have been missed.
const SILENCE: Duration = Duration::from_secs(15);

/// Hears of a task from before its run is ended, so that the end cannot be missed.
pub(super) struct Watch<'c> {
    client: &'c Client,
    follower: Option<Follower<'c>>,
    on_board: OnBoard,
}

impl<'c> Watch<'c> {
    /// Begins to listen, unless nobody wants to wait. In a chat nobody does.
    pub(super) fn begin(
        client: &'c Client,
        id: &str,
        no_wait: bool,
        session: &Session,
    ) -> Result<Self, ClientError> {
        let is_waiting = !no_wait && session.surface == Surface::Shell;
        let board = session.board.as_deref();
        let follower = match is_waiting {
            true => Some(Follower::from_now(client, Some(id), board)?),
            false => None,
        };
        Ok(Self { client, follower, on_board: session.on_board() })
    }

    /// Returns when the run that was ended is closed; then nothing is stopping.
    pub(super) fn until_closed(self, reply: ReclaimReply) -> Result<ReclaimReply, Failure> {
        let Self { client, follower, on_board } = self;
        let (Some(mut follower), Some(run_id), true) = (follower, reply.run_id, reply.stopping)
        else {
            return Ok(reply);
        };
        loop {
            let is_closed = match follower.next(Some(SILENCE))? {
                Heard::Event(event) if event.run_id != Some(run_id) => false,
                Heard::Event(event) if event.kind == EventKind::Unkillable.as_str() => {
                    return Err(unkillable(&reply.id, run_id));
                }
                Heard::Event(event) => event.kind == EventKind::Closed.as_str(),
                Heard::Resync | Heard::Nothing => look(client, &reply.id, run_id, &on_board)?,
            };
            if is_closed {
                return Ok(ReclaimReply { stopping: false, ..reply });
            }
        }
    }
}

/// Whether the run is closed.
fn look(client: &Client, id: &str, run_id: RunId, on_board: &OnBoard) -> Result<bool, Failure> {
    let runs: Vec<Run> = client.get(&task_path(id, "runs")?, on_board)?;
    match runs.iter().find(|run| run.id == run_id) {
        Some(run) if run.state == RunState::Unkillable => Err(unkillable(id, run_id)),
        Some(run) => Ok(!run.is_open()),
        None => Ok(true),
    }
}

fn unkillable(id: &str, run_id: RunId) -> Failure {
    Failure::timeout(format!("the processes of run {run_id} of {id} cannot be killed"))
        .with_hint(format!("inspect them, or close the run with `kanban stop --force {id}`"))
}

/// Waits for the end of the processes and reports what became of the task. `done` is the verb: "Stopped".
pub(super) fn show(
    watch: Watch<'_>,
    reply: ReclaimReply,
    done: &str,
    session: &mut Session,
) -> Ended {
    let reply = watch.until_closed(reply)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        let (id, status) = (&reply.id, &reply.status);
        let (run, held) = (words(&reply), held(&reply.held));
        session.output.line(format!("{done} {id}: {status}{run}{held}"))?;
    }
    Ok(CliExit::Ok)
}

/// The children that were held, behind the run.
pub(super) fn held(children: &[String]) -> String {
    if children.is_empty() {
        return String::new();
    }
    format!("; blocked until `kanban unblock`: {}", children.join(", "))
}

/// What is to be said of the run, behind the task.
pub(super) fn words(reply: &ReclaimReply) -> String {
    match (reply.run_id, reply.stopping) {
        (Some(run_id), true) => format!(" (stopping: run {run_id})"),
        (Some(run_id), false) => format!(" (run {run_id} has ended)"),
        (None, _) => String::new(),
    }
}
