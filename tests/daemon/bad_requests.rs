//! Requests that are wrong, huge or cut off: one clear line each, nothing changed.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::json;

use crate::harness::{Daemon, config};

/// Sends bytes as they are and returns what comes back.
pub fn raw(daemon: &Daemon, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A server that refuses early may cut the rest of the connection.
    drop(stream.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn a_hint_names_what_the_caller_has_commands_operations_or_tools() {
    let daemon = Daemon::start(&config(&[]));
    for (edge, expected, others) in [
        ("", "GET /v1/tasks", ["kanban list", "kanban_list"]),
        ("kanban-edge: command-line\r\n", "`kanban list`", ["/v1/", "kanban_list"]),
        ("kanban-edge: tools\r\n", "kanban_list", ["/v1/", "kanban list"]),
        ("kanban-edge: of a later release\r\n", "GET /v1/tasks", ["kanban list", "kanban_list"]),
    ] {
        let head = "GET /v1/tasks/t_ffffffff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        let answer = raw(&daemon, format!("{head}{edge}\r\n").as_bytes());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let hint = body["error"]["hint"].as_str().unwrap();
        assert!(hint.contains(expected), "{edge}{hint}");
        assert!(!others.iter().any(|other| hint.contains(other)), "{edge}{hint}");
    }
}

#[test]
fn each_wrong_request_is_answered_by_its_code_and_changes_nothing() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let before = daemon.get("/v1/tasks");
    let oversize = format!(r#"{{"title":"t","body":"{}"}}"#, "x".repeat(1024 * 1024 + 1));
    let complete = format!("/v1/tasks/{id}/complete");
    for (path, body, status, phrase) in [
        ("/v1/tasks", &b"{"[..], 400, "not JSON"),
        ("/v1/tasks", b"[]", 400, "must be a JSON object"),
        ("/v1/tasks", b"{\"title\":\"t\",\"colour\":\"red\"}", 400, "unknown field `colour`"),
        ("/v1/tasks", b"{\"title\":\"\"}", 400, "title is required"),
        ("/v1/tasks", b"{\"title\":7}", 400, "invalid type"),
        ("/v1/tasks", b"{\"title\":\"a\\u0000b\"}", 400, "NUL"),
        ("/v1/tasks", b"{\"title\":\"\xff\"}", 400, "not JSON"),
        ("/v1/tasks", b"{\"title\":\"t\",\"parents\":[\"t_1\"]}", 400, "unknown parent"),
        (
            "/v1/tasks",
            b"{\"title\":\"t\",\"workspace_kind\":\"x\"}",
            400,
            "workspace_kind must be one of",
        ),
        ("/v1/tasks", oversize.as_bytes(), 413, "too large"),
        ("/v1/tasks/t_ffffffff/complete", b"{}", 404, "no such task"),
        ("/v1/tasks/..%2f..%2fx/complete", b"{}", 404, "no such task"),
        (&complete, b"{\"id\":\"t_2\"}", 400, "differs from the path"),
        (&complete, b"{\"metadata\":[1]}", 400, "invalid type"),
        (
            "/v1/links",
            format!(r#"{{"parent_id":"{id}","child_id":"{id}"}}"#).as_bytes(),
            400,
            "depend on itself",
        ),
        ("/v1/nothing", b"{}", 404, "no such path"),
        ("/v1/stats", b"{}", 405, "does not support"),
        ("/v1/dispatch", b"{\"max\":-1}", 400, "invalid value"),
        ("/v1/dispatch", b"{\"failure_limit\":0}", 400, "greater than zero"),
    ] {
        let answer = raw(&daemon, &post(path, body));
        let first = answer.lines().next().unwrap_or_default();
        assert!(first.contains(&status.to_string()), "{path}: {answer}");
        let json = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        let body: serde_json::Value = serde_json::from_str(json).expect(json);
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(phrase), "{path}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    assert_eq!(daemon.get("/v1/tasks"), before);
}

#[test]
fn a_request_of_a_hundred_mebibytes_is_refused_without_being_kept() {
    let daemon = Daemon::start(&config(&[]));
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let size = 100 * 1024 * 1024;
    let head = format!("POST /v1/tasks HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = vec![b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < size && stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
    }
    assert!(sent < size, "all of it was taken");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let peak_kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak_kib < 80 * 1024, "the daemon grew to {peak_kib} KiB");
    daemon.create(json!({}));
}

#[test]
fn a_client_that_stops_half_way_holds_up_nobody() {
    let daemon = Daemon::start(&config(&[]));
    let halves: Vec<_> = (0..50)
        .map(|n| {
            let mut stream = UnixStream::connect(daemon.socket()).unwrap();
            let request = post("/v1/tasks", br#"{"title":"never"}"#);
            stream.write_all(&request[..request.len() - 1 - n]).unwrap();
            stream
        })
        .collect();
    let id = daemon.create(json!({ "title": "whole" }));
    drop(halves);
    let listed = daemon.get("/v1/tasks");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], id.as_str());
}

#[test]
fn plain_http_over_the_socket_works_as_with_any_tool() {
    let daemon = Daemon::start(&config(&[]));
    let document = daemon.get("/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let answer = raw(&daemon, b"GET /v1/stats HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer =
        raw(&daemon, b"GET /v1/tasks?colour=red HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(answer.contains("unknown field `colour`"), "{answer}");
}

#[test]
fn a_claim_that_is_repeated_is_answered_as_before_and_a_bad_request_id_makes_nothing() {
    let daemon = Daemon::start(&config(&[]));
    let (id, other) = (daemon.create(json!({})), daemon.create(json!({})));
    let claim = |id: &str, request_id: &str| {
        let head =
            format!("POST /v1/tasks/{id}/claim HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let head =
            format!("{head}kanban-request-id: {request_id}\r\ncontent-length: 2\r\n\r\n{{}}");
        let answer = raw(&daemon, head.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str::<serde_json::Value>(body).unwrap())
    };
    let (status, first) = claim(&id, "one");
    assert_eq!((status, &first["run_id"]), (200, &json!(1)), "{first}");
    let (status, again) = claim(&id, "one");
    assert_eq!((status, &again["run_id"]), (200, &json!(1)), "the task is running by now: {again}");
    let (status, refused) = claim(&id, "another");
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("wrong_status")), "{refused}");
    // A request of this name was answered, and this is not it.
    let (status, refused) = claim(&other, "one");
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("request_conflict")), "{refused}");
    assert_eq!(claim(&other, &"x".repeat(65)).0, 400);
    assert!(!daemon.home().join("workspaces").join(&other).exists());
}
