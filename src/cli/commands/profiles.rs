//! `kanban profiles`.

mod add_user;
mod check;
mod privileges;

pub(super) use check::{mcp_entry, run as check_profile};

use clap::Subcommand;

use crate::cli::commands::Ended;
use crate::cli::complete;
use crate::cli::session::{Nothing, Session};
use crate::cli::tasks::NONE;
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;
use crate::service::profiles::ProfileInfo;

/// List the configured profiles, or check that they can be started.
///
/// A profile defines how the tasks assigned to it are run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban profiles
  kanban profiles check coder
  sudo kanban profiles add-user deployer
  kanban profiles list --json | jq -r '.[] | select(.problem != null) | .name'")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// List profiles (the default)
    #[command(after_help = "Example:\n  kanban profiles list --json")]
    List,
    /// Check what a worker needs, without starting one; exits with code 1 if something is missing
    #[command(
        after_help = "Examples:\n  kanban profiles check\n  kanban profiles check coder --json"
    )]
    Check {
        /// Profile or any assignee (default: every profile)
        #[arg(add = complete::profiles())]
        name: Option<String>,
    },
    /// Make a user of its own for the workers of a profile; only root can
    ///
    /// Makes a user of the system without a login, with a private home below /var/lib/kanban-agents, and allows it in
    /// /etc/kanband/users. Does only what is not done yet. The profile uses it with `user = "own"`.
    #[command(after_help = "Example:\n  sudo kanban profiles add-user deployer")]
    AddUser {
        /// Profile
        #[arg(add = complete::profiles())]
        name: String,
    },
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    match &arguments.action {
        Some(Action::Check { name }) => return check::run(name.as_deref(), session),
        Some(Action::AddUser { name }) => return add_user::run(name, session),
        Some(Action::List) | None => {}
    }
    let profiles: Vec<ProfileInfo> = session.client()?.get("/v1/profiles", &Nothing {})?;
    if session.output.is_json() {
        session.output.json(&profiles)?;
    } else if profiles.is_empty() {
        session.output.line("(no profiles: all assignees use dispatch.default_launcher)")?;
    } else {
        for line in lines(&profiles) {
            session.output.line(line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn lines(profiles: &[ProfileInfo]) -> Vec<String> {
    let head = ["NAME", "LAUNCHER", "VERDICT", "MAX", "COMMAND"].map(str::to_owned);
    let row = |profile: &ProfileInfo| {
        let command = profile.argv.iter().map(|word| one_line(word)).collect::<Vec<_>>().join(" ");
        [
            one_line(&profile.name),
            one_line(&profile.launcher),
            profile.verdict.clone(),
            profile.max_running.map_or_else(|| NONE.to_owned(), |cap| cap.to_string()),
            command,
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(profiles.iter().map(row)).collect();
    let mut columns = [0; 5];
    for row in &rows {
        for (column, cell) in columns.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let profiles = std::iter::once(None).chain(profiles.iter().map(Some));
    let mut lines = Vec::new();
    for (row, profile) in rows.iter().zip(profiles) {
        let cells: Vec<String> =
            row.iter().zip(columns).map(|(cell, columns)| pad(cell, columns)).collect();
        lines.push(cells.join("  ").trim_end().to_owned());
        let Some(profile) = profile else { continue };
        let problem = profile.problem.as_deref();
        lines.extend(problem.map(|problem| format!("  problem: {}", one_line(problem))));
        if !profile.not_enforced.is_empty() {
            lines.push(format!("  not enforced here: {}", profile.not_enforced.join(", ")));
        }
    }
    lines
}
