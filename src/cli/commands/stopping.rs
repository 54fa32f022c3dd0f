//! Verbs that end runs, and waiting until the processes of those runs are gone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::api::client::seen::{ReclaimReply, Run};
use crate::api::client::{Client, ClientError, task_path};
use crate::cli::commands::Ended;
use crate::cli::commands::bulk::{self, Answer, Shape};
use crate::cli::commands::targets::{Chosen, Targets};
use crate::cli::commands::warnings::print_warnings;
use crate::cli::failure::Failure;
use crate::cli::follow::{Follower, Heard};
use crate::cli::session::{OnBoard, Session, Surface};
use crate::kernel::event::EventKind;
use crate::kernel::ids::RunId;
use crate::kernel::run::RunState;

/// Silence after which the runs are looked at: an event may have been missed.
const SILENCE: Duration = Duration::from_secs(15);

/// Which runs to end, why, and whether to wait.
#[derive(Debug, clap::Args)]
pub(super) struct EndRuns {
    #[command(flatten)]
    targets: Targets,
    /// Reason, recorded in the run and the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait for the processes to end
    #[arg(long)]
    no_wait: bool,
}

impl EndRuns {
    /// The tasks, the reason, and whether nobody waits.
    ///
    /// # Errors
    /// Stdin that cannot be read, or no daemon.
    pub(super) fn read(
        self,
        client: &Client,
        session: &mut Session,
    ) -> Result<(Chosen, Option<String>, bool), Failure> {
        let reason = session.optional_text("--reason", self.reason)?;
        Ok((self.targets.chosen(client, session)?.titled(session)?, reason, self.no_wait))
    }
}

/// Has runs ended by `verb`, waits for their processes unless nobody wants to, and shows what became of the tasks.
pub(super) fn end_runs(
    client: &Client,
    chosen: &Chosen,
    no_wait: bool,
    session: &mut Session,
    (verb, request): (&'static str, &impl Serialize),
    line: impl FnMut(&ReclaimReply) -> String,
) -> Ended {
    if chosen.ids.is_empty() {
        return bulk::show(chosen, Shape::OneOrList, Vec::new(), session, line);
    }
    let watch = Watch::begin(client, &chosen.ids, no_wait, session)?;
    let mut answers: Vec<Answer<ReclaimReply>> =
        bulk::answers(client, chosen, session, verb, request)?;
    watch.until_closed(&mut answers);
    print_warnings(answers.iter().flatten().flat_map(|reply| &reply.warnings), session);
    bulk::show(chosen, Shape::OneOrList, answers, session, line)
}

/// Hears of tasks from before their runs are ended, so that no end can be missed.
struct Watch<'c> {
    client: &'c Client,
    follower: Option<Follower<'c>>,
    on_board: OnBoard,
}

impl<'c> Watch<'c> {
    /// Begins to listen, unless nobody wants to wait. In a chat nobody does.
    fn begin(
        client: &'c Client,
        ids: &[String],
        no_wait: bool,
        session: &Session,
    ) -> Result<Self, ClientError> {
        let is_waiting = !no_wait && session.surface == Surface::Shell;
        let task = if let [id] = ids { Some(id.as_str()) } else { None };
        let board = session.board.as_deref();
        let follower = match is_waiting {
            true => Some(Follower::from_now(client, task, board)?),
            false => None,
        };
        Ok(Self { client, follower, on_board: session.on_board() })
    }

    /// Returns when the runs that were ended are closed; then nothing is stopping. One whose processes cannot be killed has failed. A
    /// daemon that does not come back is a failure behind all answers: the runs were ended before.
    fn until_closed(self, answers: &mut Vec<Answer<ReclaimReply>>) {
        let Self { client, follower, on_board } = self;
        let Some(mut follower) = follower else { return };
        let mut open: BTreeMap<RunId, usize> = BTreeMap::new();
        for (location, answer) in answers.iter().enumerate() {
            let Ok(ReclaimReply { run_id: Some(run_id), stopping: true, .. }) = answer else {
                continue;
            };
            open.insert(*run_id, location);
        }
        while !open.is_empty() {
            let ended = match follower.next(Some(SILENCE)) {
                Ok(Heard::Event(event)) => Ok(end_of(event.run_id, &event.kind)),
                Ok(Heard::Resync | Heard::Nothing) => look(client, &open, answers, &on_board),
                Err(error) => Err(error),
            };
            let ended = match ended {
                Ok(ended) => ended,
                Err(error) => return answers.push(Err(error.into())),
            };
            for (run_id, end) in ended {
                let Some(location) = open.remove(&run_id) else { continue };
                let Some(answer) = answers.get_mut(location) else { continue };
                if let Ok(reply) = answer {
                    match end {
                        End::Closed => reply.stopping = false,
                        End::Unkillable => *answer = Err(unkillable(&reply.id, run_id)),
                    }
                }
            }
        }
    }
}

/// What became of the processes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Unkillable,
}

/// The end that an event tells of.
fn end_of(run_id: Option<RunId>, kind: &str) -> Vec<(RunId, End)> {
    let end = match kind {
        kind if kind == EventKind::Closed.as_str() => End::Closed,
        kind if kind == EventKind::Unkillable.as_str() => End::Unkillable,
        _ => return Vec::new(),
    };
    run_id.map(|run_id| (run_id, end)).into_iter().collect()
}

/// The ends that the runs themselves tell of.
fn look(
    client: &Client,
    open: &BTreeMap<RunId, usize>,
    answers: &[Answer<ReclaimReply>],
    on_board: &OnBoard,
) -> Result<Vec<(RunId, End)>, ClientError> {
    let mut ended = Vec::new();
    for (run_id, location) in open {
        let Some(Ok(reply)) = answers.get(*location) else { continue };
        let runs: Vec<Run> = client.get(&task_path(&reply.id, "runs")?, on_board)?;
        match runs.iter().find(|run| run.id == *run_id) {
            Some(run) if run.state == RunState::Unkillable => {
                ended.push((*run_id, End::Unkillable));
            }
            Some(run) if run.is_open() => {}
            Some(_) | None => ended.push((*run_id, End::Closed)),
        }
    }
    Ok(ended)
}

fn unkillable(id: &str, run_id: RunId) -> Failure {
    Failure::timeout(format!("the processes of run {run_id} of {id} cannot be killed"))
        .with_hint(format!("inspect them, or close the run with `kanban stop --force {id}`"))
}

/// What became of the task, behind the verb: "Stopped".
pub(super) fn status_line(done: &str, chosen: &Chosen, reply: &ReclaimReply) -> String {
    let name = chosen.name(&reply.id);
    let run = run(reply).map_or_else(String::new, |run| format!(" ({run})"));
    format!("{done} {name}: {}{run}{}", reply.status, held(&reply.held))
}

/// The children that were held, behind the run.
pub(super) fn held(children: &[String]) -> String {
    if children.is_empty() {
        return String::new();
    }
    format!("; blocked until `kanban unblock`: {}", children.join(", "))
}

/// What is to be said of the run, where there was one.
pub(super) fn run(reply: &ReclaimReply) -> Option<String> {
    let word = |run_id| match reply.stopping {
        true => format!("stopping: run {run_id}"),
        false => format!("run {run_id} has ended"),
    };
    reply.run_id.map(word)
}

/// The same behind the task.
pub(super) fn words(reply: &ReclaimReply) -> String {
    run(reply).map_or_else(String::new, |run| format!(": {run}"))
}
