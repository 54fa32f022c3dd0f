//! A launcher filled in for one run: program, arguments and variables.
//!
//! Values are put in once and never searched for placeholders. Nothing here looks at the machine.

use std::collections::BTreeMap;

use crate::config::launch::Resolution;
use crate::config::settings::Launcher;
use crate::config::template::{Placeholder, Template};

/// The values of the placeholders of a start.
#[derive(Debug, Clone, Copy, Default)]
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
    /// The model asked for.
    pub model: Option<&'a str>,
    /// The effort asked for.
    pub effort: Option<&'a str>,
    /// Extra arguments, in order.
    pub args: &'a [String],
    /// The `kanban` program.
    pub kanban: &'a str,
    /// The socket that workers use.
    pub socket: &'a str,
    /// What every worker is to know about its part.
    pub guidance: &'a str,
    /// Id of the agent's session: a new one, or the one to go on with.
    pub session: &'a str,
    /// Whether that session is resumed.
    pub is_resume: bool,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables of the launcher.
    pub env: BTreeMap<String, String>,
}

/// Fills in the launcher of `resolution`.
pub fn render(resolution: &Resolution, input: &LaunchInput<'_>) -> Rendered {
    let launcher = &resolution.launcher;
    let skills = input.skills.join(",");
    let args = input.args.join(" ");
    let mcp_config = mcp_config(launcher, input);
    let fill = |template: &Template, prompt: &str| {
        template.render(|placeholder| match placeholder {
            Placeholder::Task => input.task,
            Placeholder::Assignee => input.assignee,
            Placeholder::Workspace => input.workspace,
            Placeholder::Prompt => prompt,
            Placeholder::Skills => &skills,
            Placeholder::Model => input.model.unwrap_or_default(),
            Placeholder::Effort => input.effort.unwrap_or_default(),
            Placeholder::Args => &args,
            Placeholder::Kanban => input.kanban,
            Placeholder::Socket => input.socket,
            Placeholder::Guidance => input.guidance,
            Placeholder::McpConfig => &mcp_config,
            Placeholder::Session => input.session,
            // Of no key but `skills_argv`, which is filled in skill by skill.
            Placeholder::Skill => "",
        })
    };
    let prompt = launcher.prompt.as_ref().map(|template| fill(template, input.prompt));
    // A reminder goes to an agent that has read everything else before.
    let prompt = prompt.as_deref().filter(|_| !input.is_resume).unwrap_or(input.prompt);
    let templates = if input.is_resume { &launcher.resume_argv } else { &launcher.argv };
    let fixed: Vec<String> = templates.iter().map(|template| fill(template, prompt)).collect();
    let mut argv = Vec::new();
    for (template, rendered) in templates.iter().zip(&fixed) {
        if template.is_only(Placeholder::Skills) {
            for skill in input.skills {
                argv.extend(skill_arguments(&launcher.skills_argv, skill, &fixed));
            }
        } else if template.is_only(Placeholder::Model) {
            argv.extend(option_arguments(&launcher.model_argv, input.model));
        } else if template.is_only(Placeholder::Effort) {
            argv.extend(option_arguments(&launcher.effort_argv, input.effort));
        } else if template.is_only(Placeholder::Args) {
            argv.extend_from_slice(input.args);
        } else {
            argv.push(rendered.clone());
        }
    }
    let env = launcher.env.iter().map(|(name, value)| (name.clone(), fill(value, prompt)));
    Rendered { argv, env: env.collect() }
}

/// The text that gives an agent the board's tools. What is put into it stands between the quotes of a JSON string (and of a
/// TOML one, whose escapes are the same).
fn mcp_config(launcher: &Launcher, input: &LaunchInput<'_>) -> String {
    let inside = |value: &str| {
        let quoted = serde_json::Value::from(value).to_string();
        let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        inside.unwrap_or_default().to_owned()
    };
    let (kanban, socket) = (inside(input.kanban), inside(input.socket));
    let fill = |template: &Template| {
        template.render(|placeholder| match placeholder {
            Placeholder::Kanban => &kanban,
            Placeholder::Socket => &socket,
            _ => "",
        })
    };
    launcher.mcp_config.as_ref().map(fill).unwrap_or_default()
}

