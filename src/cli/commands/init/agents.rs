//! Agents that are installed here, each with the profile that starts it. Files are looked at and nothing is started.

use std::path::{Path, PathBuf};

use crate::config::launch::resolve;
use crate::config::render::{LaunchInput, render};
use crate::config::worker_environment::DEFAULT_PATH;
use crate::config::{Home, Settings};
use crate::os::files::find_program;
use crate::service::add_profile::file_of;
use crate::service::first_use::{FoundAgent, built_in, lines_of, with_profile};
use crate::text::json;

/// Agents without tools of the board: they get the task as their message, and their exit code is the verdict. Name of the program,
/// and the script that starts it. Without its task an agent is not started: it would do nothing, and that would count as done.
const BY_SCRIPT: [(&str, &str); 2] = [
    (
        "aider",
        r#"task=$(kanban context "$KANBAN_TASK") || exit 1; printf '%s\n' "$task" | aider --yes-always --message-file /dev/stdin"#,
    ),
    (
        "goose",
        r#"task=$(kanban context "$KANBAN_TASK") || exit 1; printf '%s\n' "$task" | goose run --no-session -i /dev/stdin"#,
    ),
];

/// An agent that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agent {
    /// Name of its profile.
    pub(super) profile: String,
    /// Its program.
    pub(super) program: String,
    /// Command line of its workers.
    pub(super) argv: Vec<String>,
    /// Lines of the configuration that make the profile.
    pub(super) config: String,
    /// File for these lines.
    pub(super) file: PathBuf,
    /// Whether a profile starts it already.
    pub(super) is_configured: bool,
}

/// Where agents are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) home: &'a Home,
    pub(super) settings: &'a Settings,
    /// Search path of the person.
    pub(super) path: &'a str,
}

impl Search<'_> {
    /// The agents on the search path: those with a launcher of their own, by name, then the others.
    pub(super) fn agents(self) -> Vec<Agent> {
        let launchers = built_in();
        let with_launcher = launchers.iter().filter_map(|launcher| self.with_launcher(launcher));
        let by_script = BY_SCRIPT.iter().filter_map(|(name, script)| self.by_script(name, script));
        with_launcher.chain(by_script).collect()
    }

    fn with_launcher(self, launcher: &str) -> Option<Agent> {
        let (profile, settings) = with_profile(self.settings, launcher);
        let resolution = resolve(&profile, &settings).ok()?;
        let input = LaunchInput {
            task: "<task>",
            assignee: &profile,
            workspace: "<workspace>",
            prompt: "work kanban task <task>",
            kanban: "kanban",
            socket: "<socket>",
            guidance: "<guidance>",
            session: "<session>",
            ..LaunchInput::default()
        };
        let argv = render(&resolution, &input).argv;
        let program = find_program(argv.first()?, self.path)?;
        let of_launcher =
            |of: &crate::config::settings::Profile| of.launcher.as_deref() == Some(launcher);
        let is_configured =
            self.is_known(&profile) || self.settings.profiles.values().any(of_launcher);
        let config = lines_of(&profile, launcher);
        Some(self.agent(profile, &program, argv, config, is_configured))
    }

    fn by_script(self, name: &str, script: &str) -> Option<Agent> {
        let program = find_program(name, self.path)?;
        let argv = ["sh", "-c", script].map(str::to_owned);
        // Strings of JSON are strings of TOML.
        let words: Vec<String> =
            argv.iter().filter_map(|word| json::to_string(word).ok()).collect();
        let config = format!("[profiles.{name}]\nargv = [{}]\n", words.join(", "));
        let is_configured = self.is_known(name);
        Some(self.agent(name.to_owned(), &program, argv.to_vec(), config, is_configured))
    }

    fn is_known(self, profile: &str) -> bool {
        self.settings.profiles.contains_key(profile) || file_of(self.home, profile).exists()
    }

    fn agent(
        self,
        profile: String,
        program: &Path,
        argv: Vec<String>,
        config: String,
        is_configured: bool,
    ) -> Agent {
        let config = config + &path_line(program, self.path);
        let file = file_of(self.home, &profile);
        Agent { program: program.display().to_string(), profile, argv, config, file, is_configured }
    }
}

/// The line that has workers look where the person's shell does. Without it a service would not find a program of the person's own,
/// nor the interpreter that it may need.
fn path_line(program: &Path, path: &str) -> String {
    let is_everybodys = program
        .parent()
        .is_some_and(|folder| std::env::split_paths(DEFAULT_PATH).any(|other| other == folder));
    match json::to_string(&path) {
        Ok(path) if !is_everybodys => format!("env = {{ PATH = {path} }}\n"),
        Ok(_) | Err(_) => String::new(),
    }
}

/// What the daemon has found for the user of its workers.
pub(super) fn of_daemon(found: FoundAgent) -> Option<Agent> {
    let FoundAgent { profile, program, argv, config, file, is_configured, .. } = found;
    let file = PathBuf::from(file);
    Some(Agent { profile, program: program?, argv, config, file, is_configured })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_the_persons_own_brings_its_search_path_along() {
        let path = "/home/ann/my \"bin\":/usr/bin";
        assert_eq!(path_line(Path::new("/usr/bin/claude"), path), "");
        assert_eq!(
            path_line(Path::new("/home/ann/my \"bin\"/claude"), path),
            "env = { PATH = \"/home/ann/my \\\"bin\\\":/usr/bin\" }\n"
        );
    }
}
