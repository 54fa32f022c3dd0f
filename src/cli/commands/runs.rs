//! `kanban runs`.

use crate::api::client::seen::Run;
use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::NONE;
use crate::cli::text::{first_line, one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::run::RunState;

/// Columns of a summary or an error.
const TEXT_COLUMNS: usize = 100;

/// List the runs of a task, oldest first.
///
/// Shows how each attempt ended and its results. A run without an outcome is in progress; a run in state `finishing`
/// or `stopping` has ended, but some of its processes are still alive.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban runs t_1a2b3c4d
  kanban runs t_1a2b3c4d --json | jq '.[] | {id, outcome, exit_code, signal}'")]
pub struct Arguments {
    /// Task
    #[arg(add = complete::tasks())]
    id: TaskArg,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let id = session.task(&arguments.id)?;
    let path = task_path(&id, "runs")?;
    let runs: Vec<Run> = session.client()?.get(&path, &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&runs)?;
        return Ok(CliExit::Ok);
    }
    if runs.is_empty() {
        session.output.line(format!("(no runs yet for {})", one_line(&id)))?;
        return Ok(CliExit::Ok);
    }
    for line in lines(&runs, &session.times()) {
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

/// How a run ended, and how far its processes are when they are not gone; of a review what it said.
pub(super) fn outcome_word(run: &Run) -> String {
    let word = work_word(run);
    match &run.review_verdict {
        _ if !run.is_review() => word,
        Some(verdict) => format!("{word}: {}", one_line(verdict)),
        None => format!("{word} review"),
    }
}

fn work_word(run: &Run) -> String {
    match &run.outcome {
        None => format!("({})", run.state.as_str()),
        Some(outcome) if run.is_open() && run.state != RunState::Closed => {
            format!("{outcome} ({})", run.state.as_str())
        }
        Some(outcome) => outcome.to_string(),
    }
}

fn lines(runs: &[Run], times: &Times) -> Vec<String> {
    let head = ["#", "OUTCOME", "PROFILE", "ELAPSED", "STARTED", "RUN"].map(str::to_owned);
    let row = |(index, run): (usize, &Run)| {
        [
            (index + 1).to_string(),
            outcome_word(run),
            run.profile.as_deref().map_or_else(|| NONE.to_owned(), one_line),
            times.elapsed(run.started_at, run.ended_at),
            times.local(run.started_at),
            run.id.to_string(),
        ]
    };
    let rows: Vec<[String; 6]> =
        std::iter::once(head).chain(runs.iter().enumerate().map(row)).collect();
    let mut columns = [0; 6];
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let mut lines = Vec::new();
    let notes = std::iter::once(None).chain(runs.iter().map(Some));
    for (row, run) in rows.iter().zip(notes) {
        let cells: Vec<String> =
            row.iter().zip(columns).map(|(cell, columns)| pad(cell, columns)).collect();
        lines.push(cells.join("  ").trim_end().to_owned());
        let resumed = run.and_then(|run| run.resumed_run_id);
        lines.extend(resumed.map(|before| format!("     ↻ in the session of run {before}")));
        let texts = run.map(|run| [("→", &run.summary), ("✖", &run.error)]).into_iter().flatten();
        lines.extend(texts.filter_map(|(sign, text)| {
            Some(format!("     {sign} {}", first_line(text.as_deref()?, TEXT_COLUMNS)?))
        }));
        let artifacts = run.map(|run| run.artifacts.as_slice()).unwrap_or_default();
        lines.extend(artifacts.iter().map(|artifact| {
            format!("     + {} ({} bytes)", one_line(&artifact.path), artifact.size_bytes)
        }));
    }
    lines
}
