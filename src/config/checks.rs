//! Checks that need all sources merged: whether the values are consistent.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use crate::config::presets::PRESETS;
use crate::config::problem::{Problem, ProblemKind};
use crate::config::settings::{AUTO_LAUNCHER, COMMAND_LAUNCHER, Launcher, Profile, Settings};
use crate::config::template::{Placeholder, Template};
use crate::text::nearest::nearest;

/// Adds to `problems` what is wrong between the values of `settings`. `merged` is the tree they were read
/// from: it knows where each came from.
pub(super) fn check(settings: &Settings, merged: &Value, problems: &mut Vec<Problem>) {
    let mut check = Check { settings, merged, problems };
    check.backoff();
    check.default_launcher();
    check.people();
    check.web_proxy();
    check.profiles();
    check.launchers();
}

struct Check<'a> {
    settings: &'a Settings,
    merged: &'a Value,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn backoff(&mut self) {
        let (base, max) = (self.settings.dispatch.backoff_base, self.settings.dispatch.backoff_max);
        let is_told = self.is_told(&["dispatch", "backoff_max"]);
        if base > max && !is_told {
            let path = &["dispatch", "backoff_base"];
            // With the base left alone it is the other key that was set too low.
            let source = origin_of(self.merged, path)
                .or_else(|| origin_of(self.merged, &["dispatch", "backoff_max"]));
            self.report_from(source, path, ProblemKind::BackoffOrder { base, max });
        }
    }

    fn default_launcher(&mut self) {
        let path = ["dispatch", "default_launcher"];
        let fault = self.launcher_fault(self.settings.dispatch.default_launcher());
        if let Some(fault) = fault {
            self.report(&path, fault);
        }
    }

    fn web_proxy(&mut self) {
        let proxy = &self.settings.web.proxy;
        // What was refused is not missing.
        let is_told = ["user", "origin"].iter().any(|name| self.is_told(&["web", "proxy", name]));
        if proxy.user.is_empty() != proxy.origin.is_empty() && !is_told {
            self.report(&["web", "proxy"], ProblemKind::HalfAProxy);
        }
    }

    fn people(&mut self) {
        for name in self.settings.people.keys() {
            if self.settings.profiles.contains_key(name) {
                // A table without keys does not say where it came from.
                let source = origin_of(self.merged, &["people", name])
                    .or_else(|| origin_of(self.merged, &["profiles", name]));
                self.report_from(source, &["people", name], ProblemKind::PersonIsProfile);
            }
        }
    }

    fn profiles(&mut self) {
        for (name, profile) in &self.settings.profiles {
            let at = |key| ["profiles", name.as_str(), key];
            match (&profile.launcher, &profile.argv) {
                (Some(_), Some(_)) => {
                    self.report(&["profiles", name], ProblemKind::LauncherAndArgv);
                }
                (Some(launcher), None) => {
                    if let Some(fault) = self.launcher_fault(launcher) {
                        self.report(&at("launcher"), fault);
                    }
                }
                (None, Some(argv)) => {
                    let command = self.settings.launchers.get(COMMAND_LAUNCHER);
                    let has_skills_argv = command.is_some_and(|one| !one.skills_argv.is_empty());
                    if !has_skills_argv && argv.iter().any(|arg| arg.is_only(Placeholder::Skills)) {
                        self.report(&at("argv"), ProblemKind::NoSkillsArgv);
                    }
                    let has_mcp_config = command.is_some_and(|one| one.mcp_config.is_some());
                    self.arguments(&at("argv"), argv, has_mcp_config);
                }
                (None, None) => {}
            }
            let is_lone = profile.argv.is_none() && !self.is_told(&at("argv"));
            if profile.verdict.is_some() && is_lone {
                self.report(&at("verdict"), ProblemKind::VerdictWithoutArgv);
            }
            let is_rooted =
                |path: &str| path.starts_with('/') || path == "~" || path.starts_with("~/");
            if let Some(path) = profile.landlock_write.iter().find(|path| !is_rooted(path)) {
                let path = path.clone();
                self.report(&at("landlock_write"), ProblemKind::RelativePath { path });
            }
            self.options(name, profile);
        }
    }

    /// What a profile asks its workers to be started with must have its place.
    fn options(&mut self, name: &str, profile: &Profile) {
        let launcher_name = match (&profile.launcher, &profile.argv) {
            (Some(launcher), None) => launcher.as_str(),
            (None, Some(_)) => COMMAND_LAUNCHER,
            (None, None) => self.settings.dispatch.default_launcher(),
            (Some(_), Some(_)) => return,
        };
        let argv = match (&profile.argv, self.settings.launchers.get(launcher_name)) {
            (Some(argv), _) => argv,
            (None, Some(launcher)) if !launcher.argv.is_empty() => &launcher.argv,
            // Told elsewhere.
            (None, _) => return,
        };
        for (placeholder, is_asked) in [
            (Placeholder::Model, profile.model.is_some()),
            (Placeholder::Effort, profile.effort.is_some()),
            (Placeholder::Args, !profile.args.is_empty()),
        ] {
            let option = placeholder.name();
            if is_asked && !argv.iter().any(|argument| argument.contains(placeholder)) {
                let fault =
                    ProblemKind::OptionNotTaken { option, launcher: launcher_name.to_owned() };
                self.report(&["profiles", name, option], fault);
            }
        }
    }

    /// Arguments that ask for what they cannot get.
    fn arguments(&mut self, path: &[&str], argv: &[Template], has_mcp_config: bool) {
        let contains = |placeholder| argv.iter().any(|argument| argument.contains(placeholder));
        let is_only = |argument: &Template| argument.is_only(Placeholder::Args);
        if argv.iter().any(|argument| argument.contains(Placeholder::Args) && !is_only(argument)) {
            self.report(path, ProblemKind::ArgsNotAlone);
        }
        if contains(Placeholder::McpConfig) && !has_mcp_config {
            self.report(path, ProblemKind::NoMcpConfig);
        }
    }

    fn launchers(&mut self) {
        let presets = PRESETS.map(|(name, _)| name);
        for (name, launcher) in &self.settings.launchers {
            if name == AUTO_LAUNCHER {
                self.report(&["launchers", name], ProblemKind::LauncherIsReserved);
            }
            let at = |key| ["launchers", name.as_str(), key];
            let is_ours = presets.contains(&name.as_str());
            if launcher.argv.is_empty() && !is_ours && !self.is_told(&at("argv")) {
                self.report(&["launchers", name], ProblemKind::NoArgv);
            }
            let asks_for_skills = launcher.argv.iter().any(|arg| arg.is_only(Placeholder::Skills));
            let is_silent = launcher.skills_argv.is_empty() && !self.is_told(&at("skills_argv"));
            if asks_for_skills && is_silent {
                self.report(&at("argv"), ProblemKind::NoSkillsArgv);
            }
            let has_mcp_config = launcher.mcp_config.is_some() || self.is_told(&at("mcp_config"));
            self.arguments(&at("argv"), &launcher.argv, has_mcp_config);
            self.arguments(&at("resume_argv"), &launcher.resume_argv, has_mcp_config);
            for (variable, value) in &launcher.env {
                if value.contains(Placeholder::McpConfig) && !has_mcp_config {
                    self.report(&["launchers", name, "env", variable], ProblemKind::NoMcpConfig);
                }
            }
            self.resuming(&at("resume_argv"), launcher);
        }
    }

    /// A session can be resumed only when its id is known.
    fn resuming(&mut self, path: &[&str], launcher: &Launcher) {
        let has_session =
            |argv: &[Template]| argv.iter().any(|one| one.contains(Placeholder::Session));
        if launcher.resume_argv.is_empty() {
            return;
        }
        if !has_session(&launcher.resume_argv) {
            self.report(path, ProblemKind::NoPlaceholderFor { name: Placeholder::Session.name() });
        } else if !has_session(&launcher.argv) && launcher.session_line.is_none() {
            self.report(path, ProblemKind::NoSession);
        }
    }

    /// What is wrong with a reference to the launcher `name`; nothing when it can start something, or would if
    /// the problems already told were not there.
    fn launcher_fault(&self, name: &str) -> Option<ProblemKind> {
        let launchers: &BTreeMap<String, Launcher> = &self.settings.launchers;
        match launchers.get(name) {
            Some(launcher) if !launcher.argv.is_empty() => None,
            // A launcher of the operator without argv is reported on its own.
            Some(_) if name != COMMAND_LAUNCHER => None,
            Some(_) => Some(ProblemKind::NothingToRun { name: name.to_owned() }),
            None => Some(ProblemKind::UnknownLauncher {
                name: name.to_owned(),
                nearest: nearest(name, launchers.keys().map(String::as_str)).map(str::to_owned),
                known: launchers.keys().cloned().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Whether a problem with the value of this key is known, so that what follows from it is not worth a word.
    fn is_told(&self, path: &[&str]) -> bool {
        let key = path.join(".");
        self.problems.iter().any(|problem| problem.key.as_ref() == Some(&key))
    }

    fn report(&mut self, path: &[&str], fault: ProblemKind) {
        self.report_from(origin_of(self.merged, path), path, fault);
    }

    fn report_from(&mut self, origin: Option<String>, path: &[&str], fault: ProblemKind) {
        let origin = origin.unwrap_or_else(|| "built-in configuration".to_owned());
        self.problems.push(Problem { origin, key: Some(path.join(".")), fault });
    }
}

/// Where the value at `path` came from; for a table, where its first key did.
fn origin_of(root: &Value, path: &[&str]) -> Option<String> {
    let mut value = root;
    for part in path {
        let ValueKind::Table(table) = &value.kind else { return None };
        value = table.get(*part)?;
    }
    first_origin(value)
}

fn first_origin(value: &Value) -> Option<String> {
    if let Some(origin) = value.origin() {
        return Some(origin.to_owned());
    }
    let ValueKind::Table(table) = &value.kind else { return None };
    let sorted: BTreeMap<_, _> = table.iter().collect();
    sorted.into_values().find_map(first_origin)
}
