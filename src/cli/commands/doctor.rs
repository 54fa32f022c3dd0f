//! `kanban doctor`.

use std::path::Path;

use crate::api::client::absence::{Absence, AbsenceKind};
use crate::api::client::seen::{Check, Doctor, Word};
use crate::api::client::{Client, ClientError};
use crate::cli::commands::Ended;
use crate::cli::commands::profiles::mcp_entry;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{one_line, pad, width};
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::service::doctor::check::Health;
use crate::service::profiles::ProfileInfo;

/// Columns of a result.
const HEALTH_COLUMNS: usize = 4;

/// Check the installation and suggest fixes.
///
/// Exits with code 1 if a check fails; warnings do not count. If no daemon answers, reports the cause and exits with code 4.
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
    let (doctor, exit) = match client.get::<Doctor>("/v1/doctor", &Nothing {}) {
        Ok(mut doctor) => {
            add_profile_checks(&mut doctor, &client, &session.ambient)?;
            let is_failed = doctor.health == Health::Fail;
            let exit = if is_failed { CliExit::Refused } else { CliExit::Ok };
            (doctor, exit)
        }
        Err(ClientError::NotReachable { socket, detail, absence, .. }) => {
            let checks = in_the_way(&socket, &detail, absence.map(|it| *it), &session.ambient);
            (Doctor { health: Health::Fail.into(), checks }, CliExit::NotReachable)
        }
        Err(error) => return Err(error.into()),
    };
    if session.output.is_json() {
        session.output.json(&doctor)?;
    } else {
        for line in lines(&doctor.checks) {
            session.output.line(line)?;
        }
    }
    Ok(exit)
}

/// Only this process can look into the configuration of the user that runs it.
fn add_profile_checks(
    doctor: &mut Doctor,
    client: &Client,
    ambient: &Ambient,
) -> Result<(), ClientError> {
    let profiles: Vec<ProfileInfo> = client.get("/v1/profiles", &Nothing {})?;
    for profile in profiles.iter().filter(|profile| profile.problem.is_none()) {
        if let Err(problem) = mcp_entry(profile, ambient) {
            let fix = format!("add it, then run `kanban profiles check {}`", profile.name);
            let name = format!("profile {}", profile.name);
            doctor.checks.push(Check::bad(&name, Health::Warn.into(), problem, fix));
            if doctor.health == Health::Ok {
                doctor.health = Health::Warn.into();
            }
        }
    }
    Ok(())
}

/// Why no daemon answers, as far as it can be seen from here.
fn in_the_way(
    socket: &Path,
    detail: &str,
    absence: Option<Absence>,
    ambient: &Ambient,
) -> Vec<Check> {
    let mut checks = vec![match absence {
        Some(Absence { kind, message, fix }) => {
            let name = if kind == AbsenceKind::NotPermitted { "group" } else { "daemon" };
            Check::bad(name, Health::Fail.into(), message, fix)
        }
        None => {
            let report = format!("the connection to {} broke: {detail}", socket.display());
            Check::bad("daemon", Health::Fail.into(), report, "see the daemon's log")
        }
    }];
    for name in ["KANBAN_SOCKET", "KANBAN_HOME"] {
        if let Some(value) = ambient.var(name) {
            let report = format!("this variable selects the daemon: {value}");
            checks.push(Check::bad(
                name,
                Health::Warn.into(),
                report,
                format!("run `unset {name}` if that is the wrong daemon"),
            ));
        }
    }
    checks
}

fn lines(checks: &[Check]) -> Vec<String> {
    let columns = checks.iter().map(|check| width(&check.name)).max().unwrap_or_default();
    let mut lines = Vec::new();
    for check in checks {
        let word = match &check.health {
            Word::Known(Health::Fail) => "FAIL".to_owned(),
            other => pad(&one_line(other.as_str()), HEALTH_COLUMNS),
        };
        let (name, report) = (pad(&one_line(&check.name), columns), one_line(&check.message));
        lines.push(format!("{word}  {name}  {report}").trim_end().to_owned());
        if let Some(fix) = &check.fix {
            lines.push(format!("      {}  fix: {}", " ".repeat(columns), one_line(fix)));
        }
    }
    lines
}
