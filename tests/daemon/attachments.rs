//! Attached files between the disk and the board: a crash leaves no row without bytes, a request may be repeated, a sender
//! that goes away leaves nothing.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::bad_requests::raw;
use crate::harness::{Daemon, config, until};

fn attach(id: &str, name: &str, request_id: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/tasks/{id}/attach?filename={name} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         kanban-request-id: {request_id}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn body_of(answer: &str) -> Value {
    let json = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Names of whatever lies in the folder of attached files.
fn entries(daemon: &Daemon) -> usize {
    std::fs::read_dir(daemon.home().join("attachments")).unwrap().count()
}

#[test]
fn a_daemon_that_dies_between_bytes_and_row_leaves_what_gc_sweeps() {
    let mut daemon = Daemon::with_fail_points(&config(&[]), "attachment-kept=kill");
    daemon.spawn();
    daemon.wait_until_up();
    let id = daemon.create(json!({}));
    raw(&daemon, &attach(&id, "a.txt", "one", b"abc"));
    daemon.wait_killed();
    daemon.restart();
    assert_eq!(daemon.show(&id)["attachments"], json!([]));
    assert_eq!(entries(&daemon), 1);
    // The client repeats it: the bytes find themselves there.
    let reply = body_of(&raw(&daemon, &attach(&id, "a.txt", "one", b"abc")));
    assert_eq!((&reply["filename"], &reply["already"]), (&json!("a.txt"), &json!(false)));
    let orphan = daemon.home().join("attachments/t_0123");
    std::fs::create_dir(&orphan).unwrap();
    std::fs::write(orphan.join("0123"), "x").unwrap();
    let report = daemon.post("/v1/gc", &json!({"older_than_days": 0}));
    assert_eq!(report["attachments"], 1);
    assert_eq!(daemon.show(&id)["attachments"].as_array().unwrap().len(), 1);
    assert_eq!(entries(&daemon), 1);
}

#[test]
fn the_same_request_again_answers_as_before_and_another_under_its_id_is_refused() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let first = body_of(&raw(&daemon, &attach(&id, "a.txt", "one", b"abc")));
    assert_eq!(first, body_of(&raw(&daemon, &attach(&id, "a.txt", "one", b"abc"))));
    let other = body_of(&raw(&daemon, &attach(&id, "a.txt", "one", b"other")));
    assert_eq!(other["error"]["code"], "request_conflict");
    assert_eq!(daemon.show(&id)["attachments"].as_array().unwrap().len(), 1);
}

#[test]
fn what_does_not_arrive_whole_or_may_not_come_leaves_nothing() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let before = daemon.show(&id);
    let whole = attach(&id, "a.txt", "one", &vec![7; 100_000]);
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.write_all(&whole[..whole.len() - 1]).unwrap();
    until("the file to begin to arrive", || (entries(&daemon) == 1).then_some(()));
    drop(stream);
    until("what has arrived to go", || (entries(&daemon) == 0).then_some(()));
    for (name, body, code) in [
        ("a%2Fb", &b"abc"[..], "invalid_value"),
        ("..", b"abc", "invalid_value"),
        ("", b"abc", "invalid_value"),
        ("a&colour=red", b"abc", "bad_request"),
    ] {
        let message = body_of(&raw(&daemon, &attach(&id, name, "two", body)));
        assert_eq!(message["error"]["code"], code, "{name}: {message}");
    }
    let message = body_of(&raw(&daemon, &attach("t_ffffffff", "a", "three", &vec![7; 3_000_000])));
    assert_eq!(message["error"]["code"], "unknown_task");
    let head = format!(
        "POST /v1/tasks/{id}/attach?filename=a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        25 * 1024 * 1024 + 1
    );
    let message = body_of(&raw(&daemon, head.as_bytes()));
    assert_eq!(message["error"]["code"], "too_large");
    assert_eq!((daemon.show(&id), entries(&daemon)), (before, 0));
}
