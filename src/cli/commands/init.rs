//! `kanban init`: creates a home, and leads through what comes next.

mod agents;
mod choice;
mod start;
mod wizard;

use std::path::Path;

use serde::Serialize;

use crate::api::client::presence::Presence;
use crate::app;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::config::held_secrets::has_secrets;
use crate::config::home::HomeKind;
use crate::config::{Home, Settings};
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::os::files::find_program;
use crate::os::host::terminal::has_input;
use crate::service::daemon::DaemonInfo;
use wizard::{Done, Guide, own_folder};

/// Create the home, the configuration file and the database, and set up agents.
///
/// Existing files are not changed. Works with or without a running daemon. The home is KANBAN_HOME; else
/// /var/lib/kanband for root and the service user; else $XDG_STATE_HOME/kanband. On a terminal root is asked before anything
/// is written below /etc and /var/lib.
///
/// On a terminal it finds the agents that are installed (claude, codex, gemini, opencode, hermes, aider, goose), writes a profile for
/// each that you choose, starts the daemon, checks the profiles and creates a first task. It asks nothing when further lines were
/// pasted behind it. --yes takes the defaults: all agents, the first way to start the daemon, no task.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  kanban init\n  kanban init --yes\n  KANBAN_HOME=/tmp/board kanban init --json"
)]
pub struct Arguments {
    /// Take the defaults instead of asking
    #[arg(short, long)]
    yes: bool,
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
    /// Profiles that were written; only with `--yes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    profiles: Option<Vec<String>>,
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
        profiles: None,
    };
    if !session.output.is_json() {
        tell_home(&shown, session)?;
    }
    // What was pasted behind it is meant for the shell, and is no answer.
    let may_ask = session.is_interactive() && !has_input(std::io::stdin());
    let is_guided = arguments.yes || may_ask;
    let settings = match settings(&made.home, session) {
        Ok(settings) => settings,
        // Only what is added to it needs one that is valid.
        Err(_) if !is_guided => Settings::default(),
        Err(refused) => return Err(refused),
    };
    let programs = own_folder();
    let guide = Guide {
        home: &made.home,
        settings: &settings,
        programs: &programs,
        is_running: daemon_running,
        is_yes: arguments.yes,
    };
    let done = match is_guided {
        true => guide.run(session)?,
        false => Done { profiles: Vec::new(), is_running: daemon_running },
    };
    if session.output.is_json() {
        let profiles = arguments.yes.then_some(done.profiles);
        let shown = Shown { daemon_running: done.is_running, profiles, ..shown };
        session.output.json(&shown)?;
        return Ok(CliExit::Ok);
    }
    let mut profiles = done.profiles;
    profiles.extend(settings.profiles.keys().cloned());
    let unused = match is_guided {
        true => Vec::new(),
        false => guide.agents(session)?.into_iter().filter(|agent| !agent.is_configured).collect(),
    };
    let next = Next {
        is_running: done.is_running,
        start: Presence::of(&session.ambient)?.start_command(),
        profiles: &profiles,
        agents: &unused.iter().map(|agent| agent.profile.as_str()).collect::<Vec<_>>(),
        config: &shown.config,
        programs: &folder_to_name(&programs, session),
    };
    session.output.line("")?;
    for line in next.lines() {
        session.output.line(line)?;
    }
    if made.home.kind() == HomeKind::System {
        for line in own_users(&settings) {
            session.output.line(line)?;
        }
    }
    Ok(CliExit::Ok)
}

fn tell_home(shown: &Shown, session: &mut Session) -> Result<(), Failure> {
    let state = |is_made| if is_made { "created" } else { "already exists" };
    session.output.line(format!("Home:          {}", shown.home))?;
    session.output.line(format!(
        "Configuration: {} ({})",
        shown.config,
        state(shown.made_config)
    ))?;
    session.output.line_now(format!(
        "Board:         {} ({})",
        shown.database,
        state(shown.made_board)
    ))
}

/// The configuration as it is. Without a valid one nothing can be added to it.
fn settings(home: &Home, session: &Session) -> Result<Settings, Failure> {
    let loaded = crate::config::load(&session.ambient, home);
    let refused = |problems: crate::config::ConfigProblems| {
        Failure::from(app::StartError::from(problems)).with_hint("correct it, then run it again")
    };
    let (settings, _) = loaded.map_err(refused)?;
    app::check_settings(&session.ambient, home, &settings).map_err(refused)?;
    Ok(settings)
}

/// What stands before the names of the programs in a command: nothing where the shell finds them.
fn folder_to_name(programs: &Path, session: &Session) -> String {
    let path = session.ambient.var("PATH").unwrap_or_default();
    match find_program("kanban", path) {
        Some(_) => String::new(),
        None => format!("{}/", programs.display()),
    }
}

/// What the commands at the end depend on.
struct Next<'a> {
    is_running: bool,
    /// The command that starts the daemon here.
    start: &'a str,
    profiles: &'a [String],
    /// Agents without a profile.
    agents: &'a [&'a str],
    config: &'a str,
    programs: &'a str,
}

