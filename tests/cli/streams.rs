//! `tail`, `watch`: what happens, as it happens.

use kanband::api::client::{Client, ClientError};
use serde_json::{Value, json};

use crate::harness::Board;
use crate::talk::Talk;

/// A line without its time.
fn message(line: &str) -> &str {
    let (time, rest) = line.split_once("] ").unwrap_or_else(|| panic!("{line}"));
    assert!(time.starts_with('[') && time.len() == 20, "{line}");
    rest
}

#[test]
fn a_tail_tells_everything_so_far_and_goes_on() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["assign", &id, "dev"]).ok();
    let other = board.create("other", &[]);
    let tail = Talk::start(&board, &["tail", &id, "--interval", "0.1"]);
    assert!(message(&tail.line()).starts_with("created: created the task"));
    assert!(message(&tail.line()).starts_with("assigned: assigned it: dev  ("));
    board.say(["archive", &other]).ok();
    board.say(["archive", &id]).ok();
    assert!(message(&tail.line()).starts_with("archived: archived it  ("));
    tail.interrupt();
    let said = tail.end();
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[test]
fn a_tail_that_does_not_follow_ends_by_itself() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let out = board.say(["tail", &id, "--no-follow"]).ok();
    assert_eq!(out.lines().count(), 1);
    let out = board.say(["tail", &id, "--no-follow", "--json"]).ok();
    let event: Value = serde_json::from_str(out.trim_end()).unwrap();
    assert_eq!((&event["kind"], &event["task_id"]), (&json!("created"), &json!(id)));
}

#[test]
fn a_tail_loses_nothing_and_repeats_nothing_when_the_daemon_restarts() {
    let mut board = Board::quiet();
    let id = board.create("t", &[]);
    let tail = Talk::start(&board, &["tail", &id, "--json"]);
    let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["kind"].clone();
    assert_eq!(kind(&tail.line()), "created");
    board.kill();
    board.start();
    board.say(["claim", &id]).ok();
    board.say(["complete", &id]).ok();
    assert_eq!([kind(&tail.line()), kind(&tail.line())], ["claimed", "completed"]);
    board.kill();
    tail.end().failed(4);
}

#[test]
fn a_watch_begins_now_and_tells_whose_a_task_is() {
    let board = Board::quiet();
    let id = board.create("t", &["--assignee", "dev"]);
    let before = board.figure("database_reads");
    let watch = Talk::start(&board, &["watch"]);
    // The board, the newest event's id, the events after it.
    board.until_reads(before, 3);
    board.say(["comment", &id, "hello", "--author", "ann"]).ok();
    let line = watch.line();
    assert_eq!(message(&line), format!("{id} @dev t: commented: commented  (ann)"));
    board.say(["assign", &id, "none"]).ok();
    assert!(message(&watch.line()).starts_with(&format!("{id} @- t: assigned: assigned it  (")));
    board.say(["boards", "create", "elsewhere"]).ok();
    board.create("unseen", &["--board", "elsewhere"]);
    board.say(["archive", &id]).ok();
    assert!(message(&watch.line()).starts_with(&format!("{id} @- t: archived: archived it  (")));
    watch.interrupt();
    let said = watch.end();
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (0, "", ""));
}

#[test]
fn a_watch_shows_only_what_its_filters_admit() {
    let board = Board::quiet();
    let before = board.figure("database_reads");
    let filters = ["watch", "--assignee", "dev", "--tenant", "shop", "--kinds", "completed,edited"];
    let watch = Talk::start(&board, &filters);
    board.until_reads(before, 3);
    board.create("a", &["--assignee", "dev"]);
    let b = board.create("b", &["--assignee", "qa", "--tenant", "shop"]);
    board.say(["edit", &b, "--title", "bb"]).ok();
    let c = board.create("c", &["--assignee", "dev", "--tenant", "shop"]);
    board.say(["claim", &c]).ok();
    board.say(["complete", &c]).ok();
    assert!(message(&watch.line()).starts_with(&format!("{c} @dev c: completed: completed it")));
    board.say(["assign", &b, "dev"]).ok();
    board.say(["edit", &b, "--title", "bbb"]).ok();
    assert!(message(&watch.line()).starts_with(&format!("{b} @dev bbb: edited: edited: title")));
}

