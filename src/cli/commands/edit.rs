//! `kanban edit`: by flags, or as a small form in an editor.

use crate::api::client::seen::{EditReply, Task, TaskDetails};
use crate::api::client::{Client, task_path};
use crate::cli::arguments::{
    StartFlags, priority, profile_or_nobody, time_or_none, whole_seconds, workspace,
};
use crate::cli::commands::Ended;
use crate::cli::commands::body_file::BodyFile;
use crate::cli::commands::bulk::{self, Answer, Shape};
use crate::cli::commands::form::{form, in_editor, read_form};
use crate::cli::commands::targets::{Chosen, Targets};
use crate::cli::commands::warnings::print_warnings;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::with_skill_list;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::EditTask;

/// What became of the task when its form is no use.
const UNCHANGED: &str = "the task is unchanged";

/// Edit tasks with flags, or one in your editor.
///
/// Without flags, opens $VISUAL or $EDITOR with the title, a line `---` and the body. Flags change only the named
/// fields; an empty value clears body or tenant. --title and --if-version are for a single task.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban edit t_1a2b3c4d
  kanban edit t_1a2b3c4d --title \"Fix the front door\" --priority 5
  kanban edit t_1a2b3c4d --label release --unlabel draft --tenant \"\"
  kanban edit t_1a2b3c4d --assignee qa --parent t_5e6f7a8b --at \"2026-12-01 09:00\"
  kanban edit --where status=todo,label=draft --unlabel draft --priority 3")]
pub struct Arguments {
    #[command(flatten)]
    targets: Targets,
    /// New title; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// New body; an empty value clears it, `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    #[command(flatten)]
    body_file: BodyFile,
    /// New priority: a number, or low, normal, high, urgent; higher values start first
    #[arg(short = 'p', long, value_name = "N", allow_negative_numbers = true, value_parser = priority)]
    priority: Option<i64>,
    /// New tenant; an empty value clears it
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Label to add (repeatable)
    #[arg(short = 'l', long = "label", value_name = "WORD")]
    labels: Vec<String>,
    /// Label to remove (repeatable)
    #[arg(long = "unlabel", value_name = "WORD")]
    unlabels: Vec<String>,
    /// New reviewer: `human`, a profile, or `none`
    #[arg(long, value_name = "WHO", add = complete::profiles())]
    review: Option<String>,
    /// New model for the agent, from the next run on; an empty value clears it
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// New effort level for the agent, from the next run on; an empty value clears it
    #[arg(long, value_name = "WORD")]
    effort: Option<String>,
    /// Extra argument for the agent's program, replacing the present ones (repeatable)
    #[arg(
        long = "arg",
        value_name = "ARGUMENT",
        allow_hyphen_values = true,
        conflicts_with = "no_args"
    )]
    args: Vec<String>,
    /// Remove all extra arguments
    #[arg(long)]
    no_args: bool,
    /// New assignee; `none` clears it
    #[arg(short = 'a', long, value_name = "NAME", add = complete::profiles())]
    assignee: Option<String>,
    /// Task that must be finished first (repeatable)
    #[arg(long = "parent", value_name = "ID", add = complete::tasks())]
    parents: Vec<TaskArg>,
    /// Task that need no longer be finished first (repeatable)
    #[arg(long = "no-parent", value_name = "ID", add = complete::tasks())]
    no_parents: Vec<TaskArg>,
    /// New workspace: scratch, dir:PATH, worktree or worktree:PATH
    #[arg(long, value_name = "KIND[:PATH]")]
    workspace: Option<String>,
    /// Let the directory of --workspace dir:PATH be missing: it is created when the task starts
    #[arg(long, requires = "workspace")]
    create_dir: bool,
    /// Skill for the worker to load, replacing the present ones (repeatable)
    #[arg(long = "skill", value_name = "NAME", conflicts_with = "no_skills")]
    skills: Vec<String>,
    /// Load no skills
    #[arg(long)]
    no_skills: bool,
    /// Time limit per run (90s, 5m, 2h, 1d or plain seconds); `default` restores the default limit
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    max_runtime: Option<String>,
    #[command(flatten)]
    start: StartFlags,
    /// Time by which it should be done; `none` clears it
    #[arg(long, value_name = "TIME")]
    due: Option<String>,
    /// Only when the task still has this version (`version` in --json)
    #[arg(long, value_name = "VERSION")]
    if_version: Option<i64>,
}

impl Arguments {
    /// Whether it reads a file.
    pub(super) fn reads_file(&self) -> bool {
        self.body_file.is_given()
    }

    /// Whether nothing is named, so that an editor is asked for.
    pub(super) fn wants_editor(&self) -> bool {
        self.title.is_none()
            && self.body.is_none()
            && !self.reads_file()
            && self.priority.is_none()
            && self.tenant.is_none()
            && self.labels.is_empty()
            && self.unlabels.is_empty()
            && self.model.is_none()
            && self.effort.is_none()
            && self.review.is_none()
            && self.args.is_empty()
            && !self.no_args
            && self.wants_no_more()
    }

