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
    let place = Location::new();
    for (tool, folder) in [("claude", ".claude"), ("codex", ".codex"), ("hermes", ".hermes")] {
        let told = place.say(["skills", "install", "--for", tool]).ok();
        for name in NAMES {
            let path = place.path(folder).join("skills").join(name).join("SKILL.md");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), shipped(name));
            assert!(told.contains(&format!("installed: {}\n", path.display())), "{told}");
        }
        let again = place.say(["skills", "install", "--for", tool]).ok();
        assert!(again.lines().all(|line| line.starts_with("already exists: ")), "{again}");
    }
    let moved = place.path("moved");
    let variables = [("CODEX_HOME", moved.to_str().unwrap())];
    place.say_with(&variables, &["skills", "install", "--for", "codex"]).ok();
    assert!(moved.join("skills/kanban-worker/SKILL.md").exists());
}

#[test]
fn without_a_tool_those_that_are_there_get_them() {
    let place = Location::new();
    let told = place.say(["skills", "install"]).failed(1);
    assert!(told.contains("--for claude"), "{told}");
    std::fs::create_dir(place.path(".claude")).unwrap();
    place.say(["skills", "install"]).ok();
    assert!(place.path(".claude/skills/kanban-worker/SKILL.md").exists());
    assert!(!place.path(".codex").exists() && !place.path(".hermes").exists());
}

#[test]
fn a_text_of_somebody_elses_is_only_overwritten_by_force() {
    let place = Location::new();
    // The second of the two: the first must not be written either.
    let mine = place.path("agents/kanban-orchestrator");
    std::fs::create_dir_all(&mine).unwrap();
    std::fs::write(mine.join("SKILL.md"), "mine\n").unwrap();
    let install = ["skills", "install", "--for", "./agents"];
    let told = place.say(install).failed(1);
    assert!(told.contains("differs") && told.contains("--force"), "{told}");
    assert_eq!(std::fs::read_to_string(mine.join("SKILL.md")).unwrap(), "mine\n");
    assert!(!place.path("agents/kanban-worker").exists(), "all or nothing");
    let told = place.say(install.into_iter().chain(["--force"])).ok();
    assert!(told.contains("replaced: ") && told.contains("installed: "), "{told}");
    assert_eq!(std::fs::read_to_string(mine.join("SKILL.md")).unwrap(), shipped(NAMES[1]));
    let left: Vec<_> = std::fs::read_dir(&mine).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left beside it");
}

#[test]
fn the_list_says_what_each_is_for_and_where_it_is() {
    let place = Location::new();
    let list = place.say(["skills", "--json"]).json();
    assert_eq!(list[0]["name"], NAMES[0]);
    assert_eq!((&list[1]["name"], &list[1]["places"]), (&json!(NAMES[1]), &json!([])));
    place.say(["skills", "install", "--for", "hermes"]).ok();
    let path = place.path(".hermes/skills/kanban-worker/SKILL.md");
    std::fs::write(&path, "old\n").unwrap();
    let told = place.say(["skills", "list"]).ok();
    assert!(told.contains(&format!("differs: {}", path.display())), "{told}");
    assert!(told.contains("installed: ") && told.contains("Use it when KANBAN_TASK"), "{told}");
}
