//! What a new task says and asks for, as flags: of `create`, and of the tasks of a schedule.

use serde_json::{Map, Value, json};

use crate::cli::arguments::{priority, whole_seconds, workspace};
use crate::cli::commands::body_file::BodyFile;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;

/// The flags of a task but for its title and its times.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct TaskFlags {
    /// Instructions for the worker; `-` reads them from stdin
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    #[command(flatten)]
    body_file: BodyFile,
    /// Profile that works on the task
    #[arg(short = 'a', long, value_name = "NAME", add = complete::profiles())]
    assignee: Option<String>,
    /// Task that must be finished first (repeatable)
    #[arg(long = "parent", value_name = "ID", add = complete::tasks())]
    parents: Vec<TaskArg>,
    /// Workspace: scratch, dir:PATH, worktree or worktree:PATH
    #[arg(long, value_name = "KIND[:PATH]")]
    workspace: Option<String>,
    /// Let the directory of --workspace dir:PATH be missing: it is created when the task starts
    #[arg(long)]
    create_dir: bool,
    /// Namespace, passed to the worker
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Priority: a number, or low, normal, high, urgent (-10, 0, 10, 100); higher values start first (default: 0)
    #[arg(short = 'p', long, value_name = "N", allow_negative_numbers = true, value_parser = priority)]
    priority: Option<i64>,
    /// Create the task in `triage`; it is not started until promoted
    #[arg(long)]
    triage: bool,
    /// Time limit per run (90s, 5m, 2h, 1d or plain seconds); `none` removes the default limit
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    max_runtime: Option<String>,
    /// Skill for the worker to load (repeatable)
    #[arg(long = "skill", value_name = "NAME")]
    skills: Vec<String>,
    /// Label (repeatable)
    #[arg(short = 'l', long = "label", value_name = "WORD")]
    labels: Vec<String>,
    /// Model for the agent, if its launcher supports one
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Reviewer of the completed task: `human`, a profile, or `none`. Default: what profile and board are configured to ask for
    #[arg(long, value_name = "WHO", add = complete::profiles())]
    review: Option<String>,
    /// Effort level for the agent, if its launcher supports one
    #[arg(long, value_name = "WORD")]
    effort: Option<String>,
    /// Extra argument for the agent's program (repeatable)
    #[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    args: Vec<String>,
}

impl TaskFlags {
    /// Whether they name a file.
    pub(super) fn reads_file(&self) -> bool {
        self.body_file.is_given()
    }

    /// The fields of `create` that are given; a null clears what goes with one of them. An empty list and a flag that is not set say
    /// nothing.
    ///
    /// # Errors
    /// A usage error that names the flag.
    pub(super) fn given(self, session: &Session) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        let body = match self.body_file.read(session)? {
            Some(body) => Some(body),
            None => self.body.map(|body| session.text_as_it_is("--body", body)).transpose()?,
        };
        let workspace = self.workspace.as_deref().map(|text| workspace(text, &session.ambient));
        let workspace = workspace.unwrap_or_default();
        for (name, text) in [
            ("body", body),
            ("assignee", self.assignee),
            ("workspace_kind", workspace.kind),
            ("workspace_path", workspace.path),
            ("tenant", self.tenant),
            ("model", self.model),
            ("effort", self.effort),
            ("review", self.review),
        ] {
            if let Some(text) = text {
                fields.insert(name.to_owned(), text.into());
            }
        }
        if fields.contains_key("workspace_kind") {
            // None of the one before.
            fields.entry("workspace_path").or_insert(Value::Null);
        }
        for (name, list) in [
            ("parents", session.tasks(&self.parents)?),
            ("skills", self.skills),
            ("labels", self.labels),
            ("args", self.args),
        ] {
            if !list.is_empty() {
                fields.insert(name.to_owned(), list.into());
            }
        }
        if let Some(priority) = self.priority {
            fields.insert("priority".to_owned(), priority.into());
        }
        if self.create_dir {
            fields.insert("create_dir".to_owned(), true.into());
        }
        if self.triage {
            fields.insert("triage".to_owned(), true.into());
        }
        match self.max_runtime.as_deref() {
            // A variable that is not set gives no limit.
            None | Some("") => {}
            Some(word) if word.eq_ignore_ascii_case("none") => {
                fields.insert("no_max_runtime".to_owned(), true.into());
                fields.insert("max_runtime_seconds".to_owned(), Value::Null);
            }
            Some(text) => {
                let seconds = whole_seconds("--max-runtime", text)?;
                fields.insert("max_runtime_seconds".to_owned(), json!(seconds));
                fields.insert("no_max_runtime".to_owned(), false.into());
            }
        }
        Ok(fields)
    }
}
