//! `kanban search`.

use crate::api::client::seen::Hit;
use crate::cli::commands::Ended;
use crate::cli::commands::filters::{FilterTimes, Filters};
use crate::cli::session::Session;
use crate::cli::style::{Line, Tone};
use crate::cli::table::cell_cut;
use crate::cli::tasks::{assignee, tone, with_skill_list};
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::kernel::queries::SearchTasks;

/// Search the titles, bodies, comments and summaries of tasks.
///
/// A task matches if it contains every word; a trailing `*` matches any ending. Best matches come first, each with an
/// excerpt; if more than 2,000 texts match, the newest come first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban search rate limit
  kanban search 'migrat*' --status done --assignee backend-dev
  kanban search login --json | jq -r '.[].id'")]
pub struct Arguments {
    /// Words to search for; `-` reads them from stdin
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// Maximum number of results (default: 50)
    #[arg(short = 'n', long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let Arguments { words, filters, limit } = arguments;
    let text = session.text("search", words.join(" "))?;
    let FilterTimes { created_after, created_before, updated_since } = filters.times(session)?;
    let request = SearchTasks {
        text,
        assignee: filters.assignee(session),
        created_after,
        created_before,
        updated_since,
        status: filters.status(),
        tenant: filters.tenant,
        label: filters.label,
        parent: session.optional_task(filters.parent.as_ref())?,
        archived: filters.archived,
        limit,
        board: session.board.clone(),
    };
    let hits: Vec<Hit> = session.client()?.get("/v1/search", &request)?;
    if session.output.is_json() {
        let shown = |hit: Hit| Hit { task: with_skill_list(hit.task), ..hit };
        session.output.json(&hits.into_iter().map(shown).collect::<Vec<_>>())?;
        return Ok(CliExit::Ok);
    }
    if hits.is_empty() {
        session.output.line("(no matching tasks)")?;
    }
    if hits.iter().any(|hit| !hit.ranked) {
        session.output.complain(
            "too many tasks match to rank them: the newest come first; another word finds the best",
        );
    }
    session.output.page();
    for line in lines(&hits, session.output.columns()) {
        session.output.styled(&line)?;
    }
    Ok(CliExit::Ok)
}

fn lines(hits: &[Hit], columns: Option<usize>) -> Vec<Line> {
    let who = hits.iter().map(|hit| width(&assignee(&hit.task))).max().unwrap_or_default();
    let fit = |line: Line| columns.map_or_else(|| line.clone(), |columns| cell_cut(&line, columns));
    let mut lines = Vec::new();
    for Hit { task, snippet, .. } in hits {
        let name = pad(&assignee(task), who);
        let line = Line::of(Tone::Plain, format!("{}  ", task.id))
            .with(tone(&task.status), pad(task.status.as_str(), 8))
            .with(Tone::Plain, format!("  {name}  "))
            .with(Tone::Strong, one_line(&task.title));
        lines.push(fit(line));
        lines.push(fit(Line::of(Tone::Faint, format!("    {}", one_line(snippet)))));
    }
    lines
}