/// The arguments for a model or an effort; none when none is asked for.
fn option_arguments(option_argv: &[Template], value: Option<&str>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    if option_argv.is_empty() {
        return vec![value.to_owned()];
    }
    option_argv.iter().map(|template| template.render(|_| value)).collect()
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
    use crate::config::launch::resolve;
    use crate::config::load::tests::settings;
    use crate::config::settings::{Settings, Verdict};

    const INPUT: LaunchInput<'static> = LaunchInput {
        task: "t_0123abcd",
        assignee: "",
        workspace: "/w/t_0123abcd",
        prompt: "the text for {task}",
        skills: &[],
        model: None,
        effort: None,
        args: &[],
        kanban: "/opt/kb/kanban",
        socket: "/run/kb.sock.worker",
        guidance: "the rules",
        session: "00000000-0000-4000-8000-000000000000",
        is_resume: false,
    };

    fn rendered(config: &str, assignee: &str, input: LaunchInput<'_>) -> Rendered {
        let input = LaunchInput { assignee, ..input };
        render(&resolve(assignee, &settings(config)).unwrap(), &input)
    }

    fn argv(config: &str, assignee: &str, skills: &[&str]) -> Vec<String> {
        let skills: Vec<String> = skills.iter().map(|skill| (*skill).to_owned()).collect();
        rendered(config, assignee, LaunchInput { skills: &skills, ..INPUT }).argv
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
        let message = "Hello p. the text for {task} Skills: git.";
        assert_eq!(argv(config, "p", &["git"]), ["agent", message]);
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
    fn a_preset_is_changed_key_by_key() {
        let config = "[launchers.hermes]\nargv = [\"/opt/hermes\", \"{skills}\", \"{task}\"]";
        assert_eq!(argv(config, "ann", &["s"]), ["/opt/hermes", "--skills", "s", "t_0123abcd"]);
        assert!(!resolve("ann", &settings(config)).unwrap().launcher.hermes_env);
    }

    /// What a preset starts for a task with everything, and for the same session again.
    fn of_preset(name: &str) -> (Rendered, Rendered) {
        let config = format!("[profiles.p]\nlauncher = \"{name}\"");
        let args = ["--one".to_owned(), "two".to_owned()];
        let input = LaunchInput { model: Some("M"), effort: Some("high"), args: &args, ..INPUT };
        let again = LaunchInput { is_resume: true, prompt: "go on", ..input };
        (rendered(&config, "p", input), rendered(&config, "p", again))
    }

    fn joined(argv: &[String]) -> String {
        argv.join("|")
    }

    #[test]
    fn hermes_gets_model_and_arguments_behind_its_subcommand() {
        let (fresh, _) = of_preset("hermes");
        let expected =
            "hermes|-p|p|--skills|kanban-worker|chat|-m|M|--one|two|-q|work kanban task t_0123abcd";
        assert_eq!(joined(&fresh.argv), expected);
    }

    #[test]
    fn claude_gets_the_tools_by_argument_and_goes_on_with_its_session() {
        let (fresh, again) = of_preset("claude");
        let config = r#"{"mcpServers":{"kanban":{"type":"stdio","command":"/opt/kb/kanban","args":["mcp","--socket","/run/kb.sock.worker"]}}}"#;
        let session = "00000000-0000-4000-8000-000000000000";
        let tail = format!(
            "--mcp-config|{config}|--append-system-prompt|the rules|--allowedTools|mcp__kanban\
             |--permission-mode|acceptEdits|--model|M|--effort|high|--one|two"
        );
        let message = "the text for {task}";
        assert_eq!(
            joined(&fresh.argv),
            format!("claude|-p|{message}|--session-id|{session}|{tail}")
        );
        assert_eq!(joined(&again.argv), format!("claude|-p|go on|--resume|{session}|{tail}"));
    }

    #[test]
    fn codex_gets_the_tools_by_a_setting_and_the_guidance_in_its_prompt() {
        let (fresh, again) = of_preset("codex");
        let head = "codex|exec|-c|mcp_servers.kanban={command=\"/opt/kb/kanban\",args=[\"mcp\",\"--socket\",\
                    \"/run/kb.sock.worker\"],default_tools_approval_mode=\"approve\",required=true}\
                    |--skip-git-repo-check|--sandbox|workspace-write|--model|M|-c|model_reasoning_effort=high|--one|two";
        assert_eq!(joined(&fresh.argv), format!("{head}|the rules\n\nthe text for {{task}}"));
        assert_eq!(joined(&again.argv), format!("{head}|resume|{}|go on", INPUT.session));
    }

    #[test]
    fn gemini_gets_the_tools_from_its_own_settings() {
        let config = "[profiles.p]\nlauncher = \"gemini\"";
        let input = LaunchInput { model: Some("M"), ..INPUT };
        let tail = "--skip-trust|--approval-mode|auto_edit|--model|M";
        let fresh = rendered(config, "p", input);
        let expected = format!(
            "gemini|-p|the rules\n\nthe text for {{task}}|--session-id|{}|{tail}",
            INPUT.session
        );
        assert_eq!(joined(&fresh.argv), expected);
        let again =
            rendered(config, "p", LaunchInput { is_resume: true, prompt: "go on", ..input });
        assert_eq!(
            joined(&again.argv),
            format!("gemini|-p|go on|--resume|{}|{tail}", INPUT.session)
        );
    }

    #[test]
    fn opencode_gets_the_tools_by_a_variable() {
        let (fresh, _) = of_preset("opencode");
        let expected = "opencode|run|--model|M|--variant|high|--one|two|the text for {task}";
        assert_eq!(joined(&fresh.argv), expected);
        let config: serde_json::Value =
            serde_json::from_str(&fresh.env["OPENCODE_CONFIG_CONTENT"]).unwrap();
        let command =
            serde_json::json!(["/opt/kb/kanban", "mcp", "--socket", "/run/kb.sock.worker"]);
        assert_eq!(config["mcp"]["kanban"]["command"], command);
    }

    #[test]
    fn a_path_with_quotes_is_still_a_path_in_an_mcp_configuration() {
        let config = "[profiles.p]\nlauncher = \"opencode\"";
        let odd = r#"/a "b"\c/kanban"#;
        let found = rendered(config, "p", LaunchInput { kanban: odd, ..INPUT });
        let config: serde_json::Value =
            serde_json::from_str(&found.env["OPENCODE_CONFIG_CONTENT"]).unwrap();
        assert_eq!(config["mcp"]["kanban"]["command"][0], odd);
    }

    #[test]
    fn a_bare_command_takes_model_effort_and_arguments_where_it_says() {
        let config =
            "[profiles.p]\nargv = [\"a\", \"{model}\", \"-e={effort}\", \"{args}\", \"{effort}\"]";
        let args = ["x y".to_owned()];
        let input = LaunchInput { model: Some("M"), args: &args, ..INPUT };
        assert_eq!(joined(&rendered(config, "p", input).argv), "a|M|-e=|x y");
    }
}