#[test]
fn a_watch_goes_on_after_a_restart_and_is_told_of_a_restore() {
    let mut board = Board::quiet();
    let before = board.figure("database_reads");
    let watch = Talk::start(&board, &["watch", "--json"]);
    board.until_reads(before, 3);
    board.kill();
    board.start();
    // Nothing had been heard before the restart; nothing that comes after it may be missed.
    let first = board.create("first", &[]);
    let event: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!((&event["task_id"], &event["kind"]), (&json!(first), &json!("created")));
    let backup = board.path("backup.db");
    board.say(["backup", backup.to_str().unwrap()]).ok();
    let lost = board.create("lost", &[]);
    let event: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!(event["task_id"], lost.as_str());
    board.say(["restore", backup.to_str().unwrap(), "--yes"]).ok();
    board.say(["archive", &first]).ok();
    let event: Value = serde_json::from_str(&watch.line()).unwrap();
    assert_eq!((&event["task_id"], &event["kind"]), (&json!(first), &json!("archived")));
    watch.interrupt();
    let said = watch.end();
    assert_eq!(said.code, 0);
    assert!(said.err.contains("the database was restored"), "{said:?}");
}

#[test]
fn a_log_is_followed_while_it_is_written_until_the_run_is_over() {
    let script = "echo one; until [ -e go ]; do sleep 0.02; done; echo two; kanban complete $KANBAN_TASK --summary s";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let follow = Talk::start(&board, &["log", &id, "--follow"]);
    assert_eq!(follow.line(), "one");
    assert_eq!(board.status(&id), "running");
    let short = Talk::start(&board, &["log", &id, "-f", "--tail", "2"]);
    assert_eq!(short.line(), "e", "it begins with the end of what is there");
    std::fs::write(board.home().join("workspaces").join(&id).join("go"), "").unwrap();
    assert_eq!(follow.line(), "two");
    let rest = follow.end();
    assert_eq!((rest.code, rest.err.as_str()), (0, ""));
    assert!(short.end().ok().starts_with("two\n"));
    let after = board.say(["log", &id, "--follow"]).ok();
    assert!(after.starts_with("one\ntwo\n"), "a log of a run that is over ends at once: {after}");
    assert!(board.say(["log", &id, "--follow", "--json"]).failed(2).contains("--json"));
}

#[test]
fn the_stream_passes_on_the_kinds_that_are_asked_for_and_refuses_what_does_not_exist() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["comment", &id, "hello"]).ok();
    let client = Client::at(board.home().join("kanband.sock"), None, false).unwrap();
    let kinds = |query: &[(&str, &str)]| -> Vec<String> {
        let reply = client.get_raw("/v1/events", &query).unwrap();
        let lines = std::str::from_utf8(&reply.body).unwrap().lines();
        let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&[("kinds", "commented")]), ["commented"]);
    assert_eq!(kinds(&[("kind", "created, commented")]), ["created", "commented"]);
    assert_eq!(kinds(&[("kinds", "archived")]), [] as [&str; 0]);
    for (word, hint) in [("creatd", "did you mean created?"), ("nosuch", "kinds: created ")] {
        let refused = client.get_raw("/v1/events", &[("kinds", word)]).err().unwrap();
        let ClientError::Refused(detail) = refused else { panic!("{refused:?}") };
        assert!(detail.message.contains(word), "{detail:?}");
        assert!(detail.hint.as_deref().is_some_and(|text| text.starts_with(hint)), "{detail:?}");
    }
}

/// Prints a line, waits for a file, and so on.
const THREE_LINES: &str = "for n in 1 2 3; do echo line $n; while [ ! -e \"$HOME/go$n\" ]; do sleep 0.05; done; done; kanban complete \"$KANBAN_TASK\"";

#[test]
fn a_followed_log_goes_on_after_a_restart_without_a_gap_or_a_repeat() {
    let mut board = Board::with_workers(&[("dev", THREE_LINES)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.say(["dispatch"]).ok();
    crate::harness::until("the log", || (board.say(["log", &id]).code == 0).then_some(()));
    let log = Talk::start(&board, &["log", &id, "--follow"]);
    assert_eq!(log.line(), "line 1");
    let go = |board: &Board, n: u8| std::fs::write(board.path(&format!("go{n}")), "").unwrap();
    board.kill();
    go(&board, 1);
    board.start();
    assert_eq!(log.line(), "line 2");
    board.kill();
    board.start();
    go(&board, 2);
    assert_eq!(log.line(), "line 3");
    go(&board, 3);
    let said = log.end();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!said.out.contains("line"), "{said:?}");
    let last = board.say(["log", &id, "-n", "2"]).ok();
    assert!(last.starts_with("line 3\n"), "{last}");
    let last = board.say(["log", &id, "--follow", "--lines", "3"]).ok();
    assert!(last.starts_with("line 2\nline 3\n"), "{last}");
}
