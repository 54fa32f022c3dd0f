//! `export` and what `import` makes of it.

use serde_json::{Value, json};

use crate::harness::Board;
use crate::hermes_files::{RELEASES, fixture};

/// The lines of an export without what names the installation.
fn lines(board: &Board, arguments: &[&str]) -> Vec<Value> {
    let text = board.say(["export"].iter().chain(arguments)).ok();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let header = lines[0].as_object_mut().unwrap();
    assert!(header.remove("source").unwrap().as_str().unwrap().len() == 32);
    lines
}

fn lively() -> Board {
    let board = Board::with_workers(&[(
        "dev",
        "echo a log line; kanban complete $KANBAN_TASK --summary s",
    )]);
    let first = board.create("first", &["--assignee", "dev", "--label", "x", "--skill", "s"]);
    board.create("child", &["--parent", &first, "--body", "Größe ✓", "--tenant", "shop"]);
    board.dispatch();
    board.say(["wait", &first, "--closed"]).ok();
    let noted = board.create("noted", &["--idempotency-key", "k", "--max-runtime", "none"]);
    board.say(["comment", &noted, "a\nb"]).ok();
    board.create("makes the next cursor another task's event", &[]);
    let subscribe = ["notify-subscribe", &noted, "--platform", "slack", "--chat-id", "C1"];
    let wishes = ["--level", "verbose", "--kinds", "completed,gave_up", "--person", "ada"];
    let quiet = ["--quiet", "22:00-07:00 Europe/Berlin"];
    board.say(subscribe.into_iter().chain(wishes).chain(quiet)).ok();
    board.say(["block", &noted, "why"]).ok();
    let archived = board.create("archived", &[]);
    board.say(["archive", &archived]).ok();
    board
}

#[test]
fn an_export_imported_elsewhere_is_the_same_board() {
    let board = lively();
    let file = board.path("board.jsonl");
    let message = board.say(["export", file.to_str().unwrap()]).ok();
    assert_eq!(message, format!("Exported 5 task(s) to {}\n", file.display()));
    let exported = lines(&board, &[]);
    assert_eq!(exported[0], json!({"kanban_export": 1, "board": "default", "tasks": 5}));
    let other = Board::quiet();
    let summary = other.say(["import", file.to_str().unwrap(), "--json"]).json();
    assert_eq!((&summary["imported"], &summary["notes"]), (&json!(5), &json!([])));
    assert_eq!(lines(&other, &["-"]), exported);
    let quiet = exported.iter().find_map(|line| line["subscriptions"][0]["quiet"].as_str());
    assert_eq!(quiet, Some("22:00-07:00 Europe/Berlin"));
    let again = other.say(["import", file.to_str().unwrap(), "--json"]).json();
    assert_eq!((&again["imported"], &again["existing"]), (&json!(0), &json!(5)));
    let message = board.say(["import", file.to_str().unwrap()]).failed(1);
    assert!(message.contains("already exists and differs from the task to import"), "{message}");
}

#[test]
fn a_board_of_hermes_survives_the_journey_too() {
    for release in RELEASES {
        let board = Board::quiet();
        board.say(["import", "hermes", fixture(release).to_str().unwrap()]).ok();
        let exported = lines(&board, &[]);
        assert_eq!(exported.len(), 51);
        let other = Board::quiet();
        let text = board.say(["export"]).ok();
        other.say_from(text.as_bytes(), &["import", "-"]).ok();
        assert_eq!(lines(&other, &[]), exported, "{release}");
    }
}

#[test]
fn work_in_flight_is_ready_again_where_it_arrives() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id]).ok();
    let text = board.say(["export"]).ok();
    let other = Board::quiet();
    let summary = other.say_from(text.as_bytes(), &["import", "-", "--json"]).json();
    assert_eq!(summary["by_status"], json!({"ready": 1}));
    assert_eq!(other.kinds(&id).last().unwrap(), "reclaimed");
    assert_eq!(other.runs(&id)[0]["outcome"], "reclaimed");
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let board = Board::quiet();
    board.create("t", &[]);
    let file = board.path("x.jsonl");
    std::fs::write(&file, "precious").unwrap();
    board.say(["export", file.to_str().unwrap()]).failed(1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    let json = board.say(["export", file.to_str().unwrap(), "--force", "--json"]).json();
    assert_eq!(json["tasks"], 1);
    assert_eq!(json["bytes"], std::fs::metadata(&file).unwrap().len());
}

#[test]
fn a_damaged_export_is_refused_before_anything_is_imported() {
    let board = lively();
    let text = board.say(["export"]).ok();
    let other = Board::quiet();
    let lines: Vec<&str> = text.lines().collect();
    let header = lines[0].replace("\"kanban_export\":1", "\"kanban_export\":9");
    for (text, phrase) in [
        (format!("{}\n{}\n{{\"task\": 5}}\n", lines[0], lines[1]), "line 3: "),
        (format!("{}\n{}", lines[0], &lines[1][..50]), "line 2: "),
        (format!("{header}\n{}\n", lines[1]), "has format 9"),
        (lines[1].to_owned(), "not an export of `kanban export`"),
        (String::new(), "is empty"),
    ] {
        let message = other.say_from(text.as_bytes(), &["import", "-"]).failed(1);
        assert!(message.contains(phrase), "{message}");
        assert_eq!(other.everything().len(), 0);
    }
}

#[test]
fn attached_files_go_beside_an_export_and_come_back_with_it_once() {
    let (board, other) = (Board::quiet(), Board::quiet());
    let id = board.create("t", &[]);
    for (name, bytes) in [("abc.txt", "abc".to_owned()), ("long name.bin", "x".repeat(300_000))] {
        std::fs::write(board.path(name), bytes).unwrap();
        board.say(["attach", &id, board.path(name).to_str().unwrap()]).ok();
    }
    let long = "n".repeat(200);
    board.say(["attach", &id, board.path("abc.txt").to_str().unwrap(), "--name", &long]).ok();
    let file = board.path("board.jsonl");
    let said = board.say(["export", "--with-files", file.to_str().unwrap()]).ok();
    assert!(said.contains("Exported 3 attached file(s) to "), "{said}");
    let message = board.say(["export", "--with-files", "-"]).failed(2);
    assert!(message.contains("needs a file name"), "{message}");
    let file = file.to_str().unwrap();
    let said = other.say(["import", file, "--dry-run"]).ok();
    assert!(said.contains("task_attachments         3"), "{said}");
    let said = other.say(["import", file]).ok();
    assert!(said.contains("task_attachments         3") && !said.contains("without"), "{said}");
    let listed = other.say(["attachments", &id]).ok();
    assert!(listed.contains("abc.txt") && listed.contains("long name.bin"), "{listed}");
    let before = other.everything();
    let said = other.say(["import", file]).ok();
    assert!(!said.contains("task_attachments"), "{said}");
    assert_eq!(other.everything(), before);
    // What the archive lacks or has altered is named, the rest comes.
    std::fs::write(format!("{file}.files.tar"), [0; 1024]).unwrap();
    let third = Board::quiet();
    let said = third.say(["import", file]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("the archive does not hold abc.txt"), "{said:?}");
}