    fn wants_no_more(&self) -> bool {
        let texts = [&self.assignee, &self.workspace, &self.max_runtime, &self.due];
        texts.into_iter().all(Option::is_none)
            && self.start.is_empty()
            && [&self.parents, &self.no_parents].into_iter().all(Vec::is_empty)
            && self.skills.is_empty()
            && !self.no_skills
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, an editor that fails, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let chosen = arguments.targets.chosen(&client, session)?;
    if arguments.wants_editor() {
        return match chosen.one_id() {
            Some(id) if session.is_interactive() => edit_in_editor(&client, id, session),
            one => Err(nothing_to_change(&arguments, one.is_some())),
        };
    }
    if chosen.ids.len() > 1 && (arguments.title.is_some() || arguments.if_version.is_some()) {
        return Err(Failure::usage("--title and --if-version are per-task")
            .with_hint("with these options, edit one task at a time"));
    }
    let request = of_flags(arguments, session)?;
    show(bulk::answers(&client, &chosen, session, "edit", &request)?, &chosen, session)
}

fn nothing_to_change(arguments: &Arguments, is_one: bool) -> Failure {
    let why = match is_one {
        true => "there is no terminal for an editor",
        false => "the editor is for a single task",
    };
    let id = arguments.targets.first_id();
    Failure::usage(format!("nothing to change: no flag was given, and {why}"))
        .with_hint(format!("kanban edit {id} --title \"a better title\""))
}

/// What the flags ask for.
fn of_flags(arguments: Arguments, session: &Session) -> Result<EditTask, Failure> {
    let times = arguments.start.times(session)?;
    let workspace = arguments.workspace.as_deref().map(|it| workspace(it, &session.ambient));
    let workspace = workspace.unwrap_or_default();
    let body = match arguments.body_file.read(session)? {
        Some(body) => Some(body),
        None => arguments.body.map(|body| session.text_as_it_is("--body", body)).transpose()?,
    };
    Ok(EditTask {
        id: String::new(),
        assignee: match arguments.assignee.as_deref() {
            Some(name) => Some(profile_or_nobody(name)?.unwrap_or_default()),
            None => None,
        },
        add_parents: session.tasks(&arguments.parents)?,
        remove_parents: session.tasks(&arguments.no_parents)?,
        workspace_kind: workspace.kind,
        workspace_path: workspace.path,
        create_dir: arguments.create_dir,
        directories: Default::default(),
        skills: (arguments.no_skills || !arguments.skills.is_empty()).then_some(arguments.skills),
        max_runtime_seconds: match arguments.max_runtime.as_deref() {
            Some("default") => Some(0),
            Some(text) => Some(whole_seconds("--max-runtime", text)?),
            None => None,
        },
        start_at: arguments.start.start_at(&times)?,
        due_at: arguments.due.map(|text| time_or_none("--due", &text, &times)).transpose()?,
        if_version: arguments.if_version,
        title: session.optional_text("--title", arguments.title)?,
        body,
        priority: arguments.priority,
        tenant: arguments.tenant,
        add_labels: arguments.labels,
        remove_labels: arguments.unlabels,
        model: arguments.model,
        effort: arguments.effort,
        review: arguments.review,
        args: (arguments.no_args || !arguments.args.is_empty()).then_some(arguments.args),
        board: session.board.clone(),
    })
}

fn show(answers: Vec<Answer<EditReply>>, chosen: &Chosen, session: &mut Session) -> Ended {
    let with_skills = |answer: Answer<EditReply>| {
        answer.map(|reply| EditReply { task: with_skill_list(reply.task), ..reply })
    };
    let answers: Vec<Answer<EditReply>> = answers.into_iter().map(with_skills).collect();
    print_warnings(answers.iter().flatten().flat_map(|reply| &reply.warnings), session);
    bulk::show(chosen, Shape::OneOrList, answers, session, |reply: &EditReply| {
        if reply.changed.is_empty() {
            return format!("{}: no change", reply.task.id);
        }
        format!("Edited {} ({})", reply.task.id, reply.changed.join(", "))
    })
}

fn edit_in_editor(client: &Client, id: &str, session: &mut Session) -> Ended {
    let path = task_path(id, "")?;
    let details: TaskDetails = client.get(&path, &session.on_board())?;
    let task = details.task;
    let before = form(&task.title, task.body.as_deref().unwrap_or_default());
    let edited =
        in_editor(session, task.id.as_str(), &before, UNCHANGED, |after, session| match request(
            &task, &before, after, session,
        )? {
            Some(request) => Ok(Some(client.patch(&path, &request)?)),
            None => Ok(None),
        })?;
    match edited {
        Some(reply) => show(vec![Ok(reply)], &Chosen::one(id), session),
        None => {
            session.output.line(format!("{}: no change", task.id))?;
            Ok(CliExit::Ok)
        }
    }
}

/// What the form asks for; none when it says what it said.
fn request(
    task: &Task,
    before: &str,
    after: &str,
    session: &Session,
) -> Result<Option<EditTask>, Failure> {
    let (title, body) = read_form(after, UNCHANGED)?;
    let (old_title, old_body) = read_form(before, UNCHANGED)?;
    let title = (title != old_title).then_some(title);
    let body = (body != old_body).then_some(body);
    if title.is_none() && body.is_none() {
        return Ok(None);
    }
    let (id, board) = (task.id.to_string(), session.board.clone());
    Ok(Some(EditTask { id, title, body, board, ..EditTask::default() }))
}
