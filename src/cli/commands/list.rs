//! `kanban list`.

use clap::builder::PossibleValuesParser;

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::tasks::{list_lines, with_skill_list};
use crate::exit_codes::CliExit;
use crate::kernel::queries::ListTasks;
use crate::kernel::task::{Task, TaskStatus};

/// List tasks: the most important first, then the oldest.
///
/// Archived ones are shown only when asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban list
  kanban ls --mine --status blocked
  kanban list --tenant shop --json | jq -r '.[].id'")]
pub struct Arguments {
    /// Only tasks of your own profile, else of your user name
    #[arg(long, conflicts_with = "assignee")]
    mine: bool,
    /// Only tasks of this profile
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Only tasks in this status
    #[arg(long, value_parser = PossibleValuesParser::new(TaskStatus::ALL.map(TaskStatus::as_str)))]
    status: Option<String>,
    /// Only tasks of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Archived tasks too
    #[arg(long)]
    archived: bool,
    /// At most so many
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let request = ListTasks {
        status: arguments.status,
        assignee: if arguments.mine { Some(session.own_name()) } else { arguments.assignee },
        tenant: arguments.tenant,
        archived: arguments.archived,
        limit: arguments.limit,
        board: session.board.clone(),
        ..ListTasks::default()
    };
    let tasks: Vec<Task> = session.client()?.get("/v1/tasks", &request)?;
    if session.output.is_json() {
        let tasks: Vec<Task> = tasks.into_iter().map(with_skill_list).collect();
        session.output.json(&tasks)?;
        return Ok(CliExit::Ok);
    }
    if tasks.is_empty() {
        session.output.line("(no matching tasks)")?;
    }
    for line in list_lines(&tasks, &session.times(), session.output.columns()) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}
