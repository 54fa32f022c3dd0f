//! How an assignee's worker is started: from a name to an argv.
//!
//! [`resolve`] finds the launcher, [`crate::config::render`] fills it in. Neither looks at the machine: whether
//! the program exists is found out when it is started.

use thiserror::Error;

use crate::config::settings::{COMMAND_LAUNCHER, Launcher, Profile, Settings};
use crate::config::template::Placeholder;
use crate::text::nearest::nearest;

/// How the workers of one assignee are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Name of the launcher.
    pub launcher_name: String,
    /// What chose it.
    pub chosen_by: ChosenBy,
    /// The launcher, with the command of the profile in it where the profile has one.
    pub launcher: Launcher,
    /// The assignee's profile; none when it is not configured.
    pub profile: Option<Profile>,
}

/// What chose a launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// `profiles.NAME.launcher`.
    ProfileLauncher,
    /// `profiles.NAME.argv`.
    ProfileArgv,
    /// `dispatch.default_launcher`.
    Default,
}

/// Why nothing can be started for an assignee.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// Profiles are strict and there is none.
    #[error("unknown profile {assignee:?}: dispatch.strict_profiles requires [profiles.{assignee}]{}", match nearest {
        Some(nearest) => format!(", did you mean {nearest}?"),
        None => String::new(),
    })]
    UnknownProfile {
        /// The assignee.
        assignee: String,
        /// The profile that was probably meant.
        nearest: Option<String>,
    },
    /// The launcher is not there or names no program. Loading refuses such a configuration.
    #[error("launcher {name:?} of {assignee:?} has no program")]
    NothingToRun {
        /// The assignee.
        assignee: String,
        /// The launcher.
        name: String,
    },
}

/// How a worker for `assignee` is started: by its profile's launcher or command, else by the default launcher.
pub fn resolve(assignee: &str, settings: &Settings) -> Result<Resolution, ResolveError> {
    let profile = settings.profiles.get(assignee);
    if profile.is_none() && settings.dispatch.strict_profiles {
        let names = settings.profiles.keys().map(String::as_str);
        let nearest = nearest(assignee, names).map(str::to_owned);
        return Err(ResolveError::UnknownProfile { assignee: assignee.to_owned(), nearest });
    }
    let (name, chosen_by) = match profile {
        Some(Profile { argv: Some(_), .. }) => (COMMAND_LAUNCHER, ChosenBy::ProfileArgv),
        Some(Profile { launcher: Some(name), .. }) => (name.as_str(), ChosenBy::ProfileLauncher),
        _ => (settings.dispatch.default_launcher(), ChosenBy::Default),
    };
    let nothing =
        || ResolveError::NothingToRun { assignee: assignee.to_owned(), name: name.to_owned() };
    let mut launcher = settings.launchers.get(name).cloned().ok_or_else(nothing)?;
    if let Some(Profile { argv: Some(argv), verdict, .. }) = profile {
        launcher.argv.clone_from(argv);
        launcher.verdict = verdict.unwrap_or(launcher.verdict);
    }
    if launcher.argv.is_empty() {
        return Err(nothing());
    }
    let launcher_name = name.to_owned();
    Ok(Resolution { launcher_name, chosen_by, launcher, profile: profile.cloned() })
}

impl Resolution {
    /// Whether a worker can be asked for what `placeholder` stands for: a model, an effort, extra arguments.
    pub fn takes(&self, placeholder: Placeholder) -> bool {
        self.launcher.argv.iter().any(|argument| argument.contains(placeholder))
    }

    /// Whether the session of an earlier run can be resumed.
    pub fn can_resume(&self) -> bool {
        !self.launcher.resume_argv.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;
    use crate::config::settings::Verdict;

    #[test]
    fn the_profile_chooses_and_the_default_fills_the_gap() {
        let config = r#"
            [dispatch]
            default_launcher = "other"
            [launchers.other]
            argv = ["other"]
            [profiles.limits-only]
            max_running = 1
            [profiles.named]
            launcher = "hermes"
            [profiles.bare]
            argv = ["true"]
            [profiles.reporting]
            argv = ["agent"]
            verdict = "report"
        "#;
        let settings = settings(config);
        let table = [
            ("limits-only", "other", ChosenBy::Default, Verdict::Report, true),
            ("nobody", "other", ChosenBy::Default, Verdict::Report, true),
            ("named", "hermes", ChosenBy::ProfileLauncher, Verdict::Report, false),
            ("bare", "command", ChosenBy::ProfileArgv, Verdict::Exit, true),
            ("reporting", "command", ChosenBy::ProfileArgv, Verdict::Report, true),
        ];
        for (assignee, name, chosen_by, verdict, hermes_env) in table {
            let found = resolve(assignee, &settings).unwrap();
            assert_eq!(
                (found.launcher_name.as_str(), found.chosen_by),
                (name, chosen_by),
                "{assignee}"
            );
            assert_eq!(found.launcher.verdict, verdict, "{assignee}");
            assert_eq!(found.launcher.hermes_env, hermes_env, "{assignee}");
            assert_eq!(found.profile.is_some(), assignee != "nobody");
        }
    }

    #[test]
    fn strict_profiles_refuse_an_unknown_assignee() {
        let settings = settings("[dispatch]\nstrict_profiles = true\n[profiles.coder]\n");
        assert!(resolve("coder", &settings).is_ok());
        assert_eq!(
            resolve("codr", &settings).unwrap_err().to_string(),
            "unknown profile \"codr\": dispatch.strict_profiles requires [profiles.codr], did you mean coder?"
        );
    }

    #[test]
    fn a_launcher_that_names_no_program_starts_nothing() {
        for name in ["command", "gone"] {
            let mut settings = Settings::default();
            settings.dispatch.default_launcher = name.to_owned();
            let expected =
                ResolveError::NothingToRun { assignee: "ann".to_owned(), name: name.to_owned() };
            assert_eq!(resolve("ann", &settings), Err(expected));
        }
    }
}
