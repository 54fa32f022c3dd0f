//! `kanban assignees`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::service::assignees::Assignee;

/// Kind of an assignee for whom nothing is started.
const PERSON: &str = "person";

/// List assignees: every profile, every person and every name that has a task.
///
/// Shows the number of tasks by status, without archived tasks. `--json` adds the program that would be started for each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban assignees
  kanban assignees --json | jq '.[] | {name, would_run}'")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let assignees: Vec<Assignee> = session.client()?.get("/v1/assignees", &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&assignees)?;
        return Ok(CliExit::Ok);
    }
    if assignees.is_empty() {
        session.output.line("(no assignees: no profile is configured and no task is assigned)")?;
        return Ok(CliExit::Ok);
    }
    let names: Vec<String> = assignees.iter().map(|assignee| one_line(&assignee.name)).collect();
    let columns = names.iter().map(|name| width(name)).max().unwrap_or_default().max(4);
    session.output.line(format!("{}  ON DISK  COUNTS", pad("NAME", columns)))?;
    for (name, assignee) in names.iter().zip(&assignees) {
        let on_disk = if assignee.on_disk { "yes" } else { "no" };
        let of_person = if assignee.kind == PERSON { "  (person)" } else { "" };
        let line = format!("{}  {on_disk:<7}  {}{of_person}", pad(name, columns), counts(assignee));
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

fn counts(assignee: &Assignee) -> String {
    if assignee.counts.is_empty() {
        return "(idle)".to_owned();
    }
    let count = |(status, count): (&String, &i64)| format!("{status}={count}");
    assignee.counts.iter().map(count).collect::<Vec<_>>().join(" ")
}
