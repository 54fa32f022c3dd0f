//! `kanban doctor`.

use crate::api::doctor::{Check, Doctor, Health};
use crate::api::profiles::ProfileInfo;
use crate::cli::commands::Ended;
use crate::cli::commands::profiles::mcp_entry;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{one_line, pad, width};
use crate::exit_codes::CliExit;

/// Look for what is wrong, with what mends it.
///
/// Exits with 1 when something does not work; a warning is no failure.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban doctor
  kanban doctor --json | jq '.checks[] | select(.health != \"ok\")'")]
pub struct Arguments {}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(_arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let mut doctor: Doctor = client.get("/v1/doctor", &Nothing {})?;
    let profiles: Vec<ProfileInfo> = client.get("/v1/profiles", &Nothing {})?;
    for profile in profiles.iter().filter(|profile| profile.problem.is_none()) {
        // Only this process can look into the configuration of whoever runs it.
        if let Err(problem) = mcp_entry(profile, &session.ambient) {
            doctor.checks.push(Check {
                name: format!("profile {}", profile.name),
                health: Health::Warn,
                message: problem,
                fix: Some(format!("add it; `kanban profiles check {}` looks again", profile.name)),
            });
            doctor.health = doctor.health.max(Health::Warn);
        }
    }
    if session.output.is_json() {
        session.output.json(&doctor)?;
    } else {
        for line in lines(&doctor.checks) {
            session.output.line(line)?;
        }
    }
    Ok(match doctor.health {
        Health::Ok | Health::Warn => CliExit::Ok,
        Health::Fail => CliExit::Refused,
    })
}

fn lines(checks: &[Check]) -> Vec<String> {
    let columns = checks.iter().map(|check| width(&check.name)).max().unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        let word = match check.health {
            Health::Ok => "ok  ",
            Health::Warn => "warn",
            Health::Fail => "FAIL",
        };
        let (name, told) = (pad(&one_line(&check.name), columns), one_line(&check.message));
        lines.push(format!("{word}  {name}  {told}").trim_end().to_owned());
        if let Some(fix) = &check.fix {
            lines.push(format!("      {}  fix: {}", " ".repeat(columns), one_line(fix)));
        }
    }
    lines
}
