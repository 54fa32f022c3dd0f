//! What an assignee's worker is started with: from a name to an argv.
//!
//! [`resolve`] finds the launcher, [`Resolution::render`] fills it in. Neither looks at the machine: whether
//! the program exists is found out when it is started.

use thiserror::Error;

use crate::config::nearest::nearest;
use crate::config::settings::{COMMAND_LAUNCHER, Launcher, Profile, Settings};
use crate::config::template::{Placeholder, Template};

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
    #[error("unknown profile {assignee:?}: dispatch.strict_profiles asks for a [profiles.{assignee}]{}", match nearest {
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
    #[error("launcher {name:?}, which {assignee:?} would be started by, names no program")]
    NothingToRun {
        /// The assignee.
        assignee: String,
        /// The launcher.
        name: String,
    },
}

/// The values that a launch is filled in with.
#[derive(Debug, Clone, Copy)]
pub struct LaunchInput<'a> {
    /// Id of the task.
    pub task: &'a str,
    /// Profile that the task is assigned to.
    pub assignee: &'a str,
    /// Absolute path of the workspace.
    pub workspace: &'a str,
    /// The daemon's text for the worker. A launcher may put words of its own around it.
    pub prompt: &'a str,
    /// The task's skills in their stored order.
    pub skills: &'a [String],
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
        _ => (settings.dispatch.default_launcher.as_str(), ChosenBy::Default),
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
    /// Program and arguments for one run.
    pub fn render(&self, input: &LaunchInput<'_>) -> Vec<String> {
        let launcher = &self.launcher;
        let skills = input.skills.join(",");
        let fill = |template: &Template, prompt: &str| {
            template.render(|placeholder| match placeholder {
                Placeholder::Task => input.task,
                Placeholder::Assignee => input.assignee,
                Placeholder::Workspace => input.workspace,
                Placeholder::Prompt => prompt,
                Placeholder::Skills => &skills,
                // Of no key but `skills_argv`, which is filled in skill by skill.
                Placeholder::Skill => "",
            })
        };
        let prompt = launcher.prompt.as_ref().map(|template| fill(template, input.prompt));
        let prompt = prompt.as_deref().unwrap_or(input.prompt);
        let fixed: Vec<String> =
            launcher.argv.iter().map(|template| fill(template, prompt)).collect();
        let mut argv = Vec::new();
        for (template, rendered) in launcher.argv.iter().zip(&fixed) {
            if template.is_only(Placeholder::Skills) {
                for skill in input.skills {
                    argv.extend(skill_arguments(&launcher.skills_argv, skill, &fixed));
                }
            } else {
                argv.push(rendered.clone());
            }
        }
        argv
    }
}

/// The arguments for one skill; none when they stand among the `fixed` ones already, as `--skills
/// kanban-worker` does for Hermes.
fn skill_arguments(skills_argv: &[Template], skill: &str, fixed: &[String]) -> Vec<String> {
    let arguments: Vec<String> =
        skills_argv.iter().map(|template| template.render(|_| skill)).collect();
    // A bare name may equal any argument by chance, such as a skill `chat` the subcommand `chat`; with
    // something around it, it means the same.
    let is_telling = arguments.iter().any(|argument| argument != skill);
    let is_there = is_telling && fixed.windows(arguments.len()).any(|window| window == arguments);
    if is_there { Vec::new() } else { arguments }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::tests::settings;
    use crate::config::settings::Verdict;

    fn argv(config: &str, assignee: &str, skills: &[&str]) -> Vec<String> {
        let skills: Vec<String> = skills.iter().map(|skill| (*skill).to_owned()).collect();
        let input = LaunchInput {
            task: "t_0123abcd",
            assignee,
            workspace: "/w/t_0123abcd",
            prompt: "the text for {task}",
            skills: &skills,
        };
        resolve(assignee, &settings(config)).unwrap().render(&input)
    }

    #[test]
    fn the_preset_for_hermes_is_the_predecessors_command() {
        let table: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["git", "rust"], &["--skills", "git", "--skills", "rust"]),
            (&["git", "kanban-worker"], &["--skills", "git"]),
            (&["chat"], &["--skills", "chat"]),
        ];
        for (skills, expected) in table {
            let head = ["hermes", "-p", "ann", "--skills", "kanban-worker"];
            let tail = ["chat", "-q", "work kanban task t_0123abcd"];
            let expected = [head.as_slice(), expected, &tail].concat();
            assert_eq!(argv("", "ann", skills), expected, "{skills:?}");
        }
        let launcher = resolve("ann", &Settings::default()).unwrap().launcher;
        assert_eq!((launcher.verdict, launcher.hermes_env), (Verdict::Report, false));
    }

    #[test]
    fn every_placeholder_is_filled_in() {
        let config = r#"
            [profiles.p]
            argv = ["run", "{task}", "a={assignee}", "{workspace}/x", "{prompt}", "s={skills}", "{{task}}"]
        "#;
        let expected = [
            "run",
            "t_0123abcd",
            "a=p",
            "/w/t_0123abcd/x",
            "the text for {task}",
            "s=git,rust",
            "{task}",
        ];
        assert_eq!(argv(config, "p", &["git", "rust"]), expected);
    }

    #[test]
    fn a_launchers_prompt_goes_around_the_daemons() {
        let config = r#"
            [launchers.l]
            argv = ["agent", "{prompt}"]
            prompt = "Hello {assignee}. {prompt} Skills: {skills}."
            [profiles.p]
            launcher = "l"
        "#;
        let told = "Hello p. the text for {task} Skills: git.";
        assert_eq!(argv(config, "p", &["git"]), ["agent", told]);
    }

    #[test]
    fn a_skill_is_left_out_only_where_its_arguments_stand_already() {
        let launcher = |argv: &str, skills_argv: &str| {
            format!(
                "[launchers.l]\nargv = {argv}\nskills_argv = {skills_argv}\n[profiles.p]\nlauncher = \"l\""
            )
        };
        let table: [(String, &[&str], &[&str]); 4] = [
            (
                launcher(r#"["a", "--skill=x", "{skills}"]"#, r#"["--skill={skill}"]"#),
                &["x", "y"],
                &["a", "--skill=x", "--skill=y"],
            ),
            (
                launcher(r#"["a", "run", "{skills}"]"#, r#"["{skill}"]"#),
                &["run"],
                &["a", "run", "run"],
            ),
            (
                launcher(r#"["a", "{skills}", "--s", "x"]"#, r#"["--s", "{skill}"]"#),
                &["x", "y"],
                &["a", "--s", "y", "--s", "x"],
            ),
            (
                launcher(r#"["a", "--s", "b", "x", "{skills}"]"#, r#"["--s", "{skill}"]"#),
                &["x"],
                &["a", "--s", "b", "x", "--s", "x"],
            ),
        ];
        for (config, skills, expected) in table {
            assert_eq!(argv(&config, "p", skills), expected, "{config}");
        }
    }

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
            "unknown profile \"codr\": dispatch.strict_profiles asks for a [profiles.codr], did you mean coder?"
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

    #[test]
    fn a_preset_is_changed_key_by_key() {
        let config = "[launchers.hermes]\nargv = [\"/opt/hermes\", \"{skills}\", \"{task}\"]";
        assert_eq!(argv(config, "ann", &["s"]), ["/opt/hermes", "--skills", "s", "t_0123abcd"]);
        assert!(!resolve("ann", &settings(config)).unwrap().launcher.hermes_env);
    }
}
