//! `kanban inbox`.

use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::text::one_line;
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::service::attention::{Attention, ListAttention};

/// List what waits for you, worst first.
///
/// Each row says what is asked, since when, and the commands that finish it; a row disappears when its cause is gone. Equal causes
/// are one row.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban inbox
  kanban inbox --mine
  kanban inbox --json | jq -r '.[].commands[0]'")]
pub struct Arguments {
    /// Only tasks that you or your profile have, created or review
    #[arg(long)]
    mine: bool,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let name = arguments.mine.then(|| session.own_name());
    let request = ListAttention { board: session.board.clone(), name };
    let rows: Vec<Attention> = session.client()?.get("/v1/attention", &request)?;
    if session.output.is_json() {
        session.output.json(&rows)?;
        return Ok(CliExit::Ok);
    }
    if rows.is_empty() {
        session.output.line("(nothing waits for you)")?;
    }
    let times = session.times();
    session.output.page();
    for row in &rows {
        for line in lines(row, &times) {
            session.output.styled(&line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn lines(row: &Attention, times: &Times) -> Vec<Line> {
    let since = row.since.map_or_else(String::new, |since| format!(" ({})", times.age(since)));
    let head = Line::of(Tone::Asking, &row.kind).with(Tone::Faint, since);
    let mut lines = vec![head.with(Tone::Plain, format!(": {}", one_line(&row.message)))];
    if row.count > 1 && !row.tasks.is_empty() {
        let ids: Vec<&str> = row.tasks.iter().map(|task| task.id.as_str()).collect();
        let named = u64::try_from(ids.len()).unwrap_or(u64::MAX);
        let more = match row.count.saturating_sub(named) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(Line::from(format!("    {}{more}", ids.join(" "))));
    }
    let command = |text: &String| Line::of(Tone::Faint, "  → ").with(Tone::Active, one_line(text));
    lines.extend(row.commands.iter().map(command));
    lines
}
