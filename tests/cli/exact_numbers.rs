//! Numbers on their whole way: from a worker's command line into the board, out to people and programs, into another home.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use kanband::kernel::random::SeededRandom;
use serde_json::Value;

use crate::harness::Board;
use crate::random_json::{Sent, value};

/// An object with random values, as it is sent and as it is stored.
fn metadata(seed: u64, count: usize) -> Sent {
    let mut random = SeededRandom::new(seed);
    let values: Vec<Sent> = (0..count).map(|_| value(&mut random, 6)).collect();
    let list = |part: fn(&Sent) -> &str| values.iter().map(part).collect::<Vec<_>>().join(",");
    Sent {
        text: format!("{{\"n\": [{}]}}", list(|value| &value.text)),
        stored: format!("{{\"n\":[{}]}}", list(|value| &value.stored)),
    }
}

/// A request on a socket; its status and its JSON.
fn ask(board: &Board, request: &str) -> (u16, Value) {
    let mut connection = UnixStream::connect(board.home().join("kanband.sock")).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn a_verdict_with_any_numbers_is_repeated_with_success_and_shown_as_sent() {
    let script = "for n in 1 2; do
        kanban complete $KANBAN_TASK --summary s --metadata \"$(cat ../../../metadata)\" --json || exit 9
    done";
    let board = Board::with_workers(&[("dev", script)]);
    let sent = metadata(20, 400);
    std::fs::write(board.path("metadata"), &sent.text).unwrap();
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    let run = board.runs(&id).pop().unwrap();
    assert_eq!((&run["outcome"], &run["exit_code"]), (&"completed".into(), &0.into()));
    assert_eq!(run["metadata"].to_string(), sent.stored);
    let log = board.say(["log", &id]).ok();
    assert_eq!(log.matches("\"already\": true").count(), 1, "{log}");
    let file = board.path("board.jsonl");
    board.say(["export", file.to_str().unwrap()]).ok();
    let other = Board::quiet();
    other.say(["import", file.to_str().unwrap()]).ok();
    assert_eq!(other.runs(&id).pop().unwrap()["metadata"].to_string(), sent.stored);
}

#[test]
fn a_request_with_any_numbers_and_its_id_is_answered_as_the_first_time() {
    let board = Board::quiet();
    for seed in 30..40 {
        let (id, sent) = (board.create("t", &[]), metadata(seed, 50));
        let body = format!("{{\"summary\":\"s\",\"metadata\":{}}}", sent.text);
        let request = format!(
            "POST /v1/tasks/{id}/complete HTTP/1.1\r\nhost: k\r\nconnection: close\r\n\
             kanban-request-id: r-{seed}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (first, again) = (ask(&board, &request), ask(&board, &request));
        assert_eq!(first.0, 200, "{first:?}");
        assert_eq!(again, first);
        assert_eq!(board.runs(&id).pop().unwrap()["metadata"].to_string(), sent.stored);
    }
}
