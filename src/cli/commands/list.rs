//! `kanban list`.

mod columns;
mod people;

use clap::builder::PossibleValuesParser;

use crate::api::client::seen::Task;
use crate::cli::commands::Ended;
use crate::cli::commands::filters::{FilterTimes, Filters};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::table;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::{pipe_line, with_skill_list};
use crate::exit_codes::CliExit;
use crate::kernel::queries::ListTasks;
use crate::text::json;

/// Tasks on a terminal, without `--limit` and `--all`.
const SHOWN_DEFAULT: u32 = 30;

/// List tasks, highest priority first, then oldest first.
///
/// On a terminal, open tasks are shown, at most 30, with the time in their status and the reason why they do not run. In a pipe and as
/// JSON, every task that is not archived. To search the text of tasks use `kanban search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban list
  kanban ls --mine --status blocked,review
  kanban list --not done --assignee none
  kanban list --label release --since \"7d ago\" --sort -created --limit 20
  kanban list --all --updated 1h
  kanban list -o csv --columns id,title,assignee,completed_at --status done
  kanban list --format '{id} {assignee}: {title}'
  kanban list --tenant shop --json | jq -r '.[].id'")]
pub struct Arguments {
    #[command(flatten)]
    filters: Filters,
    /// Include done tasks, and show all: the default when the output is not a terminal
    #[arg(long)]
    all: bool,
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
    /// Form of the output
    #[arg(short, long, value_name = "FORM", value_enum)]
    output: Option<Form>,
    /// Columns of a table or of CSV: fields of the JSON output, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print a line per task: `{title}` stands for a field of the JSON output, `\t` for a tab
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["output", "columns"])]
    format: Option<String>,
    /// Print only the ids
    #[arg(short, long, conflicts_with_all = ["output", "columns", "format"])]
    quiet: bool,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A table with a header
    Table,
    /// A table with more columns, whose lines are not cut
    Wide,
    /// A JSON array, as --json
    Json,
    /// A JSON object per line
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(mut arguments: Arguments, session: &mut Session) -> Ended {
    take_form(&mut arguments, session);
    let columns = columns::known(&arguments.columns)?;
    let template = arguments.format.as_deref().map(columns::template).transpose()?;
    if session.output.columns().is_some() && !arguments.quiet && template.is_none() {
        return people::run(&arguments, &columns, session);
    }
    let request = arguments.request(session, arguments.limit)?;
    let tasks: Vec<Task> = session.client()?.get("/v1/tasks", &request)?;
    if let Some(template) = template {
        tasks.iter().try_for_each(|task| session.output.line(template.line(task)?))?;
        return Ok(CliExit::Ok);
    }
    print(&arguments, &columns, tasks, session)?;
    Ok(CliExit::Ok)
}

/// Has the output of the form that is wanted. What a program reads is never that of a terminal.
fn take_form(arguments: &mut Arguments, session: &mut Session) {
    match arguments.output {
        Some(Form::Json) => session.output.make_json(),
        Some(Form::Jsonl | Form::Csv) => session.output.make_pipe(),
        Some(Form::Table | Form::Wide) => {}
        None if session.output.is_json() => arguments.output = Some(Form::Json),
        None if !arguments.columns.is_empty() => arguments.output = Some(Form::Table),
        None => {}
    }
}

impl Arguments {
    fn request(&self, session: &Session, limit: Option<u32>) -> Result<ListTasks, Failure> {
        let FilterTimes { created_after, created_before, updated_since } =
            self.filters.times(session)?;
        Ok(ListTasks {
            assignee: self.filters.assignee(session),
            created_after,
            created_before,
            updated_since,
            status: self.filters.status(),
            tenant: self.filters.tenant.clone(),
            label: self.filters.label.clone(),
            parent: session.optional_task(self.filters.parent.as_ref())?,
            text: None,
            archived: self.filters.archived,
            sort: self.sort.clone(),
            cursor: session.optional_task(self.cursor.as_ref())?,
            limit,
            board: session.board.clone(),
        })
    }
}

/// Prints the tasks as a pipe or a program wants them.
fn print(
    arguments: &Arguments,
    columns: &[&'static str],
    tasks: Vec<Task>,
    session: &mut Session,
) -> Result<(), Failure> {
    let times = session.times();
    let output = &mut session.output;
    if arguments.quiet {
        return tasks.iter().try_for_each(|task| output.line(task.id.as_str()));
    }
    match arguments.output {
        Some(Form::Json) => {
            output.json(&tasks.into_iter().map(with_skill_list).collect::<Vec<Task>>())
        }
        Some(Form::Jsonl) => tasks.into_iter().map(with_skill_list).try_for_each(|task| {
            let line = json::to_string(&task)
                .map_err(|error| Failure::fault(format!("cannot print a task: {error}")))?;
            output.line(line)
        }),
        Some(Form::Csv) => columns::csv(&tasks, columns)?.iter().try_for_each(|it| output.line(it)),
        Some(form @ (Form::Table | Form::Wide)) => {
            let chosen = columns::of_form(columns, form == Form::Wide);
            let rows = columns::rows(&tasks, &chosen, &times)?;
            let heads = columns::heads(&chosen);
            table::lines(&heads, &rows, None).iter().try_for_each(|line| output.styled(line))
        }
        None if tasks.is_empty() => output.line("(no matching tasks)"),
        None => tasks.iter().try_for_each(|task| output.line(pipe_line(task))),
    }
}
