//! `kanban notify-list`.

use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::queries::Subscription;

/// List notification subscriptions.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanban notify-list\n  kanban notify-list t_1a2b3c4d --json")]
pub struct Arguments {
    /// Only subscriptions to this task
    #[arg(add = complete::tasks())]
    id: Option<TaskArg>,
}

#[derive(Debug, Serialize)]
struct Query<'a> {
    task: Option<&'a str>,
    board: Option<&'a str>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let task = session.optional_task(arguments.id.as_ref())?;
    let query = Query { task: task.as_deref(), board: session.board.as_deref() };
    let found: Vec<Subscription> = session.client()?.get("/v1/subscriptions", &query)?;
    if session.output.is_json() {
        session.output.json(&found)?;
        return Ok(CliExit::Ok);
    }
    if found.is_empty() {
        session.output.line("(no subscriptions)")?;
    }
    for row in found {
        let line =
            format!("  {}  {}  (since event {})", row.task_id, chat(&row), row.last_event_id);
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

/// `platform:chat[:thread]`.
pub(super) fn chat(subscription: &Subscription) -> String {
    let Subscription { platform, chat_id, thread_id, .. } = subscription;
    let thread = if thread_id.is_empty() { String::new() } else { format!(":{thread_id}") };
    one_line(&format!("{platform}:{chat_id}{thread}"))
}
