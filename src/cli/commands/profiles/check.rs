//! `kanban profiles check`: whether a worker could be started, with which program, and whether its agent would have the board's
//! tools. It is looked at by this process, with the rights of the user that runs it, and nothing of a task is started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::cli::commands::Ended;
use crate::cli::commands::profiles::privileges::privileged;
use crate::cli::session::Session;
use crate::cli::text::one_line;
use crate::config::Ambient;
use crate::exit_codes::CliExit;
use crate::os::processes::ask_program::first_line_of;
use crate::os::processes::user::Account;
use crate::service::profiles::{ListProfiles, ProfileInfo, RedactedVariable};

/// Time that a program has to tell its version.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was found out about a profile.
#[derive(Debug, Serialize)]
struct Finding {
    #[serde(flatten)]
    profile: ProfileInfo,
    /// What its program says about its version.
    version: Option<String>,
    /// The file with the entry of `kanban mcp`, where one is needed.
    mcp_entry: Option<PathBuf>,
    /// Everything that is missing.
    problems: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// The daemon's refusal.
pub(in crate::cli::commands) fn run(name: Option<&str>, session: &mut Session) -> Ended {
    let query = ListProfiles { name: name.map(str::to_owned) };
    let profiles: Vec<ProfileInfo> = session.client()?.get("/v1/profiles", &query)?;
    let findings: Vec<Finding> =
        profiles.into_iter().map(|profile| look(profile, &session.ambient)).collect();
    if session.output.is_json() {
        session.output.json(&findings)?;
    } else if findings.is_empty() {
        session.output.line("(no profiles: `kanban profiles check NAME` checks any assignee)")?;
    }
    let shown = if session.output.is_json() { &[] } else { findings.as_slice() };
    for line in shown.iter().flat_map(lines) {
        session.output.line(line)?;
    }
    let is_fine = findings.iter().all(|finding| finding.problems.is_empty());
    Ok(if is_fine { CliExit::Ok } else { CliExit::Refused })
}

fn look(mut profile: ProfileInfo, ambient: &Ambient) -> Finding {
    let mut problems: Vec<String> = profile.problem.iter().cloned().collect();
    let version = match &profile.program {
        Some(program) if !profile.version_argv.is_empty() => {
            let path = OsStr::new(&profile.path);
            match first_line_of(Path::new(program), &profile.version_argv, path, PATIENCE) {
                Ok(version) => Some(version),
                Err(problem) => {
                    let asked = profile.version_argv.join(" ");
                    problems.push(format!("`{program} {asked}` {problem}"));
                    None
                }
            }
        }
        Some(_) | None => None,
    };
    let mcp_entry = mcp_entry(&profile, ambient).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    profile.warnings.extend(rights_warning(&profile));
    Finding { profile, version, mcp_entry, problems }
}

/// About programs that no_new_privs makes useless.
fn rights_warning(profile: &ProfileInfo) -> Option<String> {
    let programs = privileged(&profile.argv, &profile.path);
    if !profile.no_new_privs || programs.is_empty() {
        return None;
    }
    let (programs, name) = (programs.join(", "), &profile.name);
    Some(match profile.user {
        // Their bounding set is empty: a change of the user brings no capability either.
        Some(_) => format!(
            "{programs} will not work: workers of another user than the daemon's can gain no capabilities"
        ),
        None => format!(
            "{programs} get no rights: the workers have no_new_privs; `profiles.{name}.no_new_privs = false` switches it off"
        ),
    })
}

/// The file in which the agent's program finds `kanban mcp`; none when its launcher needs none.
///
/// # Errors
/// One line: no file has the entry.
pub(in crate::cli::commands) fn mcp_entry(
    profile: &ProfileInfo,
    ambient: &Ambient,
) -> Result<Option<PathBuf>, String> {
    if profile.mcp_entry_files.is_empty() {
        return Ok(None);
    }
    // The files are those of the workers' user, where that is another one.
    let account = profile.user.as_deref().and_then(|name| Account::named(name).ok().flatten());
    let home = account.as_ref().map_or_else(|| ambient.var("HOME"), |account| Some(&account.home));
    let home = home.unwrap_or_default();
    let files = profile.mcp_entry_files.iter().map(|file| match file.strip_prefix("~/") {
        Some(rest) => Path::new(home).join(rest),
        None => PathBuf::from(file),
    });
    let found =
        files.clone().find(|file| std::fs::read_to_string(file).is_ok_and(|text| has_entry(&text)));
    if let Some(found) = found {
        return Ok(Some(found));
    }
    let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
    let whose = match &profile.user {
        Some(user) => format!(" (of {user}; you may lack permission to read it)"),
        None => String::new(),
    };
    Err(format!(
        "no MCP server `kanban` in {}{whose}: see integrations/{}",
        files.join(" or "),
        profile.launcher
    ))
}

/// Whether a program's configuration starts a server called `kanban`: JSON, else YAML or TOML, which are gone through line by
/// line.
fn has_entry(text: &str) -> bool {
    if let Ok(Value::Object(root)) = serde_json::from_str(text) {
        let servers =
            ["mcpServers", "mcp_servers", "mcp"].into_iter().filter_map(|key| root.get(key));
        return servers.into_iter().any(|servers| servers.get("kanban").is_some());
    }
    let mut is_inside = false;
    text.lines().any(|line| {
        let (content, is_indented) = (line.trim(), line.starts_with([' ', '\t']));
        if content.is_empty() || content.starts_with('#') {
            return false;
        }
        if !is_indented {
            is_inside = content == "mcp_servers:";
        }
        content == "[mcp_servers.kanban]" || (is_inside && is_indented && content == "kanban:")
    })
}

fn lines(finding: &Finding) -> Vec<String> {
    let Finding { profile, version, mcp_entry, problems } = finding;
    let mut lines =
        vec![format!("{}  (launcher {})", one_line(&profile.name), one_line(&profile.launcher))];
    let mut say =
        |label: &str, value: String| lines.push(format!("  {:<9} {value}", format!("{label}:")));
    if let Some(program) = &profile.program {
        let version = version.as_ref().map(|version| format!("  ({})", one_line(version)));
        say("program", one_line(program) + &version.unwrap_or_default());
    }
    if !profile.argv.is_empty() {
        say("runs", profile.argv.iter().map(|word| one_line(word)).collect::<Vec<_>>().join(" "));
    }
    say(
        "in",
        profile.working_directory.clone().unwrap_or_else(|| "the task's workspace".to_owned()),
    );
    say("as", profile.user.clone().unwrap_or_else(|| "the daemon's user".to_owned()));
    say("with", profile.env.join(" "));
    say("redacts", profile.redacts.iter().map(redacted).collect::<Vec<_>>().join(", "));
    if !profile.takes.is_empty() {
        say("takes", profile.takes.join(", "));
    }
    let ends = match (profile.verdict.as_str(), profile.can_resume) {
        ("exit", _) => "from the exit code",
        (_, true) => "reported by the worker; without one it gets one reminder in the same session",
        (_, false) => "reported by the worker",
    };
    say("ends", ends.to_owned());
    if let Some(file) = mcp_entry {
        say("tools", format!("entered in {}", file.display()));
    }
    for problem in problems {
        lines.push(format!("  problem: {}", one_line(problem)));
    }
    for warning in &profile.warnings {
        lines.push(format!("  warning: {}", one_line(warning)));
    }
    lines
}

/// A redacted variable with the reason.
fn redacted(variable: &RedactedVariable) -> String {
    let name = one_line(&variable.name);
    let reason = match variable.reason.as_str() {
        "name" => "by its name",
        "credentials" => "a URL with credentials",
        "value" => "8 bytes or more, and no path, locale, URL, number or boolean",
        "token" => "the run's token",
        other => other,
    };
    format!("{name} ({})", one_line(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_in_each_form_and_nowhere_else() {
        for (text, expected) in [
            (r#"{"mcpServers": {"kanban": {"command": "kanban"}}}"#, true),
            (r#"{"mcpServers": {"other": {}}, "kanban": {}}"#, false),
            (
                "model: x\nmcp_servers:\n  time:\n    command: uvx\n  kanban:\n    command: kanban\n",
                true,
            ),
            ("mcp_servers:\n  time:\n    command: uvx\nskills:\n  kanban:\n    - x\n", false),
            ("mcp_servers:\n#  kanban:\n", false),
            ("[mcp_servers.kanban]\ncommand = \"kanban\"\n", true),
            ("", false),
        ] {
            assert_eq!(has_entry(text), expected, "{text}");
        }
    }
}
