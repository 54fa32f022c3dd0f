//! `kanban runs`.

use crate::api::client::seen::{Run, Word};
use crate::api::client::task_path;
use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::table::{self, Column};
use crate::cli::task_arg::TaskArg;
use crate::cli::tasks::NONE;
use crate::cli::text::{first_line, one_line};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::run::{RunOutcome, RunState};

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
    session.output.page();
    for line in lines(&runs, &session.times(), session.output.columns()) {
        session.output.styled(&line)?;
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

/// What the outcome of a run means.
pub(super) fn outcome_tone(run: &Run) -> Tone {
    use RunOutcome as O;
    match run.outcome.as_ref().map(Word::known) {
        None => Tone::Active,
        Some(None) => Tone::Plain,
        Some(Some(outcome)) => match outcome {
            O::Completed => Tone::Good,
            O::Blocked => Tone::Asking,
            O::Crashed
            | O::Oom
            | O::TimedOut
            | O::SpawnFailed
            | O::ProtocolViolation
            | O::Lost
            | O::GaveUp => Tone::Bad,
            O::RateLimited | O::Stopped | O::Reclaimed => Tone::Plain,
        },
    }
}

fn lines(runs: &[Run], times: &Times, columns: Option<usize>) -> Vec<Line> {
    let heads = [
        Column::new("RUN", 9).right(),
        Column::new("OUTCOME", 8),
        Column::new("PROFILE", 5),
        Column::new("ELAPSED", 6).right(),
        Column::new("STARTED", 4),
    ];
    let row = |run: &Run| {
        vec![
            run.id.to_string().into(),
            Line::of(outcome_tone(run), outcome_word(run)),
            run.profile.as_deref().map_or_else(|| NONE.to_owned(), one_line).into(),
            times.elapsed(run.started_at, run.ended_at).into(),
            times.local(run.started_at).into(),
        ]
    };
    let rows: Vec<Vec<Line>> = runs.iter().map(row).collect();
    let notes = std::iter::once(None).chain(runs.iter().map(Some));
    let mut lines = Vec::new();
    for (line, run) in table::lines(&heads, &rows, columns).into_iter().zip(notes) {
        lines.push(line);
        lines.extend(run.into_iter().flat_map(notes_of));
    }
    lines
}

/// What is to be said below the row of a run.
fn notes_of(run: &Run) -> Vec<Line> {
    let mut notes = Vec::new();
    if let Some(before) = run.resumed_run_id {
        notes.push(Line::of(Tone::Faint, format!("     ↻ in the session of run {before}")));
    }
    let texts = [("→", Tone::Plain, &run.summary), ("✖", Tone::Bad, &run.error)];
    notes.extend(texts.into_iter().filter_map(|(sign, tone, text)| {
        let text = first_line(text.as_deref()?, TEXT_COLUMNS)?;
        Some(Line::of(tone, format!("     {sign} {text}")))
    }));
    notes.extend(run.artifacts.iter().map(|artifact| {
        Line::from(format!("     + {} ({} bytes)", one_line(&artifact.path), artifact.size_bytes))
    }));
    notes
}
