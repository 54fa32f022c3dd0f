//! `kanban wait`: until tasks are where they should be.
//!
//! The event stream is opened before the tasks are read, so nothing falls between the two; afterwards a task is read again
//! when an event names it. A stream that ends (the daemon was restarted) is opened again and everything is read again.

use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use serde::Deserialize;

use crate::api::client::seen::{Run, Task, TaskDetails};
use crate::api::client::{Client, ClientError, Lines, NextLine, task_path};
use crate::cli::arguments::duration;
use crate::cli::commands::{Ended, targets};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::{OnBoard, Session};
use crate::cli::task_arg::{Beside, TaskArg, written};
use crate::cli::tasks::with_skill_list;
use crate::duration::format_duration;
use crate::exit_codes::CliExit;
use crate::kernel::rules::question::QuestionOutcome;
use crate::kernel::task::{HUMAN, TaskStatus};
use crate::service::events::FollowEvents;

/// Most tasks that the event stream is asked for by name.
const NAMED_MAX: usize = 500;

/// Wait until tasks reach a status.
///
/// Waits until all tasks are done, blocked, archived or in review by a person, or until all have the given status. Waiting does not poll.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban wait t_1a2b3c4d t_5e6f7a8b --timeout 10m
  kanban wait t_1a2b3c4d --status done --closed && make deploy
  kanban list --label urgent --json | jq -r '.[].id' | kanban wait -
  kanban wait t_1a2b3c4d --asked && kanban answer t_1a2b3c4d

Exits with code 3 at the time-out and lists the tasks that have not reached the status.")]
pub struct Arguments {
    /// Tasks to wait for; `-` reads ids from stdin
    #[arg(required = true, value_name = "ID", add = complete::tasks())]
    ids: Vec<TaskArg>,
    /// Status to wait for
    #[arg(short = 's', long, value_parser = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str)))]
    status: Option<String>,
    /// Maximum wait (30s, 5m, 2h or plain seconds; default: no limit)
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    timeout: Option<String>,
    /// Also wait until the processes of their runs are gone
    #[arg(long)]
    closed: bool,
    /// Also return when a task has an open question
    #[arg(long, conflicts_with = "status")]
    asked: bool,
}

