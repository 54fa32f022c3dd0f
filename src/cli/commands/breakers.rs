//! `kanban breakers`.

use clap::Subcommand;

use crate::api::client::seen::BreakerInfo;
use crate::cli::commands::Ended;
use crate::cli::session::Session;
use crate::cli::tasks::NONE;
use crate::cli::text::{one_line, pad, width};
use crate::cli::times::Times;
use crate::exit_codes::CliExit;
use crate::kernel::verbs::ResetBreaker;

/// List or reset circuit breakers, which stop starts after repeated failures.
///
/// The breaker of a task stays open until a person resets it. While the breaker of a profile, a workspace or the host
/// is open, one task is tried from time to time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban breakers
  kanban breakers reset profile:qa-dev
  kanban breakers list --json | jq -r '.[] | select(.scope == \"task\") | .key'")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List open breakers and counted failures (the default)
    #[command(after_help = "Example:\n  kanban breakers list --json")]
    List,
    /// Reset a breaker and clear its failure count
    #[command(
        after_help = "Examples:\n  kanban breakers reset host\n  kanban breakers reset task:t_1a2b3c4d"
    )]
    Reset {
        /// `task:ID`, `profile:NAME`, `workspace:PATH` or `host`
        key: String,
    },
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    match arguments.action {
        None | Some(Action::List) => list(session),
        Some(Action::Reset { key }) => {
            let reply: BreakerInfo =
                session.client()?.post("/v1/breakers/reset", &ResetBreaker { key })?;
            if session.output.is_json() {
                session.output.json(&reply)?;
            } else {
                let plural = if reply.failures == 1 { "" } else { "s" };
                let line = format!("Reset {} ({} failure{plural})", reply.key, reply.failures);
                session.output.line(line)?;
            }
            Ok(CliExit::Ok)
        }
    }
}

fn list(session: &mut Session) -> Ended {
    let breakers: Vec<BreakerInfo> = session.client()?.get("/v1/breakers", &session.on_board())?;
    if session.output.is_json() {
        session.output.json(&breakers)?;
    } else if breakers.is_empty() {
        session.output.line("(no failures counted)")?;
    } else {
        let times = session.times();
        for line in lines(&breakers, &times) {
            session.output.line(line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn lines(breakers: &[BreakerInfo], times: &Times) -> Vec<String> {
    let head = ["KEY", "STATE", "FAILURES", "UNTIL", "LAST ERROR"].map(str::to_owned);
    let row = |breaker: &BreakerInfo| {
        [
            one_line(&breaker.key),
            breaker.state.as_str().to_owned(),
            breaker.failures.to_string(),
            breaker.until.map_or_else(|| NONE.to_owned(), |until| times.exact(until)),
            breaker.last_error.as_deref().map_or_else(|| NONE.to_owned(), one_line),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(breakers.iter().map(row)).collect();
    let mut columns = [0; 5];
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let line = |row: &[String; 5]| {
        let cells: Vec<String> =
            row.iter().zip(columns).map(|(cell, columns)| pad(cell, columns)).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
