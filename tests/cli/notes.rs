//! `comment`.

use serde_json::Value;

use crate::harness::{Board, until};

fn comments(board: &Board, id: &str) -> Vec<(String, String)> {
    let shown = board.say(["show", id, "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pair = |comment: &Value| (text(&comment["author"]), text(&comment["body"]));
    shown["comments"].as_array().unwrap().iter().map(pair).collect()
}

#[test]
fn words_are_joined_and_the_author_is_found() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let message = board.say(["comment", &id, "two", "words"]).ok();
    assert_eq!(message, format!("Comment added to {id}\n"));
    board.say(["comment", &id, "by name", "--author", "ann"]).ok();
    let both = [("HERMES_PROFILE_NAME", "first"), ("HERMES_PROFILE", "second")];
    board.say_with(&both, &["comment", &id, "by profile"]).ok();
    board.say_with(&both[1..], &["comment", &id, "by other profile"]).ok();
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let expected = [
        (user.as_str(), "two words"),
        ("ann", "by name"),
        ("first", "by profile"),
        ("second", "by other profile"),
    ];
    let expected = expected.map(|(author, body)| (author.to_owned(), body.to_owned()));
    assert_eq!(comments(&board, &id), expected);
    let json = board.say(["comment", &id, "x", "--json"]).json();
    assert_eq!((&json["task_id"], &json["author"]), (&id.as_str().into(), &user.as_str().into()));
    assert!(json["comment_id"].is_i64());
}

#[test]
fn inside_a_run_the_author_is_the_workers_profile_whatever_it_says() {
    let script = "kanban comment $KANBAN_TASK hello; \
                  kanban comment $KANBAN_TASK lie --author ann; kanban block $KANBAN_TASK enough";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the block", || (board.status(&id) == "blocked").then_some(()));
    let expected = [("dev", "hello"), ("dev", "BLOCKED: enough")];
    let expected = expected.map(|(author, body)| (author.to_owned(), body.to_owned()));
    assert_eq!(comments(&board, &id), expected);
    until("the log", || {
        let log = board.say(["log", &id]).out;
        (log.contains("Comment added") && log.contains("may not name another author")).then_some(())
    });
}
