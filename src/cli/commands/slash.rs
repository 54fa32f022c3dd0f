//! `kanban slash`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::slash::{Answer, answer};

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
}

/// Runs it.
///
/// # Errors
/// The output cannot be written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let Answer { text, exit } = answer(&arguments.text.join(" "), session.ambient.clone());
    if session.output.is_json() {
        session.output.json(&serde_json::json!({ "text": text }))?;
    } else {
        session.output.line(text)?;
    }
    Ok(exit)
}
