//! `kanban notify`.

use clap::Subcommand;
use serde::Serialize;

use crate::cli::commands::{Ended, notify_setup};
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::queries::{FilterInfo, MessageInfo, OutboxList};
use crate::kernel::verbs::{DropOutbox, OutboxCount, RetryOutbox, TestReply, TestRoute};

/// Show and steer the messages that the board sends.
///
/// Channels are configured in `[channels.NAME]`; `kanban notify-subscribe` says who is sent what.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban notify list
  kanban notify dead --json
  kanban notify retry telegram
  kanban notify test telegram 4711")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List addresses, subscriptions to many tasks, and messages that are not sent yet
    #[command(after_help = "Example:\n  kanban notify list telegram")]
    List {
        /// Only this channel
        channel: Option<String>,
    },
    /// List messages that were given up, newest first
    #[command(after_help = "Example:\n  kanban notify dead")]
    Dead {
        /// Only this channel
        channel: Option<String>,
    },
    /// Send a given-up message again, or everything of a channel
    #[command(after_help = "Examples:\n  kanban notify retry 17\n  kanban notify retry telegram")]
    Retry {
        /// Number of a message, or name of a channel
        what: String,
    },
    /// Give up a message for good
    #[command(after_help = "Example:\n  kanban notify drop 17")]
    Drop {
        /// Number of the message
        id: i64,
    },
    /// Store the secret of a channel and start sending through it
    ///
    /// The secret is asked for, or read from a pipe. It goes into a file of its own, which only the courier reads; for the
    /// service of the machine use sudo.
    #[command(
        after_help = "Examples:\n  kanban notify setup telegram\n  sudo kanban notify setup hooks <secret"
    )]
    Setup {
        /// Channel, as configured in [channels.NAME]
        channel: String,
    },
    /// Send a test message
    #[command(after_help = "Example:\n  kanban notify test telegram 4711")]
    Test {
        /// Channel
        channel: String,
        /// Address on that channel
        #[arg(allow_hyphen_values = true)]
        address: String,
        /// Thread there
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        thread_id: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct Query<'a> {
    channel: Option<&'a str>,
    dead: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    match arguments.action {
        Action::List { channel } => list(session, channel.as_deref(), false),
        Action::Dead { channel } => list(session, channel.as_deref(), true),
        Action::Retry { what } => {
            let request = match what.parse() {
                Ok(id) => RetryOutbox { id: Some(id), channel: None },
                Err(_) => RetryOutbox { id: None, channel: Some(what) },
            };
            let reply: OutboxCount = session.client()?.post("/v1/outbox/retry", &request)?;
            counted(session, &reply, "to send again")
        }
        Action::Drop { id } => {
            let reply: OutboxCount =
                session.client()?.post("/v1/outbox/drop", &DropOutbox { id })?;
            counted(session, &reply, "dropped")
        }
        Action::Setup { channel } => notify_setup::run(&channel, session),
        Action::Test { channel, address, thread_id } => {
            let thread = thread_id.unwrap_or_default();
            let request = TestRoute { channel, address, thread };
            let reply: TestReply = session.client()?.post("/v1/outbox/test", &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                let line = format!(
                    "Message {} is on its way; `kanban notify list` shows it until then",
                    reply.id
                );
                session.output.line(line)?;
            }
            Ok(CliExit::Ok)
        }
    }
}

fn counted(session: &mut Session, reply: &OutboxCount, what: &str) -> Ended {
    if session.output.is_json() {
        session.output.json(reply)?;
    } else {
        let plural = if reply.count == 1 { "" } else { "s" };
        session.output.line(format!("{} message{plural} {what}", reply.count))?;
    }
    Ok(CliExit::Ok)
}

fn list(session: &mut Session, channel: Option<&str>, dead: bool) -> Ended {
    let list: OutboxList = session.client()?.get("/v1/outbox", &Query { channel, dead })?;
    if session.output.is_json() {
        session.output.json(&list)?;
        return Ok(CliExit::Ok);
    }
    if !dead {
        for state in &list.channels {
            let what = match (&state.broken_since, &state.reason) {
                (Some(_), Some(reason)) => format!("cannot be used: {reason}"),
                (Some(_), None) => "cannot be used".to_owned(),
                (None, _) => "paused by the provider's limit".to_owned(),
            };
            session.output.line(one_line(&format!("{}  {what}", state.channel)))?;
        }
        for route in &list.routes {
            let state = match (&route.broken_since, &route.reason) {
                (Some(_), Some(reason)) => format!("broken: {reason}"),
                (Some(_), None) => "broken".to_owned(),
                (None, _) => "ok".to_owned(),
            };
            let target = target(&route.channel, &route.address, &route.thread);
            let quiet = route.quiet.as_ref().map(|quiet| format!("  quiet {quiet}"));
            let state = format!("{state}{}", quiet.unwrap_or_default());
            session.output.line(one_line(&format!("{target}  {state}")))?;
        }
        for filter in &list.filters {
            session.output.line(one_line(&watched(filter)))?;
        }
    }
    let times = session.times();
    for message in &list.messages {
        session.output.line(line(message, &times))?;
    }
    if list.messages.is_empty() {
        session.output.line(if dead {
            "(no given-up messages)"
        } else {
            "(no waiting messages)"
        })?;
    }
    Ok(CliExit::Ok)
}

fn target(channel: &str, address: &str, thread: &str) -> String {
    let thread = if thread.is_empty() { String::new() } else { format!(":{thread}") };
    format!("{channel}:{address}{thread}")
}

/// A subscription to many tasks, in one line.
fn watched(filter: &FilterInfo) -> String {
    let target = target(&filter.channel, &filter.address, &filter.thread);
    let of = [
        ("board", &filter.board),
        ("assignee", &filter.assignee),
        ("tenant", &filter.tenant),
        ("label", &filter.label),
    ];
    let of =
        of.into_iter().filter_map(|(name, value)| Some(format!(" {name}={}", value.as_ref()?)));
    let of: String = of.collect();
    let of = if of.is_empty() { " all tasks".to_owned() } else { format!(" tasks with{of}") };
    let what = if filter.kinds.is_empty() {
        format!("{} events", filter.level)
    } else {
        filter.kinds.join(", ")
    };
    format!("{target}  {what} of{of}")
}

fn line(message: &MessageInfo, times: &Times) -> String {
    let MessageInfo { id, state, channel, address, headline, attempts, .. } = message;
    let age = times.age(message.created_at);
    let task = message.task.as_deref().unwrap_or("-");
    let why = match (&message.code, &message.error) {
        (Some(code), Some(error)) => format!("  {code}: {error}"),
        (None, Some(error)) => format!("  {error}"),
        (_, None) => String::new(),
    };
    let plural = if *attempts == 1 { "" } else { "s" };
    one_line(&format!(
        "{id}  {state}  {channel}:{address}  {task}  {headline}  ({age}, {attempts} attempt{plural}){why}"
    ))
}
