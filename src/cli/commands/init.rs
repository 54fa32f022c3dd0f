//! `kanban init`: creates a home.

use std::path::Path;

use serde::Serialize;

use crate::app;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::Home;
use crate::config::home::HomeKind;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::service::daemon::DaemonInfo;

/// Create the home, the configuration file and the database.
///
/// Existing files are not changed. Works with or without a running daemon. The home is KANBAN_HOME; else
/// /var/lib/kanband for root and the service user; else $XDG_STATE_HOME/kanband. On a terminal root is asked before anything
/// is written below /etc and /var/lib.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kanban init\n  KANBAN_HOME=/tmp/board kanban init --json")]
pub struct Arguments {
    /// Create the home of the machine's service; root is not asked then
    #[arg(long)]
    system: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    home: String,
    config: String,
    made_config: bool,
    database: String,
    made_board: bool,
    daemon_running: bool,
}

/// Runs it.
///
/// # Errors
/// A home that is refused.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    ask_root(arguments, session)?;
    let made = app::init(&session.ambient)?;
    let daemon_running = is_daemon_running(session, made.home.path());
    let shown = Shown {
        home: made.home.path().display().to_string(),
        config: made.home.config_file().display().to_string(),
        made_config: made.report.made_config,
        database: made.home.database().display().to_string(),
        made_board: made.report.made_board,
        daemon_running,
    };
    if session.output.is_json() {
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    let state = |is_made| if is_made { "created" } else { "already exists" };
    session.output.line(format!("Home:          {}", shown.home))?;
    session.output.line(format!(
        "Configuration: {} ({})",
        shown.config,
        state(shown.made_config)
    ))?;
    session.output.line(format!(
        "Board:         {} ({})",
        shown.database,
        state(shown.made_board)
    ))?;
    session.output.line("")?;
    session.output.line(if daemon_running {
        "The daemon is running. Next: kanban create \"a first task\" --assignee NAME"
    } else {
        "Next: start the daemon with `kanband`, then kanban create \"a first task\" --assignee NAME"
    })?;
    Ok(CliExit::Ok)
}

/// Asks before the home of the machine is made: `sudo` may have been one word too many.
fn ask_root(arguments: &Arguments, session: &mut Session) -> Result<(), Failure> {
    let home = Home::resolve(&session.ambient)?;
    let is_of_machine = home.kind() == HomeKind::System;
    if arguments.system && !is_of_machine {
        let message = "--system: this is not the home of the machine's service";
        return Err(Failure::usage(message).with_hint("run it as root, without KANBAN_HOME"));
    }
    let is_new = !home.config_file().exists() || !home.database().exists();
    if arguments.system || !is_of_machine || !is_new || !session.is_interactive() {
        return Ok(());
    }
    let (config, path) = (home.config_file().display(), home.path().display());
    let question = format!("Create {config} and {path} for the service of this machine?");
    if session.confirm(&question)? {
        return Ok(());
    }
    Err(Failure::refused(ErrorCode::BadRequest, "not confirmed; nothing was created")
        .with_hint("run it as another user, or set KANBAN_HOME, for a home of your own"))
}

/// Whether the daemon that `kanban` finds here is the one of this home.
fn is_daemon_running(session: &Session, home: &Path) -> bool {
    #[derive(Serialize)]
    struct Nothing {}
    let asked = session.client().ok().and_then(|client| client.get("/v1/daemon", &Nothing {}).ok());
    asked.is_some_and(|daemon: DaemonInfo| Path::new(&daemon.home) == home)
}
