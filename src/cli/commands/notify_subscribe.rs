//! `kanban notify-subscribe`.

use crate::api::client::task_path;
use crate::cli::commands::{Ended, notify_list};
use crate::cli::complete;
use crate::cli::session::Session;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{Subscribe, SubscribeReply};

/// Subscribe a chat to a task: done, blocked or given up.
///
/// The subscription begins now; earlier events are not sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban notify-subscribe t_1a2b3c4d --platform telegram --chat-id 4711
  kanban notify-subscribe t_1a2b3c4d --platform slack --chat-id C024 --thread-id 17.5 --user-id U7")]
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
    /// User who subscribes
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    user_id: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let path = task_path(&arguments.id, "notify_subscribe")?;
    let request = Subscribe {
        id: arguments.id,
        platform: arguments.platform,
        chat_id: arguments.chat_id,
        thread_id: arguments.thread_id.unwrap_or_default(),
        user_id: arguments.user_id,
        board: session.board.clone(),
    };
    let reply: SubscribeReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    let word = if reply.created { "Subscribed" } else { "Already subscribed:" };
    let (chat, id) = (notify_list::chat(&reply.subscription), &reply.subscription.task_id);
    session.output.line(format!("{word} {chat} to {id}"))?;
    Ok(CliExit::Ok)
}
