//! `kanban dispatch`.

use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::tasks::NONE;
use crate::cli::text::one_line;
use crate::cli::words::each_once;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{DispatchReport, Hold, NotStarted};
use crate::service::dispatch::DispatchRequest;

/// Start ready tasks now instead of waiting for the dispatcher.
///
/// With ids, starts these tasks and no others. Returns when every start has succeeded or failed. Ignores back-off; obeys limits,
/// breakers and pause.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban dispatch t_1a2b3c4d
  kanban dispatch --dry-run
  kanban dispatch --max 1 --failure-limit 2")]
pub struct Arguments {
    /// Tasks to start; default: those at the head of the queues
    #[arg(value_name = "ID", conflicts_with_all = ["dry_run", "max"], add = complete::tasks())]
    ids: Vec<String>,
    /// Show the result without starting anything
    #[arg(long)]
    dry_run: bool,
    /// Maximum number of starts; 0 runs the pass without starting tasks
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max: Option<u32>,
    /// Maximum number of failures for tasks started by this command
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    failure_limit: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let request = DispatchRequest {
        ids: each_once(&arguments.ids),
        dry_run: arguments.dry_run,
        max: arguments.max,
        failure_limit: arguments.failure_limit,
        board: session.board.clone(),
    };
    let report: DispatchReport = session.client()?.post("/v1/dispatch", &request)?;
    let exit = if report.not_started.is_empty() { CliExit::Ok } else { CliExit::Refused };
    if session.output.is_json() {
        session.output.json(&report)?;
        return Ok(exit);
    }
    for line in lines(&report, arguments.dry_run) {
        session.output.line(line)?;
    }
    Ok(exit)
}

fn lines(report: &DispatchReport, is_dry: bool) -> Vec<String> {
    let mut lines = vec![format!("Reclaimed:    {}", report.reclaimed)];
    for (word, ids) in [
        ("Crashed:     ", &report.crashed),
        ("Timed out:   ", &report.timed_out),
        ("Auto-blocked:", &report.auto_blocked),
    ] {
        lines.push(format!("{word} {}", ids.len()));
        lines.extend(ids.iter().map(|id| format!("  - {id}")));
    }
    lines.push(format!("Promoted:     {}", report.promoted));
    lines.push(format!("Spawned:      {}", report.spawned.len()));
    let dry = if is_dry { " (dry)" } else { "" };
    for spawned in &report.spawned {
        let workspace = if spawned.workspace.is_empty() { NONE } else { &spawned.workspace };
        let (id, who) = (&spawned.task_id, &spawned.assignee);
        lines.push(format!("  - {id}  ->  {who}  @ {workspace}{dry}"));
    }
    for NotStarted { task_id, explanation, .. } in &report.not_started {
        lines.push(format!("Not started: {task_id}: {}", one_line(explanation)));
    }
    let held = report.held_by.map(|hold| match hold {
        Hold::Paused => "paused; resume with `kanban resume`",
        Hold::Draining => "draining; resume with `kanban resume`",
        Hold::Disk => "the disk is nearly full; see `kanban doctor`",
    });
    lines.extend(held.map(|held| format!("Held: {held}")));
    if !report.skipped_unassigned.is_empty() {
        lines.push(format!("Skipped (unassigned): {}", report.skipped_unassigned.join(", ")));
    }
    lines
}