impl Next<'_> {
    /// Commands that work here.
    fn lines(&self) -> Vec<String> {
        let Self { programs, .. } = self;
        let state = if self.is_running { "The daemon is running. Next:" } else { "Next:" };
        let mut lines = vec![state.to_owned()];
        let mut add = |command: String, comment: &str| {
            lines.push(format!("  {command:<52}  # {comment}"));
        };
        let is_first = self.profiles.is_empty();
        if is_first && !self.agents.is_empty() {
            let what = if self.is_running { "adds" } else { "starts the daemon and adds" };
            let agents = self.agents.join(", ");
            add(format!("{programs}kanban init --yes"), &format!("{what} profiles: {agents}"));
        } else if !self.is_running {
            let of_own = if self.start.starts_with("kanband") { programs } else { "" };
            add(format!("{of_own}{}", self.start), "starts the daemon");
        }
        let task = format!("{programs}kanban create \"a first task\"");
        let profile = self.profiles.first().map(String::as_str);
        match profile.or_else(|| self.agents.first().copied()) {
            Some(profile) => add(format!("{task} --assignee {profile}"), "is started at once"),
            None => add(task, "for you; a profile has a program do it"),
        }
        add(format!("{programs}kanban status"), "shows what waits for you");
        if profile.is_none() && self.agents.is_empty() {
            lines.push(format!("Profiles are in {}, with examples.", self.config));
        }
        lines
    }
}

/// The proposal of a user of its own for each profile with secrets that shares the workers' user.
fn own_users(settings: &Settings) -> Vec<String> {
    let profiles = settings.profiles.iter();
    let shared = profiles
        .filter(|(name, profile)| profile.user.is_none() && has_secrets(name, profile, settings));
    let names: Vec<&str> = shared.map(|(name, _)| name.as_str()).collect();
    let mut lines = Vec::new();
    if !names.is_empty() {
        lines.push(format!(
            "Profiles with secrets that other profiles' workers can read: {}. A user of its own keeps them apart:",
            names.join(", ")
        ));
    }
    lines.extend(names.iter().map(|name| {
        format!(
            "  sudo kanban profiles add-user {name}  # then `user = \"own\"` in [profiles.{name}]"
        )
    }));
    lines
}

/// Asks before the home of the machine is made: `sudo` may have been one word too many.
fn ask_root(arguments: &Arguments, session: &mut Session) -> Result<(), Failure> {
    let home = Home::resolve(&session.ambient)?;
    let is_of_machine = home.kind() == HomeKind::System;
    if arguments.system && !is_of_machine {
        let message = "--system needs root, without KANBAN_HOME";
        return Err(Failure::usage(message).with_hint("leave --system out for a home of your own"));
    }
    let is_new = !home.config_file().exists() || !home.database().exists();
    if arguments.system || arguments.yes || !is_of_machine || !is_new || !session.is_interactive() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn next<'a>(is_running: bool, profiles: &'a [String], agents: &'a [&'a str]) -> Vec<String> {
        let (start, config, programs) = ("kanband -d", "/h/kanband.toml", "");
        let next = Next { is_running, start, profiles, agents, config, programs };
        let command = |line: &String| line.split(" #").next().unwrap_or_default().trim().to_owned();
        next.lines().iter().skip(1).map(command).collect()
    }

    #[test]
    fn a_user_of_its_own_is_proposed_for_each_profile_that_shares_its_secrets() {
        use crate::config::load::tests::settings;
        let text = "[profiles.a]\nargv = [\"x\"]\nenv_file = \"/etc/keys\"
            [profiles.b]\nargv = [\"x\"]\nenv_file = \"/etc/keys\"\nuser = \"own\"
            [profiles.c]\nargv = [\"x\"]";
        let lines = own_users(&settings(text));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("add-user a "), "{lines:?}");
        assert_eq!(own_users(&settings("[profiles.c]\nargv = [\"x\"]")), Vec::<String>::new());
    }

    #[test]
    fn the_commands_at_the_end_are_those_that_are_still_to_be_run() {
        let claude = ["claude".to_owned()];
        let create = |name: &str| format!("kanban create \"a first task\" --assignee {name}");
        let status = "kanban status".to_owned();
        for (is_running, profiles, agents, expected) in [
            (
                false,
                &claude[..],
                &[][..],
                vec!["kanband -d".into(), create("claude"), status.clone()],
            ),
            (true, &claude, &["codex"], vec![create("claude"), status.clone()]),
            (
                false,
                &[],
                &["codex", "gemini"],
                vec!["kanban init --yes".into(), create("codex"), status.clone()],
            ),
            (
                true,
                &[],
                &[],
                vec![
                    "kanban create \"a first task\"".into(),
                    status,
                    "Profiles are in /h/kanband.toml, with examples.".into(),
                ],
            ),
        ] {
            assert_eq!(next(is_running, profiles, agents), expected);
        }
    }
}
