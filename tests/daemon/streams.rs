//! Whatever is still being read of the board ends with the run whose worker asked for it, whichever process holds the descriptor by then.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::json;

use crate::harness::{DEADLINE, Daemon, config, until};

/// A request of the worker of run 1, by its token: this process is in no run's tree, like one that was handed the descriptor.
fn ask(daemon: &Daemon, path: &str) -> BufReader<UnixStream> {
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    let mut stream = UnixStream::connect(daemon.home().join("kanband.sock.worker")).unwrap();
    let token = token.trim();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nkanban-token: {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

fn head(stream: &mut BufReader<UnixStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
    }
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    head
}

fn running(script: &str) -> (Daemon, String) {
    let daemon = Daemon::start(&config(&[("sh", "report", script)]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    (daemon, id)
}

fn stop(daemon: &Daemon, id: &str) {
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "then": "hold" }));
    daemon.wait_closed(id);
}

/// Whatever comes until the daemon hangs up.
fn rest(mut stream: BufReader<UnixStream>) -> String {
    stream.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "the daemon does not hang up");
    }
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn event_streams_logs_and_kept_connections_end_with_the_run_that_opened_them() {
    let (daemon, id) = running("echo line; exec sleep 600");
    let other = daemon.create(json!({}));
    until("the first line", || daemon.run_log(&id).contains("line").then_some(()));
    let mut events = ask(&daemon, "/v1/events?follow=true&after=now");
    let mut log = ask(&daemon, &format!("/v1/tasks/{id}/log?follow=true"));
    let mut kept = ask(&daemon, "/v1/whoami");
    for stream in [&mut events, &mut log, &mut kept] {
        head(stream);
    }
    daemon.post(&format!("/v1/tasks/{other}/comment"), &json!({ "body": "heard" }));
    let mut line = String::new();
    while !line.contains("commented") {
        assert!(events.read_line(&mut line).unwrap() > 0, "{line}");
    }
    stop(&daemon, &id);
    let ended = rest(kept);
    assert!(ended.contains("\"run_id\":1"), "{ended}");
    rest(log);
    let heard = rest(events);
    // Told to nobody of run 1.
    let late = daemon.create(json!({}));
    assert!(!heard.contains(&late), "{heard}");
    assert!(daemon.get("/v1/status")["resources"]["turned_away"]["run_over"].as_u64() >= Some(2));
}

#[test]
fn a_download_ends_with_the_run_that_asked_for_it() {
    let (daemon, id) = running("exec sleep 600");
    let bytes = vec![b'x'; 8 * 1024 * 1024];
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let upload = format!(
        "POST /v1/tasks/{id}/attach?filename=large HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        bytes.len()
    );
    stream.write_all(&[upload.as_bytes(), &bytes].concat()).unwrap();
    assert!(rest(BufReader::new(stream)).starts_with("HTTP/1.1 200"));
    let mut download = ask(&daemon, &format!("/v1/tasks/{id}/attachment?filename=large"));
    assert!(head(&mut download).contains(&format!("content-length: {}", bytes.len())));
    // Nobody reads on until the run is closed: most of the file has not been sent by then.
    stop(&daemon, &id);
    until("the daemon to let go", || {
        let callers = daemon.get("/v1/status")["resources"]["callers"].clone();
        let workers = callers.as_array().unwrap().iter().find(|kind| kind["kind"] == "workers");
        (workers.unwrap()["files"] == 0).then_some(())
    });
    assert!(rest(download).len() < bytes.len());
    let turned_away = &daemon.get("/v1/status")["resources"]["turned_away"];
    assert_eq!((&turned_away["run_over"], &turned_away["stalled"]), (&json!(1), &json!(0)));
}

#[test]
fn an_operators_stream_goes_on_when_a_run_ends() {
    let (daemon, id) = running("exec sleep 600");
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.write_all(b"GET /v1/events?follow=true&after=now HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut events = BufReader::new(stream);
    head(&mut events);
    stop(&daemon, &id);
    let late = daemon.create(json!({}));
    let mut line = String::new();
    while !line.contains(&late) {
        assert!(events.read_line(&mut line).unwrap() > 0, "{line}");
    }
}
