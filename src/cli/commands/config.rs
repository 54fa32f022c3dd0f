//! `kanban config`: the configuration as the daemon of this home reads it, and single values of it.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::app::check_settings;
use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::replace_config;
use crate::cli::session::{Nothing, Session};
use crate::cli::text::{one_line, pad, width};
use crate::config::Home;
use crate::config::ambient::SERVICE_USER;
use crate::config::home::HomeKind;
use crate::config::keys::{find_key, holds_from_restart, nearest_key};
use crate::config::load::{Read, files, read};
use crate::config::problem::{Problem, ProblemKind};
use crate::config::shown::Entry;
use crate::config::toml_text::{
    fault_location, is_value, location_of, quoted, unquoted, with_value,
};
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::service::daemon::DaemonInfo;

/// Show, set or check the configuration.
///
/// What is read and written are the files of the home of this user, as the daemon reads them at a start and at `kanban reload`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban config show
  kanban config show dispatch
  kanban config get dispatch.max_running
  kanban config set dispatch.max_running 4 && kanban reload
  kanban config check kanband.toml")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show every key with its value and where the value comes from
    #[command(
        after_help = "Examples:\n  kanban config show\n  kanban config show profiles.dev\n  kanban config show --json | jq '.[] | select(.origin != \"default\")'"
    )]
    Show {
        /// Only keys that begin with this: a section, or a key
        #[arg(value_name = "KEY")]
        prefix: Option<String>,
    },
    /// Print the value of a key
    #[command(after_help = "Example:\n  kanban config get dispatch.max_running")]
    Get {
        /// Key with its section, such as `dispatch.max_running`
        key: String,
    },
    /// Set a key in the configuration file; comments stay
    ///
    /// The value is written to the file that sets the key now, else to kanband.toml. What the daemon would refuse is not written.
    #[command(
        after_help = "Examples:\n  kanban config set dispatch.max_running 4\n  kanban config set profiles.dev.argv '[\"./agent\", \"{task}\"]'"
    )]
    Set {
        /// Key with its section, such as `dispatch.max_running`
        key: String,
        /// Value: as it stands in the file, or a text without quotes
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Check the configuration, or a file as a part of it, as `kanban reload` would
    ///
    /// Exits with code 1 and names line and column of what is wrong. FILE is laid over the other files of this home.
    #[command(
        after_help = "Examples:\n  kanban config check\n  kanban config check conf.d/web.toml"
    )]
    Check {
        /// File
        file: Option<PathBuf>,
    },
}

/// One key for `--json`.
#[derive(Debug, Serialize)]
struct Shown {
    key: String,
    value: String,
    /// `default`, a file, or an environment variable.
    origin: String,
    line: Option<usize>,
    #[serde(skip)]
    is_hidden: bool,
}

/// What `config check` says for `--json`.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    valid: bool,
    /// The file that was checked as a part of it.
    file: Option<&'a Path>,
}

/// Runs it.
///
/// # Errors
/// A configuration that is wrong, or a file that cannot be read or written.
pub fn run(arguments: Arguments, session: &mut Session) -> Ended {
    let home = Home::resolve(&session.ambient)?;
    match arguments.action {
        Action::Show { prefix } => show(prefix.as_deref(), &home, session),
        Action::Get { key } => get(&key, &home, session),
        Action::Set { key, value } => set(&key, &value, &home, session),
        Action::Check { file } => check(file.as_deref(), &home, session),
    }
}

