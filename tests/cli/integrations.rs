//! The files under `integrations/`: that the programs they are for can read them, and that what they call is there.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Board, Config, Location};

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
    Location::new().say(help).code == 0
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
fn the_credential_example_gives_a_profile_the_file_that_systemd_hands_over() {
    let unit = text("systemd/api-keys.conf");
    let credential = unit.lines().find_map(|line| line.strip_prefix("LoadCredential=")).unwrap();
    let (name, _) = credential.split_once(':').unwrap();
    let shown = unit.lines().filter_map(|line| line.strip_prefix("#   "));
    let profile: Vec<&str> =
        shown.filter(|line| line.starts_with('[') || line.starts_with("env_file")).collect();
    // Where systemd puts the credentials of the unit.
    let path = format!("/run/credentials/kanband.service/{name}");
    assert!(profile.contains(&format!("env_file = {path:?}").as_str()), "{profile:?}");
    let location = Location::new();
    let keys = location.path("api-keys");
    std::fs::write(&keys, "A_KEY=sk-1\nB_KEY='two words'\n").unwrap();
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o400)).unwrap();
    let script = "test \"$A_KEY $B_KEY\" = 'sk-1 two words'";
    let config = Config::parse(&profile.join("\n"))
        .with("profiles.coder.env_file", keys.to_str().unwrap())
        .with("profiles.coder.argv", vec!["/bin/sh", "-c", script])
        .with("dispatch.enabled", false);
    let board = Board::with(&config);
    let id = board.create("t", &["--assignee", "coder"]);
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    assert_eq!(board.status(&id), "done", "{}", board.say(["log", &id]).out);
}
