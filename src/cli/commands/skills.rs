//! `kanban skills`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::cli::commands::Ended;
use crate::cli::failure::Failure;
use crate::cli::files::{NewFile, Overwrite, refuse_home_file};
use crate::cli::session::Session;
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::kernel::error::ErrorCode;
use crate::mcp::skills::{SKILLS, Skill};
use crate::text::nearest::nearest;

/// List or install the skills for agents.
///
/// A skill is a text that agents read on demand: kanban-worker explains how to work on a task, kanban-orchestrator how
/// to plan work.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kanban skills
  kanban skills install --for claude
  kanban skills install --for ./agents/skills --force")]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Clone, Subcommand)]
enum Action {
    /// List skills and where they are installed (the default)
    #[command(after_help = "Example:\n  kanban skills list --json")]
    List,
    /// Install the skills
    #[command(after_help = "Example:\n  kanban skills install --for codex")]
    Install {
        /// claude, codex, hermes or a directory (default: each of these tools with a folder in your home)
        #[arg(long = "for", value_name = "TOOL|DIR")]
        target: Option<String>,
        /// Overwrite files that differ
        #[arg(long)]
        force: bool,
    },
}

/// An agent's program that reads skills.
struct Tool {
    name: &'static str,
    /// Variable that moves its folder.
    variable: &'static str,
    /// Its folder in the home.
    folder: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool { name: "claude", variable: "CLAUDE_CONFIG_DIR", folder: ".claude" },
    Tool { name: "codex", variable: "CODEX_HOME", folder: ".codex" },
    Tool { name: "hermes", variable: "HERMES_HOME", folder: ".hermes" },
];

impl Tool {
    /// Its folder; none without a home.
    fn folder(&self, ambient: &Ambient) -> Option<PathBuf> {
        let set = |name| ambient.var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set(self.variable).or_else(|| set("HOME").map(|home| home.join(self.folder)))
    }
}

/// What stands in the place of a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Missing,
    Same,
    Differs,
    Installed,
    Replaced,
}

#[derive(Debug, Serialize)]
struct SkillFolder {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    description: &'static str,
    #[serde(rename = "places")]
    locations: Vec<SkillFolder>,
}

/// Runs it.
///
/// # Errors
/// Nowhere to install to, a file that differs, a file that cannot be read or written.
pub fn run(arguments: &Arguments, session: &mut Session) -> Ended {
    match &arguments.action {
        None | Some(Action::List) => list(session),
        Some(Action::Install { target, force }) => install(target.as_deref(), *force, session),
    }
}

fn list(session: &mut Session) -> Ended {
    let folders: Vec<PathBuf> =
        TOOLS.iter().filter_map(|tool| tool.folder(&session.ambient)).collect();
    let mut listed = Vec::new();
    for skill in &SKILLS {
        let mut locations = Vec::new();
        for folder in &folders {
            let path = file_of(skill, &folder.join("skills"));
            let state = look(skill, &path)?;
            if state != State::Missing {
                locations.push(SkillFolder { path, state });
            }
        }
        listed.push(Listed { name: skill.name, description: skill.description(), locations });
    }
    if session.output.is_json() {
        session.output.json(&listed)?;
        return Ok(CliExit::Ok);
    }
    for skill in &listed {
        session.output.line(format!("{}\n  {}", skill.name, skill.description))?;
        for location in &skill.locations {
            let state = if location.state == State::Same { "installed" } else { "differs" };
            session.output.line(format!("  {state}: {}", location.path.display()))?;
        }
    }
    Ok(CliExit::Ok)
}

fn install(target: Option<&str>, force: bool, session: &mut Session) -> Ended {
    let mut locations = Vec::new();
    for folder in folders(target, &session.ambient)? {
        for skill in &SKILLS {
            let path = file_of(skill, &folder);
            let state = look(skill, &path)?;
            locations.push((skill, SkillFolder { path, state }));
        }
    }
    // Looked at before anything is written: it is installed whole or not at all.
    let differing = locations.iter().find(|(_, location)| location.state == State::Differs);
    if let Some((_, location)) = differing.filter(|_| !force) {
        let message = format!("{} exists and differs", location.path.display());
        let failure = Failure::refused(ErrorCode::BadRequest, message);
        return Err(failure.with_hint("use --force to overwrite it"));
    }
    for (skill, location) in &mut locations {
        location.state = match location.state {
            State::Missing => State::Installed,
            State::Differs => State::Replaced,
            other => other,
        };
        if location.state != State::Same {
            write(skill, &location.path, &session.ambient)?;
        }
    }
    let locations: Vec<SkillFolder> = locations.into_iter().map(|(_, location)| location).collect();
    if session.output.is_json() {
        session.output.json(&locations)?;
        return Ok(CliExit::Ok);
    }
    for location in &locations {
        let done = match location.state {
            State::Replaced => "replaced",
            State::Same => "already exists",
            State::Installed | State::Missing | State::Differs => "installed",
        };
        session.output.line(format!("{done}: {}", location.path.display()))?;
    }
    Ok(CliExit::Ok)
}

/// The folders of skills that are meant.
fn folders(target: Option<&str>, ambient: &Ambient) -> Result<Vec<PathBuf>, Failure> {
    let no_home = || Failure::refused(ErrorCode::BadRequest, "HOME is not set");
    let Some(target) = target else {
        let there = TOOLS.iter().filter_map(|tool| tool.folder(ambient));
        let there: Vec<PathBuf> =
            there.filter(|folder| folder.is_dir()).map(|folder| folder.join("skills")).collect();
        if there.is_empty() {
            let message = "no folder of claude, codex or hermes found";
            let failure = Failure::refused(ErrorCode::NotFound, message);
            return Err(failure.with_hint("choose a target: --for claude, --for DIR"));
        }
        return Ok(there);
    };
    if let Some(tool) = TOOLS.iter().find(|tool| tool.name == target) {
        return Ok(vec![tool.folder(ambient).ok_or_else(no_home)?.join("skills")]);
    }
    if target.starts_with('.') || target.contains('/') {
        return Ok(vec![PathBuf::from(target)]);
    }
    let hint = match nearest(target, TOOLS.iter().map(|tool| tool.name)) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "known tools: claude codex hermes".to_owned(),
    };
    let message = format!("no such tool: {target:?}, {hint}");
    Err(Failure::usage(message).with_hint("write a directory with a slash: ./skills"))
}

fn file_of(skill: &Skill, folder: &Path) -> PathBuf {
    folder.join(skill.name).join("SKILL.md")
}

fn look(skill: &Skill, path: &Path) -> Result<State, Failure> {
    match std::fs::read(path) {
        Ok(text) if text == skill.text.as_bytes() => Ok(State::Same),
        Ok(_) => Ok(State::Differs),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(State::Missing)
        }
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            Err(Failure::refused(ErrorCode::BadRequest, message))
        }
    }
}

/// It appears under its name when it is whole, so that no agent ever reads half of it.
fn write(skill: &Skill, path: &Path, ambient: &Ambient) -> Result<(), Failure> {
    let unmade = |error: std::io::Error| {
        let message = format!("cannot write {}: {error}", path.display());
        Failure::refused(ErrorCode::BadRequest, message)
    };
    refuse_home_file(path, ambient)?;
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(unmade)?;
    let mut file = NewFile::create(path, Overwrite::Allow, ambient)?;
    file.let_all_read()?;
    file.write(skill.text.as_bytes())?;
    file.finish()
}
