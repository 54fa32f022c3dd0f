//! `kanban dispatch`.

use crate::api::client::seen::DispatchReport;
use crate::cli::commands::Ended;
use crate::cli::commands::targets::Filter;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::NONE;
use crate::cli::text::one_line;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::{Hold, NotStarted};
use crate::service::dispatch::DispatchRequest;

/// Start ready tasks now instead of waiting for the dispatcher.
///
/// With ids or --where, starts these tasks and no others. Returns when every start has succeeded or failed. Ignores back-off; obeys limits,
/// breakers and pause.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban dispatch t_1a2b3c4d
  kanban dispatch --where status=ready,label=urgent
  kanban dispatch --dry-run
  kanban dispatch --max 1 --failure-limit 2")]
pub struct Arguments {
    /// Tasks to start (`-` reads ids from stdin); default: those at the head of the queues
    #[arg(value_name = "ID", conflicts_with_all = ["dry_run", "max", "filter"], add = complete::tasks())]
    ids: Vec<TaskArg>,
    #[command(flatten)]
    filter: Filter,
    /// Show the result without starting anything
    #[arg(long, conflicts_with = "filter")]
    dry_run: bool,
    /// Maximum number of starts; 0 runs the pass without starting tasks
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "filter")]
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
    let client = session.client()?;
    let mut ids = Vec::new();
    if arguments.filter.is_given() || !arguments.ids.is_empty() {
        ids = arguments.filter.among(&arguments.ids, &client, session)?.ids;
        if ids.is_empty() {
            // Without ids the daemon would start what is at the head of the queues.
            return show(&DispatchReport::default(), arguments.dry_run, session);
        }
    }
    let request = DispatchRequest {
        ids,
        dry_run: arguments.dry_run,
        max: arguments.max,
        failure_limit: arguments.failure_limit,
        board: session.board.clone(),
    };
    let report: DispatchReport = client.post("/v1/dispatch", &request)?;
    show(&report, arguments.dry_run, session)
}

fn show(report: &DispatchReport, is_dry: bool, session: &mut Session) -> Ended {
    let exit = if report.not_started.is_empty() { CliExit::Ok } else { CliExit::Refused };
    if session.output.is_json() {
        session.output.json(report)?;
        return Ok(exit);
    }
    for line in lines(report, is_dry) {
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
    lines.extend(report.held_by.as_ref().map(|hold| match hold.known() {
        Some(Hold::Paused) => "Held: paused; resume with `kanban resume`".to_owned(),
        Some(Hold::Draining) => "Held: draining; resume with `kanban resume`".to_owned(),
        Some(Hold::Disk) => "Held: the disk is nearly full; see `kanban doctor`".to_owned(),
        None => format!("Held: {}", one_line(hold.as_str())),
    }));
    if !report.skipped_unassigned.is_empty() {
        lines.push(format!("Skipped (unassigned): {}", report.skipped_unassigned.join(", ")));
    }
    lines
}
