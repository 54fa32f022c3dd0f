//! `kanban create`.

use std::path::PathBuf;

use crate::api::client::Client;
use crate::api::client::seen::CreateReply;
use crate::cli::arguments::{StartFlags, time_or_none};
use crate::cli::commands::form::{form, in_editor, read_form};
use crate::cli::commands::task_flags::TaskFlags;
use crate::cli::commands::warnings::with_warnings;
use crate::cli::commands::{Ended, create_lines};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::tasks::{assignee, with_skill_list};
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::CreateTask;

/// What became of the task when its form is no use.
const NOT_CREATED: &str = "no task was created";

/// Create a task.
///
/// The new task is `ready`; `todo` if a parent is unfinished; `scheduled` with --at or --in; `triage` with --triage. The daemon starts ready tasks
/// that have an assignee.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban create \"Design the schema\" --assignee backend-dev --priority 2
  kanban create \"Build the API\" --assignee dev --parent t_1a2b3c4d --workspace dir:~/src/shop
  kanban create \"Summarise the logs\" --assignee analyst --body - < notes.md
  kanban create \"Port the parser\" --assignee dev --body-file brief.md
  kanban create -e -a backend-dev
  kanban create \"Review the parser\" --assignee coder --model opus --effort high --skill git
  kanban create \"Nightly report\" --assignee reporter --idempotency-key report-2026-05-01 --json
  kanban create \"Check the backups\" --assignee qa --at \"tomorrow 9:00\" --due \"tomorrow 17:00\"
  kanban create --from-jsonl tasks.jsonl --json | jq -r '.[].id'")]
pub struct Arguments {
    /// Title, one line; `-` reads it from stdin
    title: Option<String>,
    /// Create tasks from a file with one JSON object per line, with the fields of the API; `-` reads stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "title", "body", "body_file", "assignee", "parents", "workspace", "tenant", "priority", "triage", "idempotency_key",
        "max_runtime", "at", "start_in", "tz", "due", "created_by", "skills", "labels", "model", "effort", "args",
    ])]
    from_jsonl: Option<PathBuf>,
    #[command(flatten)]
    task: TaskFlags,
    /// Idempotency key: if a task with this key exists, return it instead of creating another
    #[arg(long, value_name = "WORD")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    start: StartFlags,
    /// Time by which it should be done
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// Write title and body in your editor ($VISUAL or $EDITOR)
    #[arg(short, long, conflicts_with = "from_jsonl")]
    edit: bool,
    /// Print only the id
    #[arg(short, long, conflicts_with = "from_jsonl")]
    quiet: bool,
    /// Initial status (accepted for compatibility)
    #[arg(long, hide = true, value_parser = clap::builder::PossibleValuesParser::new(["running"]))]
    initial_status: Option<String>,
    /// Creator, if not you (refused inside a run)
    #[arg(long, value_name = "NAME")]
    created_by: Option<String>,
}

impl Arguments {
    /// Whether it reads more than its words.
    pub(super) fn reads_file(&self) -> bool {
        self.from_jsonl.is_some() || self.task.reads_file()
    }

    /// Whether a person is to write the task in an editor.
    pub(super) fn wants_editor(&self) -> bool {
        self.edit
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    if let Some(file) = &arguments.from_jsonl {
        return create_lines::run(file, session);
    }
    let is_quiet = arguments.quiet;
    let client = session.client()?;
    let reply: CreateReply = if arguments.edit {
        create_in_editor(arguments, &client, session)?
    } else {
        let request = request(arguments, session)?;
        client.post("/v1/tasks", &request)?
    };
    let reply = CreateReply { task: with_skill_list(reply.task), ..reply };
    if !session.output.is_json() {
        // What was done is printed before anything else is requested.
        let line = if is_quiet { reply.task.id.to_string() } else { line_of(&reply) };
        session.output.line_now(line)?;
    }
    let created = with_warnings(vec![reply], &client, session)?;
    if let (true, Some(created)) = (session.output.is_json(), created.first()) {
        session.output.json(created)?;
    }
    Ok(CliExit::Ok)
}

/// The line about a task that was created.
pub(super) fn line_of(reply: &CreateReply) -> String {
    let word = if reply.created { "Created" } else { "Already exists:" };
    let task = &reply.task;
    format!("{word} {}  ({}, assignee={})", task.id, task.status, assignee(task))
}

/// The same with title and body as they are left in an editor.
fn create_in_editor(
    mut arguments: Arguments,
    client: &Client,
    session: &mut Session,
) -> Result<CreateReply, Failure> {
    if !session.is_interactive() {
        return Err(Failure::usage("--edit: there is no terminal for an editor")
            .with_hint("kanban create \"your title\" --body -"));
    }
    // What is wrong with the flags is refused before anything is typed; an empty title becomes one in the editor.
    arguments.title.get_or_insert_default();
    let task = request(arguments, session)?;
    let before = form(&task.title, task.body.as_deref().unwrap_or_default());
    in_editor(session, "task", &before, NOT_CREATED, |after, _| {
        let (title, body) = read_form(after, NOT_CREATED)?;
        let body = Some(body).filter(|body| !body.is_empty());
        Ok(client.post("/v1/tasks", &CreateTask { title, body, ..task })?)
    })
}

fn request(arguments: Arguments, session: &Session) -> Result<CreateTask, Failure> {
    let title = arguments.title.ok_or_else(|| {
        Failure::usage_of(ErrorCode::TitleRequired, "title is required")
            .with_hint("kanban create \"your title\"")
    })?;
    let title = session.text("title", title)?;
    let times = arguments.start.times(session)?;
    let fields = arguments.task.given(session)?;
    let task: CreateTask = serde_json::from_value(fields.into())
        .map_err(|error| Failure::fault(format!("cannot make the request: {error}")))?;
    let due_at = arguments.due.map(|text| time_or_none("--due", &text, &times)).transpose()?;
    Ok(CreateTask {
        title,
        idempotency_key: arguments.idempotency_key,
        created_by: arguments.created_by,
        start_at: arguments.start.start_at(&times)?.filter(|at| *at != 0),
        due_at: due_at.filter(|at| *at != 0),
        board: session.board.clone(),
        ..task
    })
}
