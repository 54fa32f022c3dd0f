//! `skills`.

use serde_json::json;

use crate::harness::Location;

const NAMES: [&str; 2] = ["kanban-worker", "kanban-orchestrator"];

fn shipped(name: &str) -> String {
    let path = format!("{}/skills/{name}/SKILL.md", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn skills_are_installed_into_the_folder_of_each_tool() {
    let location = Location::new();
    for (tool, folder) in [("claude", ".claude"), ("codex", ".codex"), ("hermes", ".hermes")] {
        let message = location.say(["skills", "install", "--for", tool]).ok();
        for name in NAMES {
            let path = location.path(folder).join("skills").join(name).join("SKILL.md");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), shipped(name));
            assert!(message.contains(&format!("installed: {}\n", path.display())), "{message}");
        }
        let again = location.say(["skills", "install", "--for", tool]).ok();
        assert!(again.lines().all(|line| line.starts_with("already exists: ")), "{again}");
    }
    let moved = location.path("moved");
    let variables = [("CODEX_HOME", moved.to_str().unwrap())];
    location.say_with(&variables, &["skills", "install", "--for", "codex"]).ok();
    assert!(moved.join("skills/kanban-worker/SKILL.md").exists());
}

#[test]
fn without_a_tool_those_that_are_there_get_them() {
    let location = Location::new();
    let message = location.say(["skills", "install"]).failed(1);
    assert!(message.contains("--for claude"), "{message}");
    std::fs::create_dir(location.path(".claude")).unwrap();
    location.say(["skills", "install"]).ok();
    assert!(location.path(".claude/skills/kanban-worker/SKILL.md").exists());
    assert!(!location.path(".codex").exists() && !location.path(".hermes").exists());
}

#[test]
fn a_text_of_somebody_elses_is_only_overwritten_by_force() {
    let location = Location::new();
    // The second of the two: the first must not be written either.
    let mine = location.path("agents/kanban-orchestrator");
    std::fs::create_dir_all(&mine).unwrap();
    std::fs::write(mine.join("SKILL.md"), "mine\n").unwrap();
    let install = ["skills", "install", "--for", "./agents"];
    let message = location.say(install).failed(1);
    assert!(message.contains("differs") && message.contains("--force"), "{message}");
    assert_eq!(std::fs::read_to_string(mine.join("SKILL.md")).unwrap(), "mine\n");
    assert!(!location.path("agents/kanban-worker").exists(), "all or nothing");
    let message = location.say(install.into_iter().chain(["--force"])).ok();
    assert!(message.contains("replaced: ") && message.contains("installed: "), "{message}");
    assert_eq!(std::fs::read_to_string(mine.join("SKILL.md")).unwrap(), shipped(NAMES[1]));
    let left: Vec<_> = std::fs::read_dir(&mine).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[test]
fn the_list_says_what_each_is_for_and_where_it_is() {
    let location = Location::new();
    let list = location.say(["skills", "--json"]).json();
    assert_eq!(list[0]["name"], NAMES[0]);
    assert_eq!((&list[1]["name"], &list[1]["places"]), (&json!(NAMES[1]), &json!([])));
    location.say(["skills", "install", "--for", "hermes"]).ok();
    let path = location.path(".hermes/skills/kanban-worker/SKILL.md");
    std::fs::write(&path, "old\n").unwrap();
    let message = location.say(["skills", "list"]).ok();
    assert!(message.contains(&format!("differs: {}", path.display())), "{message}");
    assert!(
        message.contains("installed: ") && message.contains("Use it when KANBAN_TASK"),
        "{message}"
    );
}
