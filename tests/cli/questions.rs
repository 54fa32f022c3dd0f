//! `kanban block --question` and `kanban answer`, with real workers and a daemon that dies.

use std::fs::File;
use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::harness::{Board, until};

/// Blocks with a question until its context has an answer.
const ASKS: &str = "kanban context $KANBAN_TASK | grep -q 'the staging key' \
     && exec kanban complete $KANBAN_TASK --summary 'done with the staging key'; \
     exec kanban block $KANBAN_TASK --question 'Which key?'";

fn questions(board: &Board, id: &str) -> Vec<Value> {
    let shown = board.say(["show", id, "--json"]).json();
    shown["questions"].as_array().unwrap().clone()
}

#[test]
fn a_worker_that_asks_gets_its_answer_in_the_next_attempt() {
    let board = Board::with_workers(&[("dev", ASKS)]);
    let id = board.create("deploy", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--asked", "--closed"]).ok();
    let why = board.say(["why", &id]).ok();
    assert!(why.contains("waits for an answer: Which key?"), "{why}");
    assert!(why.contains(&format!("kanban answer {id} TEXT")), "{why}");
    let rows = board.say(["inbox", "--json"]).json();
    assert_eq!((&rows[0]["kind"], rows.as_array().unwrap().len()), (&json!("question"), 1));
    assert_eq!(rows[0]["commands"], json!([format!("kanban answer {id} TEXT")]));
    let refused = board.say(["unblock", &id]).failed(1);
    assert!(refused.contains("is open: Which key?"), "{refused}");
    assert!(refused.contains(&format!("kanban answer {id}")), "{refused}");

    let said = board.say(["answer", &id, "take", "the", "staging", "key"]).ok();
    assert_eq!(said, format!("Answered {id} (ready): take the staging key\n"));
    board.dispatch();
    board.say(["wait", &id, "--status", "done"]).ok();
    assert_eq!(board.runs(&id)[1]["summary"], "done with the staging key");
    let refused = board.say(["answer", &id, "another"]).failed(1);
    assert!(refused.contains("is over: answered by"), "{refused}");
    let shown = board.say(["show", &id]).ok();
    assert!(shown.contains("answered: Which key?"), "{shown}");
    assert!(shown.contains(": take the staging key"), "{shown}");
    assert_eq!(board.say(["inbox"]).ok(), "(nothing waits for you)\n");
}

#[test]
fn a_default_answers_once_at_its_deadline_through_a_daemon_that_dies() {
    let mut board = Board::quiet();
    let id = board.create("t", &[]);
    let asks = ["--question", "Which?", "--choice", "eu", "--choice", "us", "--default", "us"];
    let words = ["block", &id].into_iter().chain(asks).chain(["--deadline", "2s"]);
    board.say(words).ok();
    board.kill();
    board.start();
    board.say(["wait", &id, "--status", "ready", "--timeout", "60s"]).ok();
    let question = &questions(&board, &id)[0];
    assert_eq!(
        (&question["answer"], &question["answer_source"]),
        (&json!("us"), &json!("default"))
    );
    board.kill();
    board.start();
    let answered = board.kinds(&id).into_iter().filter(|kind| kind == "answered").count();
    assert_eq!(answered, 1);
    let refused = board.say(["answer", &id, "eu"]).failed(1);
    assert!(refused.contains("answered by default: us"), "{refused}");
}

#[test]
fn a_deadline_without_a_default_is_reported_in_the_inbox_and_can_still_be_answered() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["block", &id, "--question", "Which?", "--deadline", "1s"]).ok();
    until("the deadline to be reported", || {
        board.kinds(&id).contains(&"ask_overdue".to_owned()).then_some(())
    });
    let inbox = board.say(["inbox"]).ok();
    assert!(inbox.contains("overdue: Which?"), "{inbox}");
    board.say(["answer", &id, "late"]).ok();
    assert_eq!(board.status(&id), "ready");
}

