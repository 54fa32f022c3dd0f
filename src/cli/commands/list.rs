//! `kanban list`.

use clap::builder::PossibleValuesParser;

use crate::api::client::seen::Task;
use crate::cli::commands::Ended;
use crate::cli::commands::filters::Filters;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::{list_lines, with_skill_list};
use crate::exit_codes::CliExit;
use crate::kernel::queries::ListTasks;

/// List tasks, highest priority first, then oldest first.
///
/// Archived tasks are hidden unless requested. To search the text of tasks use `kanban search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban list
  kanban ls --mine --status blocked
  kanban list --label release --created-after \"7d ago\" --sort -created --limit 20
  kanban list --limit 100 --cursor t_1a2b3c4d
  kanban list --tenant shop --json | jq -r '.[].id'")]
pub struct Arguments {
    #[command(flatten)]
    filters: Filters,
    /// Order: priority (then oldest first), created (oldest first), -created (newest first) or due
    #[arg(
        long, value_name = "ORDER", allow_hyphen_values = true,
        value_parser = PossibleValuesParser::new(["priority", "created", "-created", "due"])
    )]
    sort: Option<String>,
    /// Only tasks after this one in that order
    #[arg(long, value_name = "ID", add = complete::tasks())]
    cursor: Option<TaskArg>,
    /// Maximum number of results
    #[arg(short = 'n', long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { filters, sort, cursor, limit } = arguments;
    let request = ListTasks {
        assignee: filters.assignee(session),
        created_after: filters.created_after(session)?,
        status: filters.status,
        tenant: filters.tenant,
        label: filters.label,
        parent: session.optional_task(filters.parent.as_ref())?,
        text: None,
        archived: filters.archived,
        sort,
        cursor: session.optional_task(cursor.as_ref())?,
        limit,
        board: session.board.clone(),
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
