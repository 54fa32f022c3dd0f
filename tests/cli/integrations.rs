//! The files under `integrations/`: that the programs they are for can read them, and that what they call is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Board, Place};

fn kit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(kit(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Whether `kanban` takes these words as a command.
fn is_command(words: &[&str]) -> bool {
    let help = [words, &["--help"]].concat();
    Place::new().say(help).code == 0
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn the_plugin_for_claude_code_is_whole() {
    let plugin = json("claude-code/.claude-plugin/plugin.json");
    assert_eq!(plugin["version"], env!("CARGO_PKG_VERSION"));
    let market = json(".claude-plugin/marketplace.json");
    let entry = &market["plugins"][0];
    assert_eq!(entry["name"], plugin["name"]);
    assert!(kit(entry["source"].as_str().unwrap()).join(".claude-plugin/plugin.json").is_file());
    let server = &json("claude-code/.mcp.json")["mcpServers"]["board"];
    assert_eq!(server["command"], "kanban");
    assert!(is_command(&words(&server["args"])));
}

#[test]
fn the_plugin_has_the_skills_of_the_program_and_not_copies_of_them() {
    let skills = kit("claude-code/skills");
    assert!(std::fs::symlink_metadata(&skills).unwrap().is_symlink());
    for name in ["kanban-worker", "kanban-orchestrator"] {
        let through = std::fs::canonicalize(skills.join(name).join("SKILL.md")).unwrap();
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("skills").join(name).join("SKILL.md");
        assert_eq!(through, std::fs::canonicalize(own).unwrap());
    }
}

#[test]
fn the_slash_command_runs_a_command_that_there_is() {
    let command = text("claude-code/commands/kanban.md");
    let head = command.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap().0;
    for key in ["description: ", "argument-hint: ", "allowed-tools: Bash(kanban slash:*)"] {
        assert!(head.lines().any(|line| line.starts_with(key)), "{key} in {head}");
    }
    assert!(command.contains("/kanban $ARGUMENTS"));
    let board = Board::quiet();
    board.create("look here", &[]);
    assert!(board.say(["slash", "/kanban list"]).ok().contains("look here"));
}

#[test]
fn the_entries_for_other_programs_start_a_command_that_there_is() {
    let gemini = json("gemini/settings.json")["mcpServers"]["kanban"].take();
    assert_eq!(
        (&gemini["command"], &gemini["trust"]),
        (&Value::from("kanban"), &Value::from(true))
    );
    assert!(is_command(&words(&gemini["args"])));

    let codex = text("codex/config.toml");
    for line in
        ["[mcp_servers.kanban]", "command = \"kanban\"", "args = [\"mcp\", \"--orchestrator\"]"]
    {
        assert!(codex.lines().any(|one| one == line), "{line} in {codex}");
    }
    assert!(is_command(&["mcp", "--orchestrator"]));

    let hermes = text("hermes/config.yaml");
    for line in ["mcp_servers:", "  kanban:", "    command: kanban", "    args: [\"mcp\"]"] {
        assert!(hermes.lines().any(|one| one == line), "{line} in {hermes}");
    }
}

#[test]
fn the_credential_example_gives_the_daemon_every_key_in_the_file() {
    let unit = text("systemd/api-keys.conf");
    let start =
        unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).next_back().unwrap();
    let script =
        start.strip_prefix("/bin/sh -c '").and_then(|rest| rest.strip_suffix('\'')).unwrap();
    // What systemd makes of it, and a program that shows what the daemon would get.
    let script = script.replace("$$", "$").replace("exec /usr/bin/kanband", "exec /usr/bin/env");
    let place = Place::new();
    std::fs::write(place.path("api-keys"), "A_KEY=sk-1\nB_KEY='two words'\n").unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]).env_clear().env("CREDENTIALS_DIRECTORY", place.path(""));
    let told = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    for line in ["A_KEY=sk-1", "B_KEY=two words"] {
        assert!(told.lines().any(|one| one == line), "{line} in {told}");
    }
}
