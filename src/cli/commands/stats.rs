//! `kanban stats`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::kernel::queries::{GetStats, Stats};
use crate::kernel::task::TaskStatus;

/// Count the tasks of a board.
///
/// Counts by status and by assignee, without archived tasks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanban stats\n  kanban stats --json | jq .by_status.ready")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let request = GetStats { board: session.board.clone() };
    let stats: Stats = session.client()?.get("/v1/stats", &request)?;
    if session.output.is_json() {
        session.output.json(&stats)?;
        return Ok(CliExit::Ok);
    }
    for line in lines(&stats) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

fn lines(stats: &Stats) -> Vec<String> {
    let mut lines = vec!["By status:".to_owned()];
    let shown = TaskStatus::ALL.into_iter().filter(|status| *status != TaskStatus::Archived);
    for status in shown.map(TaskStatus::as_str) {
        let count = stats.by_status.get(status).copied().unwrap_or_default();
        lines.push(format!("  {status:<8} {count:>5}"));
    }
    if !stats.by_assignee.is_empty() {
        lines.push("By assignee:".to_owned());
    }
    let names: Vec<String> = stats.by_assignee.keys().map(|name| one_line(name)).collect();
    let columns = names.iter().map(|name| width(name)).max().unwrap_or_default();
    for (name, counts) in names.iter().zip(stats.by_assignee.values()) {
        let counts: Vec<String> =
            counts.iter().map(|(status, count)| format!("{status}={count}")).collect();
        lines.push(format!("  {}  {}", pad(name, columns), counts.join(" ")));
    }
    if let Some(seconds) = stats.oldest_ready_age_seconds {
        lines.push(format!("Oldest ready task age: {seconds}s"));
    }
    lines
}
