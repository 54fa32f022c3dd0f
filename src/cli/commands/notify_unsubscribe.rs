//! `kanban notify-unsubscribe`.

use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{Unsubscribe, UnsubscribeReply, WatchReply, WatchTasks};

/// Remove an address's subscription to a task, or to the tasks that filters name.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  kanban notify-unsubscribe t_1a2b3c4d --platform telegram --chat-id 4711"
)]
pub struct Arguments {
    /// Task; without it, the subscription with these filters
    #[arg(add = complete::tasks())]
    id: Option<TaskArg>,
    /// Name of the channel
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// Address on that channel
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    chat_id: String,
    /// Thread in that chat
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    thread_id: Option<String>,
    /// The assignee of the subscription
    #[arg(short = 'a', long, value_name = "NAME", conflicts_with = "id")]
    assignee: Option<String>,
    /// Its tenant
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    tenant: Option<String>,
    /// Its label
    #[arg(short = 'l', long, value_name = "LABEL", conflicts_with = "id")]
    label: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Some(id) = session.optional_task(arguments.id.as_ref())? else {
        return from_many(arguments, session);
    };
    let path = task_path(&id, "notify_unsubscribe")?;
    let request = Unsubscribe {
        id,
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

fn from_many(arguments: Arguments, session: &mut Session) -> Ended {
    let target = format!("{}:{}", arguments.platform, arguments.chat_id);
    let request = WatchTasks {
        platform: arguments.platform,
        chat_id: arguments.chat_id,
        thread_id: arguments.thread_id.unwrap_or_default(),
        board: session.board.clone(),
        assignee: arguments.assignee,
        tenant: arguments.tenant,
        label: arguments.label,
        remove: true,
        ..WatchTasks::default()
    };
    let reply: WatchReply = session.client()?.post("/v1/subscriptions", &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("Unsubscribed {target}"))?;
    }
    Ok(CliExit::Ok)
}
