//! `kanban watch`.

use std::collections::HashMap;

use crate::api::client::seen::TaskDetails;
use crate::api::client::{Client, ClientError, task_path};
use crate::cli::commands::Ended;
use crate::cli::commands::tail::{interruptible, json_line};
use crate::cli::complete;
use crate::cli::events::Timed;
use crate::cli::failure::Failure;
use crate::cli::follow::{Follower, Heard};
use crate::cli::session::{OnBoard, Session};
use crate::cli::style::{Line, Tone};
use crate::cli::tasks::NONE;
use crate::cli::text::one_line;
use crate::kernel::error::ErrorCode;
use crate::kernel::event::{Event, EventKind, kind_hint, kind_of};
use crate::kernel::ids::{BoardName, TaskId};
use crate::kernel::shorten::shorten;

/// Tasks whose assignee and tenant are remembered.
const KNOWN_MAX: usize = 4096;

/// Print the events of a board as they happen.
///
/// Runs until Ctrl-C and reconnects after a restart of the daemon. With --json each line is an event object.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban watch
  kanban watch --assignee backend-dev --kinds completed,blocked,gave_up
  kanban watch --json | jq -r 'select(.kind == \"crashed\") | .task_id'")]
pub struct Arguments {
    /// Only tasks of this assignee
    #[arg(short = 'a', long, value_name = "NAME", add = complete::profiles())]
    assignee: Option<String>,
    /// Only tasks of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only events of these kinds, separated by commas
    #[arg(long, alias = "kind", value_name = "KINDS", value_delimiter = ',', add = complete::kinds())]
    kinds: Vec<String>,
    /// Accepted for compatibility; events are printed as they happen
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    interval: Option<f64>,
}

/// Runs it.
///
/// # Errors
/// A daemon that goes and does not come back.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    arguments.check_kinds()?;
    let (client, _signals) = interruptible(session.client()?)?;
    let mut follower = Follower::from_now(&client, None, board_of(session).as_deref())?;
    let mut owners =
        Owners { client: &client, known: HashMap::new(), on_board: session.on_board() };
    if session.output.columns().is_some() {
        session.output.line_now("Watching; press Ctrl-C to stop.")?;
    }
    let mut timed = Timed::default();
    loop {
        match follower.next(None)? {
            Heard::Event(event) if arguments.admits_kind(&event) => {
                let owner = owners.of(&event)?;
                if arguments.admits(&owner) {
                    show(&event, &owner, (&mut timed, session))?;
                }
            }
            Heard::Event(event) => owners.forget_if_changed(&event),
            Heard::Nothing => {}
            Heard::Resync => {
                owners.known.clear();
                session
                    .output
                    .complain("note: the database was restored; following its new events");
            }
        }
    }
}

/// The board that is watched. Inside a run the daemon knows it.
fn board_of(session: &Session) -> Option<String> {
    let default = || (!session.is_in_run()).then(|| BoardName::default().to_string());
    session.board.clone().or_else(default)
}

impl Arguments {
    /// Nothing would ever come of a kind that does not exist.
    fn check_kinds(&self) -> Result<(), Failure> {
        let unknown =
            self.kinds.iter().map(|kind| kind.trim()).find(|kind| kind_of(kind).is_none());
        unknown.map_or(Ok(()), |kind| {
            let message = format!("--kinds: no such kind of event: {}", shorten(kind));
            Err(Failure::usage_of(ErrorCode::InvalidValue, message).with_hint(kind_hint(kind)))
        })
    }

    fn admits_kind(&self, event: &Event) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.trim() == event.kind)
    }

    fn admits(&self, owner: &Owner) -> bool {
        let is =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        is(&self.assignee, &owner.assignee) && is(&self.tenant, &owner.tenant)
    }
}

fn show(
    event: &Event,
    owner: &Owner,
    (timed, session): (&mut Timed, &mut Session),
) -> Result<(), Failure> {
    if session.output.is_json() {
        json_line(event, &mut session.output)?;
        return session.output.finish();
    }
    let who = owner.assignee.as_deref().unwrap_or(NONE);
    let subject = Line::of(Tone::Plain, event.task_id.to_string())
        .with(Tone::Faint, format!(" @{}", one_line(who)))
        .with(Tone::Strong, format!(" {}", one_line(&owner.title)));
    let is_terminal = session.output.columns().is_some();
    for line in timed.lines(event, Some(subject), &session.times(), is_terminal) {
        session.output.styled(&line)?;
    }
    session.output.finish()
}

/// Whose a task is.
#[derive(Debug, Clone, Default)]
struct Owner {
    assignee: Option<String>,
    tenant: Option<String>,
    title: String,
}

/// Whose tasks are, asked for once and again when it may have changed.
struct Owners<'c> {
    client: &'c Client,
    known: HashMap<TaskId, Owner>,
    on_board: OnBoard,
}

impl Owners<'_> {
    fn of(&mut self, event: &Event) -> Result<Owner, ClientError> {
        self.forget_if_changed(event);
        if let Some(owner) = self.known.get(&event.task_id) {
            return Ok(owner.clone());
        }
        let path = task_path(event.task_id.as_str(), "")?;
        let owner = match self.client.get::<TaskDetails>(&path, &self.on_board) {
            Ok(TaskDetails { task, .. }) => {
                Owner { assignee: task.assignee, tenant: task.tenant, title: task.title }
            }
            // gc was faster.
            Err(ClientError::Refused(_)) => {
                Owner { title: "(removed)".to_owned(), ..Owner::default() }
            }
            Err(error) => return Err(error),
        };
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(event.task_id.clone(), owner.clone());
        Ok(owner)
    }

    fn forget_if_changed(&mut self, event: &Event) {
        let moves = [EventKind::Assigned, EventKind::Edited];
        if moves.iter().any(|kind| kind.as_str() == event.kind) {
            self.known.remove(&event.task_id);
        }
    }
}