impl Arguments {
    /// Whether there is no time limit.
    pub(super) fn is_endless(&self) -> bool {
        self.timeout.is_none()
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, an unknown task, the time that is over, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { ids, timeout, status, closed, asked } = arguments;
    let timeout = match timeout.as_deref() {
        Some(text) => Some(duration("--timeout", text)?),
        None => None,
    };
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let goal = Goal { status: status.as_deref().and_then(TaskStatus::parse), closed, asked };
    let client = session.client()?;
    let ids = targets::named(Beside::Tasks, &written(&ids), session)?.ids;
    if ids.is_empty() {
        return show(Vec::new(), session);
    }
    let mut waiting = Waiting::new(ids, goal, session.on_board(), &client);
    let mut events = client.lines("/v1/events", &waiting.subscription())?;
    waiting.read_all()?;
    let mut is_time_over = false;
    while !waiting.is_over() && !is_time_over {
        let is_cut_off = match next(&mut events, deadline) {
            NextLine::Line(line) => is_daemon_gone(waiting.read_named(&line))?,
            NextLine::End => true,
            NextLine::Interrupted => return Err(ClientError::Interrupted.into()),
            NextLine::Timeout => {
                // What happened in the last instant counts.
                is_time_over = true;
                is_daemon_gone(waiting.read_all())?
            }
        };
        if is_cut_off {
            waiting.read_anew(&mut events)?;
        }
    }
    if !waiting.is_over() {
        return Err(Failure::timeout(format!(
            "timed out after {}: {}",
            format_duration(timeout.unwrap_or_default()),
            waiting.missing().join(", ")
        )));
    }
    show(waiting.tasks(), session)
}

fn show(tasks: Vec<Task>, session: &mut Session) -> Ended {
    if session.output.is_json() {
        let tasks: Vec<Task> = tasks.into_iter().map(with_skill_list).collect();
        session.output.json(&tasks)?;
    } else {
        for task in tasks {
            session.output.line(format!("{} {}", task.id, task.status))?;
        }
    }
    Ok(CliExit::Ok)
}

/// Between an event and the look at its task the daemon may go, as its stream may end.
fn is_daemon_gone(read: Result<(), ClientError>) -> Result<bool, ClientError> {
    match read {
        Ok(()) => Ok(false),
        Err(ClientError::NotReachable { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

fn next(events: &mut Lines<'_>, deadline: Option<Instant>) -> NextLine {
    let left: Option<Duration> =
        deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    events.next(left)
}

/// Where the tasks should be.
#[derive(Debug, Clone, Copy)]
struct Goal {
    status: Option<TaskStatus>,
    closed: bool,
    asked: bool,
}

impl Goal {
    fn is_reached(self, seen: &TaskDetails) -> bool {
        // A run that waits for an answer has processes.
        if self.asked && seen.questions.iter().any(|it| it.outcome == QuestionOutcome::Open) {
            return true;
        }
        let is_there = match self.status {
            Some(wanted) => seen.task.status == wanted,
            None => match seen.task.status.known() {
                Some(TaskStatus::Blocked | TaskStatus::Done | TaskStatus::Archived) => true,
                // Where a person is the reviewer, nothing more comes by itself.
                Some(TaskStatus::Review) => {
                    seen.task.acting_reviewer().is_none_or(|reviewer| reviewer == HUMAN)
                }
                // Of a status of a newer daemon nothing is known: it is waited for.
                Some(
                    TaskStatus::Triage
                    | TaskStatus::Todo
                    | TaskStatus::Scheduled
                    | TaskStatus::Ready
                    | TaskStatus::Running,
                )
                | None => false,
            },
        };
        is_there && (!self.closed || !seen.runs.iter().any(Run::is_open))
    }
}

struct Waiting<'c> {
    goal: Goal,
    on_board: OnBoard,
    client: &'c Client,
    tasks: Vec<(String, Option<TaskDetails>)>,
}

/// What is read of an event.
#[derive(Debug, Deserialize)]
struct Named {
    task_id: Option<String>,
}

impl<'c> Waiting<'c> {
    fn new(ids: Vec<String>, goal: Goal, on_board: OnBoard, client: &'c Client) -> Self {
        let mut tasks: Vec<(String, Option<TaskDetails>)> = Vec::new();
        for id in ids {
            if !tasks.iter().any(|(known, _)| *known == id) {
                tasks.push((id, None));
            }
        }
        Self { goal, on_board, client, tasks }
    }

    /// Many ids would not fit into a path; then the events of all tasks come, and most are passed over.
    fn subscription(&self) -> FollowEvents {
        let ids: Vec<&str> = self.tasks.iter().map(|(id, _)| id.as_str()).collect();
        FollowEvents {
            after: Some("now".to_owned()),
            follow: true,
            tasks: (ids.len() <= NAMED_MAX).then(|| ids.join(",")),
            board: self.on_board.board.clone(),
            ..FollowEvents::default()
        }
    }

    /// Opens the stream again and reads everything.
    fn read_anew(&mut self, events: &mut Lines<'c>) -> Result<(), ClientError> {
        *events = self.client.lines_again("/v1/events", &self.subscription())?;
        self.read_all()
    }

    fn read_all(&mut self) -> Result<(), ClientError> {
        for (id, seen) in &mut self.tasks {
            *seen = Some(self.client.get(&task_path(id, "")?, &self.on_board)?);
        }
        Ok(())
    }

    /// Reads the task again that an event names. Anything else on the stream asks for a look at all of them.
    fn read_named(&mut self, line: &str) -> Result<(), ClientError> {
        let named = serde_json::from_str::<Named>(line).ok().and_then(|event| event.task_id);
        let Some(named) = named else { return self.read_all() };
        for (id, seen) in &mut self.tasks {
            if *id == named {
                *seen = Some(self.client.get(&task_path(id, "")?, &self.on_board)?);
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.tasks
            .iter()
            .all(|(_, seen)| seen.as_ref().is_some_and(|seen| self.goal.is_reached(seen)))
    }

    /// Tasks to wait for that are not there, each with what it is.
    fn missing(&self) -> Vec<String> {
        let missing = self.tasks.iter().filter_map(|(_, seen)| seen.as_ref());
        missing
            .filter(|seen| !self.goal.is_reached(seen))
            .map(|seen| {
                let run = seen.runs.iter().find(|run| run.is_open());
                match run.filter(|_| seen.task.status != TaskStatus::Running) {
                    Some(run) => format!(
                        "{} is {} and its run {} is {}",
                        seen.task.id,
                        seen.task.status,
                        run.id,
                        run.state.as_str()
                    ),
                    None => format!("{} is {}", seen.task.id, seen.task.status),
                }
            })
            .collect()
    }

    fn tasks(self) -> Vec<Task> {
        self.tasks.into_iter().filter_map(|(_, seen)| seen).map(|seen| seen.task).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_tasks_are_followed_without_being_named() {
        let client = Client::at("/nowhere".into(), None, false).unwrap();
        let goal = Goal { status: None, closed: false, asked: false };
        for (count, is_named) in [(NAMED_MAX, true), (NAMED_MAX + 1, false)] {
            let ids = (0..count).map(|number| format!("t_{number}")).collect();
            let waiting = Waiting::new(ids, goal, OnBoard { board: None }, &client);
            assert_eq!(waiting.subscription().tasks.is_some(), is_named);
        }
    }
}