fn show(prefix: Option<&str>, home: &Home, session: &mut Session) -> Ended {
    note_other_home(home, session);
    let values = values(home, session)?;
    let is_meant = |entry: &&Shown| {
        let rest = prefix.map(|prefix| entry.key.strip_prefix(prefix));
        rest.is_none_or(|rest| rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    let found: Vec<&Shown> = values.iter().filter(is_meant).collect();
    if let (Some(prefix), true) = (prefix, found.is_empty()) {
        return Err(unknown(prefix));
    }
    if session.output.is_json() {
        session.output.json(&found)?;
        return Ok(CliExit::Ok);
    }
    let columns = |text: fn(&Shown) -> &str| {
        found.iter().map(|entry| width(&one_line(text(entry)))).max().unwrap_or_default().min(60)
    };
    let (keys, values) = (columns(|entry| &entry.key), columns(|entry| &entry.value));
    for entry in found {
        let (key, value) = (pad(&one_line(&entry.key), keys), pad(&one_line(&entry.value), values));
        let line = format!("{key}  {value}  {}", one_line(&location(&entry.origin, entry.line)));
        session.output.line(line)?;
    }
    Ok(CliExit::Ok)
}

fn get(key: &str, home: &Home, session: &mut Session) -> Ended {
    note_other_home(home, session);
    let values = values(home, session)?;
    let found = values.iter().find(|entry| entry.key == key);
    let entry = match found {
        Some(entry) => entry,
        None if find_key(key).is_some() => {
            return Err(Failure::refused(ErrorCode::InvalidValue, format!("{key} is not set")));
        }
        None => return Err(unknown(key)),
    };
    if entry.is_hidden {
        let message = format!("{key} is set, but its value may be a secret and is not shown");
        let origin = one_line(&location(&entry.origin, entry.line));
        return Err(Failure::refused(ErrorCode::InvalidValue, message)
            .with_hint(format!("it is set in {origin}")));
    }
    if session.output.is_json() {
        session.output.json(entry)?;
    } else {
        session.output.line(unquoted(&entry.value))?;
    }
    Ok(CliExit::Ok)
}

fn set(key: &str, value: &str, home: &Home, session: &mut Session) -> Ended {
    note_other_home(home, session);
    let found = find_key(key).ok_or_else(|| unknown(key))?;
    let before = read(&session.ambient, home, None);
    let wrong_before = problems(&before, home, session);
    let origin = before.shown.entries().find(|entry| entry.key == key).and_then(|it| it.origin);
    let own_files = files(home, &mut Vec::new());
    let file = origin.map(PathBuf::from).filter(|path| own_files.contains(path));
    let file = file.unwrap_or_else(|| home.config_file().to_owned());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Failure::usage(format!("cannot read {}: {error}", file.display())));
        }
    };
    // A text without quotes is meant where the value alone is none, or not one that the key takes.
    let bare = is_value(value).then(|| value.to_owned());
    let mut refused: Vec<Problem> = Vec::new();
    for value in bare.into_iter().chain([quoted(value)]) {
        let Some(after) = with_value(&text, &found.table, &found.key, &value) else { continue };
        let read = read(&session.ambient, home, Some((&file, &after)));
        let mut new = problems(&read, home, session);
        new.retain(|problem| !wrong_before.contains(problem));
        if new.is_empty() {
            let group = (home.kind() == HomeKind::System).then_some(SERVICE_USER);
            replace_config(&file, &after, group)?;
            return tell_set(key, &value, &file, &after, session);
        }
        if refused.is_empty() {
            refused = new;
        }
    }
    if refused.is_empty() {
        let message =
            format!("{} sets {key} in a form that cannot be edited safely", file.display());
        return Err(Failure::refused(ErrorCode::InvalidValue, message)
            .with_hint("edit the file, then run `kanban config check`"));
    }
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    Err(Failure::refused(ErrorCode::InvalidValue, lines.join("\n"))
        .with_hint("nothing was written"))
}

fn tell_set(key: &str, value: &str, file: &Path, text: &str, session: &mut Session) -> Ended {
    let line = location_of(text, key).map(|location| location.line);
    let shown = Shown {
        key: key.to_owned(),
        value: value.to_owned(),
        origin: file.display().to_string(),
        line,
        is_hidden: false,
    };
    let read = read(&session.ambient, &Home::resolve(&session.ambient)?, None);
    let effective = read.shown.entries().find(|entry| entry.key == key).and_then(|it| it.origin);
    let over = effective.filter(|origin| *origin != shown.origin).map(str::to_owned);
    if session.output.is_json() {
        session.output.json(&shown)?;
    } else {
        let location = location(&shown.origin, line);
        session.output.line(one_line(&format!("Set {key} = {value} in {location}")))?;
        session.output.line(match holds_from_restart(key) {
            true => "It takes effect at the next start of the daemon",
            false => "Next: kanban reload",
        })?;
    }
    if let Some(over) = over {
        session.output.complain(&format!("warning: {over} sets it too, and overrides this"));
    }
    Ok(CliExit::Ok)
}

