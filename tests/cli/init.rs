//! `init`.

use crate::harness::{Board, Location, keys};

#[test]
fn a_home_is_made_once_and_never_overwritten() {
    let location = Location::new();
    let message = location.say(["init"]).ok();
    let home = location.home();
    for line in [
        format!("Home:          {}", home.display()),
        format!("Configuration: {}/kanband.toml (created)", home.display()),
        format!("Board:         {}/kanban.db (created)", home.display()),
    ] {
        assert!(message.lines().any(|message| message == line), "{line:?} is not in {message}");
    }
    assert!(message.contains("kanband -d ") && message.contains("kanban create"), "{message}");
    std::fs::write(home.join("kanband.toml"), "# mine\n").unwrap();
    let message = location.say(["init"]).ok();
    assert!(!message.contains("(created)") && message.contains("(already exists)"), "{message}");
    assert_eq!(std::fs::read_to_string(home.join("kanband.toml")).unwrap(), "# mine\n");
    let json = location.say(["init", "--json"]).json();
    assert_eq!(
        keys(&json),
        ["config", "daemon_running", "database", "home", "made_board", "made_config"]
    );
    assert_eq!(json["daemon_running"], false);
}

#[test]
fn beside_a_running_daemon_it_says_so_and_changes_nothing() {
    let board = Board::quiet();
    board.create("t", &[]);
    let before = board.everything();
    let message = board.say(["init"]).ok();
    assert!(message.contains("The daemon is running. Next:\n"), "{message}");
    assert!(!message.contains("kanband -d"), "{message}");
    assert_eq!(board.say(["init", "--json"]).json()["daemon_running"], true);
    assert_eq!(board.everything(), before);
}

#[test]
fn a_refused_home_is_one_line_and_exit_1() {
    let location = Location::new();
    let nowhere = location.path("no/where");
    let said = location.say_with(&[("KANBAN_HOME", nowhere.to_str().unwrap())], &["init"]);
    let message = said.failed(1);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("no/where") && !location.path("no").exists(), "{message}");
    location.say(["init"]).ok();
    std::fs::remove_file(location.home().join("kanban.db")).unwrap();
    let message = location.say(["init"]).failed(1);
    assert!(message.contains("is missing, but this home was used before"), "{message}");
    assert!(!location.home().join("kanban.db").exists(), "it is not recreated");
}
