//! `kanban notify-subscribe`.

use crate::api::client::task_path;
use crate::cli::commands::{Ended, notify_list};
use crate::cli::complete;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::exit_codes::CliExit;
use crate::kernel::rules::notify::Level;
use crate::kernel::verbs::{
    Subscribe, SubscribeReply, TestReply, TestRoute, WatchReply, WatchTasks,
};

/// Subscribe an address of a channel to a task, or to all tasks of a board, assignee, tenant or label.
///
/// The subscription begins now; earlier events are not sent. `quiet` sends what ends and what needs a person, `normal` (default for
/// a task) also keeps one message up to date, `verbose` sends each step.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban notify-subscribe t_1a2b3c4d --platform telegram --chat-id 4711
  kanban notify-subscribe --platform ops --chat-id alerts --board web --level quiet
  kanban notify-subscribe --platform hook --chat-id https://ci.example.org/kanban --kinds completed,gave_up")]
pub struct Arguments {
    /// Task; without it, all tasks that the filters name
    #[arg(add = complete::tasks())]
    id: Option<TaskArg>,
    /// Name of the channel
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// Address on that channel: a chat, a topic, a mail address, a URL
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    chat_id: String,
    /// Thread in that chat
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    thread_id: Option<String>,
    /// User who subscribes
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    user_id: Option<String>,
    /// Only tasks of this assignee
    #[arg(short = 'a', long, value_name = "NAME", conflicts_with = "id")]
    assignee: Option<String>,
    /// Only tasks of this tenant
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    tenant: Option<String>,
    /// Only tasks with this label
    #[arg(short = 'l', long, value_name = "LABEL", conflicts_with = "id")]
    label: Option<String>,
    /// Only these kinds of events, each as a message
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    kinds: Vec<String>,
    /// How much is sent: quiet, normal or verbose
    #[arg(long, value_name = "LEVEL", value_parser = ["quiet", "normal", "verbose"])]
    level: Option<String>,
    /// Person to name when something needs one
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// Quiet hours of the address, such as "22:00-07:00 Europe/Berlin"; "" removes them
    #[arg(long, value_name = "HOURS")]
    quiet: Option<String>,
    /// Send a test message too
    #[arg(long)]
    test: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let level = arguments.level.as_deref().and_then(Level::parse);
    let test = arguments.test.then(|| TestRoute {
        channel: arguments.platform.clone(),
        address: arguments.chat_id.clone(),
        thread: arguments.thread_id.clone().unwrap_or_default(),
    });
    let warnings = match session.optional_task(arguments.id.as_ref())? {
        Some(id) => to_task(id, arguments, level, session)?,
        None => to_many(arguments, level, session)?,
    };
    for warning in warnings {
        session.output.complain(&format!("warning: {warning}"));
    }
    if let Some(test) = test {
        let reply: TestReply = session.client()?.post("/v1/outbox/test", &test)?;
        if !session.output.is_json() {
            session.output.line(format!("Test message {} is on its way", reply.id))?;
        }
    }
    Ok(CliExit::Ok)
}

fn to_task(
    id: String,
    arguments: Arguments,
    level: Option<Level>,
    session: &mut Session,
) -> Result<Vec<String>, Failure> {
    let path = task_path(&id, "notify_subscribe")?;
    let request = Subscribe {
        id,
        platform: arguments.platform,
        chat_id: arguments.chat_id,
        thread_id: arguments.thread_id.unwrap_or_default(),
        user_id: arguments.user_id,
        board: session.board.clone(),
        level,
        kinds: arguments.kinds,
        person: arguments.person,
        quiet: arguments.quiet,
    };
    let reply: SubscribeReply = session.client()?.post(&path, &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(Vec::new());
    }
    let word = if reply.created { "Subscribed" } else { "Already subscribed:" };
    let (chat, id) = (notify_list::chat(&reply.subscription), &reply.subscription.task_id);
    session.output.line(format!("{word} {chat} to {id}"))?;
    Ok(reply.warnings)
}

fn to_many(
    arguments: Arguments,
    level: Option<Level>,
    session: &mut Session,
) -> Result<Vec<String>, Failure> {
    let target = format!("{}:{}", arguments.platform, arguments.chat_id);
    let request = WatchTasks {
        platform: arguments.platform,
        chat_id: arguments.chat_id,
        thread_id: arguments.thread_id.unwrap_or_default(),
        board: session.board.clone(),
        assignee: arguments.assignee,
        tenant: arguments.tenant,
        label: arguments.label,
        level,
        kinds: arguments.kinds,
        person: arguments.person,
        quiet: arguments.quiet,
        remove: false,
        dry_run: false,
    };
    if !is_wanted(&request, session)? {
        return Ok(Vec::new());
    }
    let reply: WatchReply = session.client()?.post("/v1/subscriptions", &request)?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(Vec::new());
    }
    let word = if reply.created { "Subscribed" } else { "Changed the subscription of" };
    session.output.line(format!("{word} {target}"))?;
    Ok(reply.warnings)
}

/// Shows how much a subscription would have heard in the last day before it is taken; whether the person in front of the terminal, if there
/// is one, wants it.
fn is_wanted(request: &WatchTasks, session: &mut Session) -> Result<bool, Failure> {
    if !request.is_storm() {
        return Ok(true);
    }
    let dry_run = WatchTasks { dry_run: true, ..request.clone() };
    let reply: WatchReply = session.client()?.post("/v1/subscriptions", &dry_run)?;
    for warning in reply.warnings.iter().filter(|warning| warning.contains("last day")) {
        session.output.complain(&format!("warning: {warning}"));
    }
    Ok(!session.is_interactive() || session.confirm("Subscribe?")?)
}
