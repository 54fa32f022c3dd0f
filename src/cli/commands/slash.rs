//! `kanban slash`.

use std::io::Read as _;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::for_chat::serve;
use crate::cli::session::Session;
use crate::cli::slash::{Answer, answer};
use crate::exit_codes::CliExit;

/// Run a command given as a chat message: `/kanban list`.
///
/// The message is split like a shell command. The reply is one text, short enough for a chat. Verbs that never end, or
/// that need files or a terminal, are refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban slash '/kanban list --status blocked'
  kanban slash '/kanban create \"Fix the door\" --assignee carpenter'")]
pub struct Arguments {
    /// Message; several words are joined with spaces
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    text: Vec<String>,
    /// Run the line that the courier describes on the standard input
    #[arg(long, hide = true, conflicts_with = "text")]
    for_courier: bool,
}

/// Runs it.
///
/// # Errors
/// The output cannot be written, or the courier says nothing that can be read.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    if arguments.for_courier {
        let mut input = String::new();
        let read = session.stdin()?.read_to_string(&mut input);
        read.map_err(|error| Failure::usage(format!("cannot read stdin: {error}")))?;
        session.output.line(serve(&input)?)?;
        return Ok(CliExit::Ok);
    }
    let Answer { text, exit } = answer(&arguments.text.join(" "), session.ambient.clone());
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "text": text }))?;
    } else {
        session.output.line(text)?;
    }
    Ok(exit)
}