fn check(file: Option<&Path>, home: &Home, session: &mut Session) -> Ended {
    let over = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
            })?;
            Some((file.canonicalize().unwrap_or_else(|_unresolved| file.to_owned()), text))
        }
        None => None,
    };
    let over = over.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
    let read = read(&session.ambient, home, over);
    // As at a start: the settings are judged when the files are right.
    let problems = match read.problems.is_empty() {
        true => problems(&read, home, session),
        false => read.problems,
    };
    if problems.is_empty() {
        if session.output.is_json() {
            session.output.json(&Checked { valid: true, file })?;
            return Ok(CliExit::Ok);
        }
        let what =
            file.map_or_else(|| "the configuration".into(), |file| file.display().to_string());
        session.output.line(one_line(&format!("{what} is valid")))?;
        return Ok(CliExit::Ok);
    }
    let lines: Vec<String> = problems.iter().map(|problem| located(problem, over)).collect();
    Err(Failure::refused(ErrorCode::InvalidValue, lines.join("\n")))
}

/// Everything for which the daemon would refuse what was read. A problem of the settings as a whole is that of the file with its key.
fn problems(read: &Read, home: &Home, session: &Session) -> Vec<Problem> {
    let mut problems = read.problems.clone();
    let refused = check_settings(&session.ambient, home, &read.settings).err();
    for mut problem in refused.into_iter().flat_map(|found| found.0) {
        let sets = |entry: &Entry<'_>| problem.key.as_deref() == Some(entry.key);
        if let Some(origin) = read.shown.entries().find(sets).and_then(|entry| entry.origin) {
            problem.origin = origin.to_owned();
        }
        problems.push(problem);
    }
    problems
}

/// A problem with its line and column, where the file has them.
fn located(problem: &Problem, over: Option<(&Path, &str)>) -> String {
    let Problem { origin, key, fault } = problem;
    let text = match over {
        Some((path, text)) if path.display().to_string() == *origin => Some(text.to_owned()),
        Some(_) | None => std::fs::read_to_string(origin).ok(),
    };
    let found = text.and_then(|text| match (fault, key) {
        (ProblemKind::Syntax { .. }, _) => fault_location(&text),
        (_, Some(key)) => location_of(&text, key),
        (_, None) => None,
    });
    let Some(found) = found else { return problem.to_string() };
    let key = key.as_ref().map_or_else(String::new, |key| format!("{key}: "));
    format!("{origin}:{}:{}: {key}{fault}", found.line, found.column)
}

/// Every value, each with the line that it comes from.
fn values(home: &Home, session: &Session) -> Result<Vec<Shown>, Failure> {
    let read = read(&session.ambient, home, None);
    if !read.problems.is_empty() {
        let lines: Vec<String> = read.problems.iter().map(|it| located(it, None)).collect();
        return Err(Failure::refused(ErrorCode::InvalidValue, lines.join("\n"))
            .with_hint("correct it; `kanban config check` reads it again"));
    }
    let files: Vec<(String, String)> = files(home, &mut Vec::new())
        .into_iter()
        .filter_map(|path| Some((path.display().to_string(), std::fs::read_to_string(path).ok()?)))
        .collect();
    let shown = |entry: Entry<'_>| {
        let text = files.iter().find(|(path, _)| Some(path.as_str()) == entry.origin);
        let line =
            text.and_then(|(_, text)| location_of(text, entry.key)).map(|location| location.line);
        let origin = entry.origin.unwrap_or("default").to_owned();
        let (key, is_hidden) = (entry.key.to_owned(), entry.is_hidden);
        Shown { key, value: entry.value, origin, line, is_hidden }
    };
    Ok(read.shown.entries().map(shown).collect())
}

fn location(origin: &str, line: Option<usize>) -> String {
    line.map_or_else(|| origin.to_owned(), |line| format!("{origin}:{line}"))
}

fn unknown(key: &str) -> Failure {
    let failure = Failure::refused(ErrorCode::InvalidValue, format!("unknown key: {key}"));
    match nearest_key(key) {
        Some(nearest) => failure.with_hint(format!("did you mean {nearest}?")),
        None => failure.with_hint("`kanban config show` lists the keys"),
    }
}

/// The files that are read here are those of this user's home; the daemon that answers may have another.
fn note_other_home(home: &Home, session: &mut Session) {
    let daemon =
        session.client().ok().and_then(|client| client.get("/v1/daemon", &Nothing {}).ok());
    let Some(DaemonInfo { home: other, .. }) = daemon else { return };
    if Path::new(&other) != home.path() {
        let (own, other) = (home.path().display(), one_line(&other));
        session.output.complain(&format!(
            "warning: this is the configuration of {own}; the daemon that answers has the home {other}"
        ));
    }
}
