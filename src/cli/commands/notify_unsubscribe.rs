//! `kanban notify-unsubscribe`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{Unsubscribe, UnsubscribeReply};

/// Remove a chat's subscription to a task.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  kanban notify-unsubscribe t_1a2b3c4d --platform telegram --chat-id 4711"
)]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: String,
    /// Chat platform
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// Chat on that platform
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    chat_id: String,
    /// Thread in that chat
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    thread_id: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let path = task_path(&arguments.id, "notify_unsubscribe")?;
    let request = Unsubscribe {
        id: arguments.id,
        platform: arguments.platform,
        chat_id: arguments.chat_id,
        thread_id: arguments.thread_id.unwrap_or_default(),
        board: session.board.clone(),
    };
    let reply: UnsubscribeReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("Unsubscribed from {}", reply.id))?;
    }
    Ok(CliExit::Ok)
}