#[test]
fn choices_are_offered_by_number_and_the_inbox_has_a_command_for_each() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["block", &id, "--question", "Which?", "--choice", "eu", "--choice", "us"]).ok();
    let rows = board.say(["inbox", "--json"]).json();
    let commands: Vec<String> = (1..=2).map(|n| format!("kanban answer {id} {n}")).collect();
    assert_eq!(rows[0]["commands"], json!(commands));
    let refused = board.say(["answer", &id, "3"]).failed(1);
    assert!(refused.contains("no choice has this number"), "{refused}");
    let reply = board.say(["answer", &id, "2", "--as-comment", "--json"]).json();
    assert_eq!((&reply["answer"], &reply["status"]), (&json!("us"), &json!("ready")));
    let shown = board.say(["show", &id, "--json"]).json();
    // The block's own comment comes first.
    assert_eq!(shown["comments"][1]["body"], "us");
}

#[test]
fn questions_travel_with_an_export_and_only_a_blocking_one_stays_open() {
    let board = Board::quiet();
    let (open, over) = (board.create("open", &[]), board.create("over", &[]));
    for id in [&open, &over] {
        board.say(["block", id, "--question", "Which?", "--choice", "a", "--choice", "b"]).ok();
    }
    board.say(["answer", &over, "2"]).ok();
    let other = Board::quiet();
    other.say_from(board.say(["export"]).ok().as_bytes(), &["import", "-"]).ok();
    for id in [&open, &over] {
        assert_eq!(questions(&other, id), questions(&board, id));
    }
    other.say(["answer", &open, "1"]).ok();
    assert_eq!(other.status(&open), "ready");
}

/// Answers in a terminal; what it shows, and whether it succeeds.
fn answer_by_hand(board: &Board, id: &str, typed: &str) -> (String, bool) {
    let pty = nix::pty::openpty(None, None).unwrap();
    let mut command = board.command(["answer", id]);
    command.stdin(pty.slave.try_clone().unwrap()).stderr(pty.slave.try_clone().unwrap());
    let mut child = command.stdout(pty.slave).spawn().unwrap();
    // Else the terminal would have another end that is open.
    drop(command);
    let mut terminal = File::from(pty.master);
    terminal.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // EIO is how a terminal says that its other side is closed.
    let _ended = terminal.read_to_end(&mut shown);
    (String::from_utf8(shown).unwrap(), child.wait().unwrap().success())
}

#[test]
fn in_a_terminal_the_question_is_shown_and_the_answer_is_typed() {
    let board = Board::quiet();
    let (id, other) = (board.create("t", &[]), board.create("other", &[]));
    let choices = ["--choice", "eu", "--choice", "us", "--default", "us"];
    let asks = |id: &str| {
        let words = ["block", id, "--question", "Which region?"].into_iter().chain(choices);
        board.say(words.chain(["--deadline", "1h"])).ok();
    };
    asks(&id);
    let (shown, is_done) = answer_by_hand(&board, &id, "1\n");
    assert!(is_done, "{shown}");
    for line in ["Which region?", "  1) eu", "  2) us (default)", "(ready): eu"] {
        assert!(shown.contains(line), "{shown}");
    }
    asks(&other);
    let (shown, is_done) = answer_by_hand(&board, &other, "\n");
    assert!(is_done && shown.contains("(ready): us"), "{shown}");
    let (shown, is_done) = answer_by_hand(&board, &id, "2\n");
    assert!(!is_done && shown.contains("is over: answered by"), "{shown}");
    let plain = board.create("plain", &[]);
    let (shown, is_done) = answer_by_hand(&board, &plain, "2\n");
    assert!(!is_done && shown.contains("has no open question"), "{shown}");
    let refused = board.say(["answer", &id]).failed(2);
    assert!(refused.contains("an answer is required"), "{refused}");
}
