//! `kanban comment`.

use crate::cli::commands::Ended;
use crate::cli::commands::body_file::BodyFile;
use crate::cli::commands::bulk::{self, Shape};
use crate::cli::commands::targets::Filter;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::{TaskArg, written};
use crate::cli::words;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::{CommentReply, CommentTask};

/// Comment on tasks.
///
/// Tasks in any status accept comments. Workers read the comments of their task before they begin.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "kanban comment [OPTIONS] ID TEXT...
       kanban comment [OPTIONS] ID... --body TEXT
       kanban comment [OPTIONS] --where FILTER TEXT...",
    after_help = "Examples:
  kanban comment t_1a2b3c4d the staging database is read-only until noon
  kanban comment t_1a2b3c4d t_5e6f7a8b --body \"the staging database is writable again\"
  kanban comment --where status=ready,label=db the staging database is read-only until noon"
)]
pub struct Arguments {
    /// Task to comment on (`-` reads ids from stdin), then the text: several words are joined with spaces, `-` reads it from stdin.
    /// With --body and --body-file all words are tasks, with --where none is
    #[arg(value_name = "ID", add = complete::tasks())]
    words: Vec<String>,
    /// Text, if not behind the task; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    #[command(flatten)]
    body_file: BodyFile,
    /// More tasks for the same comment
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with = "filter", add = complete::tasks())]
    ids: Vec<TaskArg>,
    #[command(flatten)]
    filter: Filter,
    /// Author, if not you (refused inside a run)
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

impl Arguments {
    /// Whether it reads a file.
    pub(super) fn reads_file(&self) -> bool {
        self.body_file.is_given()
    }
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or no daemon.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { words, body, body_file, ids: more, filter, author } = arguments;
    let hint = "kanban comment ID your text, or ID… --body TEXT";
    let of_file = body_file.read(session)?;
    let named = words::ids_and_text(&words, filter.is_given(), of_file.clone().or(body))
        .map_err(|message| Failure::usage(message).with_hint(hint))?;
    let Some(body) = named.reason else {
        let required = "comment body is required";
        return Err(Failure::usage_of(ErrorCode::CommentBodyRequired, required).with_hint(hint));
    };
    let body = match of_file {
        Some(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
        None => session.text("comment", body)?,
    };
    let client = session.client()?;
    let chosen = filter.chosen(&[named.ids, written(&more)].concat(), &client, session)?;
    let author = author.or_else(|| author_outside_runs(session));
    let request = CommentTask { id: String::new(), body, author, board: session.board.clone() };
    let answers = bulk::answers(&client, &chosen, session, "comment", &request)?;
    bulk::show(&chosen, Shape::OneOrList, answers, session, |reply: &CommentReply| {
        format!("Comment added to {}", reply.task_id)
    })
}

/// Inside a run the daemon knows who writes and refuses to be told.
fn author_outside_runs(session: &Session) -> Option<String> {
    if session.is_in_run() { None } else { session.profile().map(str::to_owned) }
}
