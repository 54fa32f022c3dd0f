//! `kanban reload`.

use crate::cli::commands::Ended;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::service::reload::{ReloadReply, SettingChange};

/// Reload the daemon's configuration.
///
/// The new configuration is applied as a whole or not at all: if it has errors, all of them are reported and the old
/// one stays in effect. Changes apply from the next claim; keys that need a restart of the daemon are marked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban reload
  kanban reload --json | jq '.changes[] | select(.from_restart).key'")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal: the configuration is wrong.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let reply: ReloadReply = session.client()?.post("/v1/reload", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&reply)?;
        return Ok(CliExit::Ok);
    }
    if reply.changes.is_empty() {
        session.output.line("No changes")?;
    }
    for change in &reply.changes {
        session.output.line(line(change))?;
    }
    Ok(CliExit::Ok)
}

fn line(change: &SettingChange) -> String {
    let value = |value: &Option<String>| value.as_deref().map_or("not set".to_owned(), one_line);
    let when = if change.from_restart { " (after a restart of the daemon)" } else { "" };
    format!("{}: {} → {}{when}", one_line(&change.key), value(&change.old), value(&change.new))
}
