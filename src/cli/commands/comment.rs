//! `kanban comment`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::kernel::verbs::{CommentReply, CommentTask};

/// Comment on a task.
///
/// Tasks in any status accept comments. Workers read the comments of their task before they begin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  kanban comment t_1a2b3c4d the staging database is read-only until noon"
)]
pub struct Arguments {
    /// Task to comment on
    #[arg(add = complete::tasks())]
    id: String,
    /// Text; several words are joined with spaces, `-` reads it from stdin
    words: Vec<String>,
    /// Author, if not you (refused inside a run)
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
}

/// Runs it.
///
/// # Errors
/// A wrong command line, or the daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    if arguments.words.is_empty() {
        return Err(Failure::usage_of(ErrorCode::CommentBodyRequired, "comment body is required")
            .with_hint(format!("kanban comment {} your text", arguments.id)));
    }
    let path = task_path(&arguments.id, "comment")?;
    let body = session.text("comment", arguments.words.join(" "))?;
    let request = CommentTask {
        id: arguments.id,
        body,
        author: arguments.author.or_else(|| author_outside_runs(session)),
        board: session.board.clone(),
    };
    let reply: CommentReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("Comment added to {}", reply.task_id))?;
    }
    Ok(CliExit::Ok)
}

/// Inside a run the daemon knows who writes and refuses to be told.
fn author_outside_runs(session: &Session) -> Option<String> {
    if session.is_in_run() { None } else { session.profile().map(str::to_owned) }
}
