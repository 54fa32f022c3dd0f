//! The questions of `kanban init`: which agents get a profile, how the daemon is started, what the first task is. Every answer has a
//! default, and the end of the input is "no more".

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};

use super::agents::{Agent, Search, of_daemon};
use super::choice::{one, several};
use super::start::{Seen, Start};
use crate::api::client::seen::CreateReply;
use crate::cli::commands::create::line_of;
use crate::cli::commands::profiles::check_profile;
use crate::cli::failure::Failure;
use crate::cli::files::SERVICE_MODE;
use crate::cli::session::{Nothing, OnBoard, Session};
use crate::cli::text::{cut, one_line, pad, width};
use crate::config::ambient::SERVICE_USER;
use crate::config::home::HomeKind;
use crate::config::worker_environment::DEFAULT_PATH;
use crate::config::{Home, Settings};
use crate::kernel::verbs::CreateTask;
use crate::os::files::{add_private, create_private_dirs, give_to_group};
use crate::os::host::random::random_hex;
use crate::service::first_use::FirstUse;
use crate::service::reload::ReloadReply;

/// Times that a question is repeated.
const QUESTIONS_MAX: usize = 3;

/// Columns of what is printed where nobody says how many there are.
const COLUMNS: usize = 100;

/// What is known when the questions begin.
pub(super) struct Guide<'a> {
    pub(super) home: &'a Home,
    pub(super) settings: &'a Settings,
    /// Folder of this program.
    pub(super) programs: &'a Path,
    /// Whether the daemon of this home runs.
    pub(super) is_running: bool,
    /// Whether the defaults are taken.
    pub(super) is_yes: bool,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Profiles that were written.
    pub(super) profiles: Vec<String>,
    /// Whether the daemon of this home runs.
    pub(super) is_running: bool,
}

impl Guide<'_> {
    /// Asks, and does what was answered.
    ///
    /// # Errors
    /// A file that cannot be written, a daemon that does not start, or the terminal is gone.
    pub(super) fn run(&self, session: &mut Session) -> Result<Done, Failure> {
        let agents = self.agents(session)?;
        let profiles = self.add_profiles(&agents, session)?;
        let is_running = match self.is_running {
            true => {
                if !profiles.is_empty() {
                    let _changes: ReloadReply =
                        session.client()?.post("/v1/reload", &Nothing {})?;
                }
                true
            }
            false => self.start(session)?,
        };
        if is_running && !session.output.is_json() {
            for profile in &profiles {
                // What is missing is in its lines.
                check_profile(Some(profile), session)?;
            }
            if !self.is_yes {
                self.first_task(&profiles, session)?;
            }
        }
        Ok(Done { profiles, is_running })
    }

    /// The agents of this user; of the machine's workers, where they are another user's.
    pub(super) fn agents(&self, session: &Session) -> Result<Vec<Agent>, Failure> {
        let is_own = self.home.kind() != HomeKind::System;
        if !is_own && self.is_running {
            let query = OnBoard { board: None };
            let found: FirstUse = session.client()?.get("/v1/first_use", &query)?;
            return Ok(found.agents.into_iter().filter_map(of_daemon).collect());
        }
        let own_path = session.ambient.var("PATH").filter(|_| is_own);
        let path = own_path.unwrap_or(DEFAULT_PATH);
        Ok(Search { home: self.home, settings: self.settings, path }.agents())
    }

    /// Shows the agents, and writes a profile for each that is chosen.
    fn add_profiles(
        &self,
        agents: &[Agent],
        session: &mut Session,
    ) -> Result<Vec<String>, Failure> {
        let (known, new): (Vec<&Agent>, Vec<&Agent>) =
            agents.iter().partition(|agent| agent.is_configured);
        if !session.output.is_json() {
            for line in found_lines(&known, &new, session.output.columns()) {
                session.output.line(line)?;
            }
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let question = "Write profiles for which of them? Numbers, all, none [all]:";
        let count = new.len();
        let chosen = self.choose(question, session, |answer| several(answer, count))?;
        let mut written = Vec::new();
        for agent in chosen.iter().flatten().filter_map(|at| new.get(*at)) {
            self.write(agent)?;
            written.push(agent.profile.clone());
            if !session.output.is_json() {
                session.output.line_now(format!("Wrote {}", agent.file.display()))?;
            }
        }
        Ok(written)
    }

    /// Writes the profile. When the configuration is refused with it, nothing is left of it.
    fn write(&self, agent: &Agent) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::fault(format!("cannot write {}: {error}", agent.file.display()))
        };
        if let Some(folder) = agent.file.parent() {
            create_private_dirs(folder).map_err(failed)?;
        }
        let mark = random_hex(4).map_err(failed)?;
        let text = format!(
            "# Written by `kanban init`. Change it and run `kanban reload`.\n{}",
            agent.config
        );
        add_private(&agent.file, text.as_bytes(), &mark).map_err(failed)?;
        if self.home.kind() == HomeKind::System {
            // Keys may come to stand in it; a machine without the service has no such group.
            give_to_group(&agent.file, SERVICE_USER, SERVICE_MODE).map_err(failed)?;
        }
        Ok(())
    }

    /// Offers the ways to start the daemon, and starts it.
    fn start(&self, session: &mut Session) -> Result<bool, Failure> {
        let ways = Seen::of(self.home, &session.ambient).ways();
        if !session.output.is_json() {
            session.output.line("")?;
            session.output.line("Start the daemon:")?;
            for (at, way) in ways.iter().enumerate() {
                let command = way.command().map(|words| format!("  ({})", words.join(" ")));
                let command = command.unwrap_or_default();
                session.output.line(format!("  {}  {}{command}", at + 1, way.description()))?;
            }
        }
        let count = ways.len();
        let chosen = self.choose("Which? [1]:", session, |answer| one(answer, count))?;
        let Some(way) = chosen.and_then(|at| ways.get(at).copied()) else { return Ok(false) };
        session.output.finish()?;
        way.run(self.programs, &session.ambient, session.output.is_json())?;
        Ok(way != Start::Not)
    }

    /// Creates a task, when a title is given.
    fn first_task(&self, profiles: &[String], session: &mut Session) -> Result<(), Failure> {
        let of_before = || self.settings.profiles.keys().next();
        let Some(profile) = profiles.first().or_else(of_before).cloned() else { return Ok(()) };
        session.output.line("")?;
        let question =
            format!("A first task for {}, in one line (nothing: none):", one_line(&profile));
        let title = ask(&question, session)?.unwrap_or_default().trim().to_owned();
        if title.is_empty() {
            return Ok(());
        }
        let request = CreateTask {
            title,
            assignee: Some(profile),
            board: session.board.clone(),
            ..CreateTask::default()
        };
        let reply: CreateReply = session.client()?.post("/v1/tasks", &request)?;
        session.output.line_now(line_of(&reply))?;
        let id = &reply.task.id;
        session.output.line(format!("Follow it: kanban log {id} --follow; kanban wait {id}"))
    }

    /// The answer to a question; the default with `--yes`; none at the end of the input, and when no answer could be understood.
    fn choose<T>(
        &self,
        question: &str,
        session: &mut Session,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        if self.is_yes {
            return Ok(read("").ok());
        }
        for _ in 0..QUESTIONS_MAX {
            let Some(answer) = ask(question, session)? else { return Ok(None) };
            match read(&answer) {
                Ok(chosen) => return Ok(Some(chosen)),
                Err(problem) => session.output.line_now(problem)?,
            }
        }
        Ok(None)
    }
}

