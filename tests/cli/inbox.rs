//! `kanban inbox`: what waits for a person, and that it is gone when its cause is.

use serde_json::{Value, json};

use crate::harness::{Board, until};

fn kinds(board: &Board, arguments: &[&str]) -> Vec<String> {
    let words = ["inbox", "--json"].iter().chain(arguments);
    let rows = board.say(words).json();
    let kind = |row: &Value| row["kind"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(kind).collect()
}

#[test]
fn each_row_says_what_is_asked_and_its_commands_finish_it() {
    let board = Board::with(
        "[dispatch]\nenabled = false\nstrict_profiles = true\n[profiles.dev]\nargv = [\"true\"]\n\
         [profiles.bad]\nargv = [\"/bin/false\"]\n",
    );
    assert_eq!(board.say(["inbox"]).ok(), "(nothing waits for you)\n");
    let given_up = board.create("worse", &["--assignee", "bad"]);
    board.say(["dispatch", "--failure-limit", "1"]).ok();
    until("the task to be given up", || (board.status(&given_up) == "blocked").then_some(()));
    let asked = board.create("a question", &["--assignee", "dev"]);
    board.say(["block", &asked, "which key?"]).ok();
    let parent = board.create("parent", &["--assignee", "dev"]);
    let child = board.create("child", &["--assignee", "dev", "--parent", &parent]);
    board.say(["cancel", &parent]).ok();
    for title in ["nobody's", "nobody's either"] {
        board.create(title, &[]);
    }
    board.say(["pause"]).ok();
    assert_eq!(kinds(&board, &[]), ["paused", "gave_up", "blocked", "held", "unassigned"]);
    let shown = board.say(["inbox"]).ok();
    for line in [
        format!("{asked} a question: which key?"),
        format!("  → kanban unblock {child}"),
        "  → kanban resume".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line}\n{shown}");
    }
    let rows = board.say(["inbox", "--json"]).json();
    for row in rows.as_array().unwrap() {
        let command = row["commands"][0].as_str().unwrap().strip_prefix("kanban ").unwrap();
        let words: Vec<&str> =
            command.split(' ').map(|word| if word == "PROFILE" { "dev" } else { word }).collect();
        board.say(words).ok();
    }
    assert_eq!(kinds(&board, &[]), Vec::<String>::new());
}

#[test]
fn only_what_is_mine_is_listed_on_request_and_nothing_of_the_host() {
    let board = Board::quiet();
    board.say(["pause"]).ok();
    let mine = board.create("mine", &[]);
    let other = board.create("other", &["--created-by", "bob"]);
    for id in [&mine, &other] {
        board.say(["block", id, &format!("why {id}?")]).ok();
    }
    assert_eq!(kinds(&board, &[]), ["paused", "blocked", "blocked"]);
    let rows = board.say(["inbox", "--mine", "--json"]).json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    let task = json!({ "id": mine, "title": "mine", "board": "default", "status": "blocked", "question": null });
    assert_eq!(rows[0]["tasks"][0], task);
    board.say(["boards", "create", "aside"]).ok();
    assert_eq!(kinds(&board, &["--board", "aside"]), ["paused"]);
}
