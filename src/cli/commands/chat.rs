//! `kanban chat`.

use clap::Subcommand;
use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::queries::ChatPerson;
use crate::kernel::verbs::{AllowChatUser, AllowChatUserReply, DenyChatUser, DenyChatUserReply};

/// Say who may use the board from a chat.
///
/// A user of a channel is known by the provider's id, never by a name. What a role may is configured in `[chat.roles.NAME]`; `member`
/// and `lead` are built in.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban chat allow telegram 4711 --as ada --role member
  kanban chat deny telegram 4711
  kanban chat list")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Allow a user of a channel, or change name or role of one
    #[command(after_help = "Example:\n  kanban chat allow telegram 4711 --as ada --role lead")]
    Allow {
        /// Channel, as configured in [channels.NAME]
        channel: String,
        /// Id of the user at the provider; the bot tells it in a direct message
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// Name of the person, for events and comments
        #[arg(long = "as", value_name = "NAME")]
        person: String,
        /// Role: `member`, `lead`, or one of [chat.roles.NAME]
        #[arg(long)]
        role: String,
    },
    /// Deny a user of a channel
    #[command(after_help = "Example:\n  kanban chat deny telegram 4711")]
    Deny {
        /// Channel
        channel: String,
        /// Id of the user at the provider
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// List the users that are allowed
    #[command(after_help = "Example:\n  kanban chat list")]
    List,
}

#[derive(Debug, Serialize)]
struct Query {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    match arguments.action {
        Action::Allow { channel, id, person, role } => {
            let request = AllowChatUser { channel, user_id: id, person, role };
            let reply: AllowChatUserReply = session.client()?.post("/v1/chat/people", &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
                return Ok(CliExit::Ok);
            }
            session.output.line(line(&reply.person))?;
            for warning in &reply.warnings {
                session.output.complain(&format!("warning: {warning}"));
            }
            Ok(CliExit::Ok)
        }
        Action::Deny { channel, id } => {
            let what = one_line(&format!("{channel} {id}"));
            let request = DenyChatUser { channel, user_id: id };
            let reply: DenyChatUserReply =
                session.client()?.post("/v1/chat/people/deny", &request)?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else if reply.denied {
                session.output.line(format!("Denied {what}"))?;
            } else {
                session.output.line(format!("{what} was not allowed"))?;
            }
            Ok(CliExit::Ok)
        }
        Action::List => {
            let found: Vec<ChatPerson> = session.client()?.get("/v1/chat/people", &Query {})?;
            if session.output.is_json() {
                session.output.json(&found)?;
                return Ok(CliExit::Ok);
            }
            if found.is_empty() {
                session.output.line("(nobody is allowed)")?;
            }
            for person in &found {
                session.output.line(line(person))?;
            }
            Ok(CliExit::Ok)
        }
    }
}

/// `telegram 4711  ada  member`.
fn line(person: &ChatPerson) -> String {
    let ChatPerson { channel, user_id, person, role, .. } = person;
    one_line(&format!("{channel} {user_id}  {person}  {role}"))
}
