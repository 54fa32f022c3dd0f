//! `kanban promote`.

use crate::api::client::seen::PromoteReply;
use crate::cli::commands::targets::Filter;
use crate::cli::commands::{Ended, bulk};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::{TaskArg, written};
use crate::cli::words;
use crate::kernel::task::TaskStatus;
use crate::kernel::verbs::PromoteTask;

/// Make tasks ready.
///
/// Promotes tasks from `triage`, `todo` and `blocked`. A task with unfinished parents is refused unless --force is
/// given; from `triage` it moves to `todo` and waits for them.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban promote [OPTIONS] ID [REASON]...
       kanban promote [OPTIONS] ID...
       kanban promote [OPTIONS] --where FILTER [REASON]...",
    after_help = "Examples:
  kanban promote t_1a2b3c4d t_5e6f7a8b
  kanban promote --where status=triage,label=urgent
  kanban promote t_1a2b3c4d the customer is waiting
  kanban promote t_1a2b3c4d --force --reason \"the parent is only documentation\""
)]
pub struct Arguments {
    /// Tasks to promote (`-` reads ids from stdin), or one task and a reason. With --where all words are the reason
    #[arg(value_name = "ID", add = complete::tasks())]
    words: Vec<String>,
    /// More tasks to promote for the same reason
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with = "filter", add = complete::tasks())]
    ids: Vec<TaskArg>,
    #[command(flatten)]
    filter: Filter,
    /// Ignore unfinished parents
    #[arg(long)]
    force: bool,
    /// Reason, recorded in the event; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let (ids, reason) = named(arguments, session)?;
    let client = session.client()?;
    let chosen = arguments.filter.chosen(&ids, &client, session)?;
    let board = session.board.clone();
    let request = PromoteTask { id: String::new(), force: arguments.force, reason, board };
    bulk::each(&client, &chosen, session, "promote", &request, |reply: &PromoteReply| {
        match (reply.status.known(), reply.unmet.is_empty()) {
            (Some(TaskStatus::Todo), _) => {
                format!("Promoted {} (todo: a parent is unfinished)", reply.id)
            }
            (_, false) => {
                format!("Promoted {} (ignoring {})", reply.id, reply.unmet.join(", "))
            }
            (_, true) => format!("Promoted {}", reply.id),
        }
    })
}

/// The tasks and the reason that the words stand for.
fn named(
    arguments: &Arguments,
    session: &Session,
) -> Result<(Vec<String>, Option<String>), Failure> {
    let hint = "kanban promote ID ID… --reason \"why\", or kanban promote ID why";
    let wrong = |message: String| {
        Failure::usage(format!("{message}; no task was promoted")).with_hint(hint)
    };
    let named = match arguments.filter.is_given() {
        true => words::ids_and_text(&arguments.words, true, None),
        false => words::ids_or_reason(&arguments.words),
    };
    let named = named.map_err(wrong)?;
    let reason = match (named.reason, &arguments.reason) {
        (Some(_), Some(_)) => return Err(wrong("the reason is given twice".to_owned())),
        (words, flag) => words.or_else(|| flag.clone()),
    };
    Ok(([named.ids, written(&arguments.ids)].concat(), session.optional_text("--reason", reason)?))
}
