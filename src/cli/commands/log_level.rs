//! `kanban log-level`.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::session::{Nothing, Session};
use crate::config::settings::LogLevel;
use crate::exit_codes::CliExit;
use crate::service::daemon::DaemonInfo;
use crate::service::log_level::{LogLevelReply, SetLogLevel};

/// Show or set the log level of the daemon.
///
/// Takes effect at once and lasts until the next `kanban reload` or restart, which apply `log.level` of the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban log-level
  kanban log-level debug && journalctl -u kanband -f")]
pub struct Arguments {
    /// Minimum log level; without it, the present level is shown
    #[arg(value_name = "LEVEL", value_parser = PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::as_str)).map(|word| level_of(&word)))]
    level: Option<LogLevel>,
}

/// The level that a word of the list means.
fn level_of(word: &str) -> LogLevel {
    LogLevel::ALL.into_iter().find(|level| level.as_str() == word).unwrap_or_default()
}

#[derive(Debug, Serialize)]
struct Shown {
    level: LogLevel,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    let client = session.client()?;
    let Some(level) = arguments.level else {
        let daemon: DaemonInfo = client.get("/v1/daemon", &Nothing {})?;
        if session.output.is_json() {
            session.output.json(&Shown { level: daemon.log_level })?;
        } else {
            session.output.line(daemon.log_level.as_str())?;
        }
        return Ok(CliExit::Ok);
    };
    let reply: LogLevelReply = client.post("/v1/log-level", &SetLogLevel { level })?;
    if session.output.is_json() {
        session.output.json(&reply)?;
    } else {
        session.output.line(format!("{} → {}", reply.before.as_str(), reply.level.as_str()))?;
    }
    Ok(CliExit::Ok)
}
