//! `init`.

use crate::harness::{Board, Location, keys};

#[test]
fn a_home_is_made_once_and_never_overwritten() {
    let place = Location::new();
    let told = place.say(["init"]).ok();
    let home = place.home();
    for line in [
        format!("Home:          {}", home.display()),
        format!("Configuration: {}/kanband.toml (created)", home.display()),
        format!("Board:         {}/kanban.db (created)", home.display()),
    ] {
        assert!(told.lines().any(|told| told == line), "{line:?} is not in {told}");
    }
    assert!(told.contains("Next: start the daemon with `kanband`"), "{told}");
    std::fs::write(home.join("kanband.toml"), "# mine\n").unwrap();
    let told = place.say(["init"]).ok();
    assert!(!told.contains("(created)") && told.contains("(already exists)"), "{told}");
    assert_eq!(std::fs::read_to_string(home.join("kanband.toml")).unwrap(), "# mine\n");
    let json = place.say(["init", "--json"]).json();
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
    let told = board.say(["init"]).ok();
    assert!(told.contains("The daemon is running. Next: kanban create"), "{told}");
    assert_eq!(board.say(["init", "--json"]).json()["daemon_running"], true);
    assert_eq!(board.everything(), before);
}

#[test]
fn a_refused_home_is_one_line_and_exit_1() {
    let place = Location::new();
    let nowhere = place.path("no/where");
    let said = place.say_with(&[("KANBAN_HOME", nowhere.to_str().unwrap())], &["init"]);
    let told = said.failed(1);
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("no/where") && !place.path("no").exists(), "{told}");
    place.say(["init"]).ok();
    std::fs::remove_file(place.home().join("kanban.db")).unwrap();
    let told = place.say(["init"]).failed(1);
    assert!(told.contains("is missing, but this home was used before"), "{told}");
    assert!(!place.home().join("kanban.db").exists(), "it is not made anew");
}