/// Asks the person; none at the end of the input.
fn ask(question: &str, session: &mut Session) -> Result<Option<String>, Failure> {
    let unheard = |error: std::io::Error| Failure::fault(format!("cannot ask: {error}"));
    session.output.raw(format!("{question} ").as_bytes())?;
    session.output.finish()?;
    std::io::stdout().flush().map_err(unheard)?;
    let mut answer = String::new();
    let length = session.stdin()?.read_line(&mut answer).map_err(unheard)?;
    if length == 0 {
        session.output.line_now("")?;
        return Ok(None);
    }
    Ok(Some(answer))
}

/// What was found, with what each would run.
fn found_lines(known: &[&Agent], new: &[&Agent], columns: Option<usize>) -> Vec<String> {
    let mut lines = vec![String::new()];
    if known.is_empty() && new.is_empty() {
        lines.push("No agent was found on the search path (PATH).".to_owned());
    } else {
        lines.push("Agents that were found here:".to_owned());
    }
    let names = known.iter().chain(new).map(|agent| width(&agent.profile));
    let wide = names.max().unwrap_or_default();
    let numbered = new.iter().enumerate().map(|(at, agent)| ((at + 1).to_string(), agent, ""));
    let others = known.iter().map(|agent| ("-".to_owned(), agent, "  (has a profile)"));
    for (sign, agent, note) in numbered.chain(others) {
        let name = pad(&one_line(&agent.profile), wide);
        lines.push(format!("  {sign}  {name}  {}{note}", one_line(&agent.program)));
        let words: Vec<String> = agent.argv.iter().map(|word| one_line(word)).collect();
        let runs = format!("     {}  runs: {}", " ".repeat(wide), words.join(" "));
        lines.push(cut(&runs, columns.unwrap_or(COLUMNS)));
    }
    lines
}

/// Folder of this program.
pub(super) fn own_folder() -> PathBuf {
    let own = std::env::current_exe().ok();
    own.and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default()
}
