//! The daemon's log: its reader, or the lack of one, holds up nothing; and it tells of errors where something has failed.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::bad_requests::raw;
use crate::harness::{Daemon, config, until};

/// A pipe that is full, so that the next line blocks.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = nix::unistd::pipe().unwrap();
    let set = |flags| fcntl(write.as_fd(), FcntlArg::F_SETFL(flags)).unwrap();
    set(OFlag::O_NONBLOCK);
    while nix::unistd::write(&write, &[b'.'; 4096]).is_ok() {}
    while nix::unistd::write(&write, b".").is_ok() {}
    set(OFlag::empty());
    (read, write)
}

fn work_is_done(daemon: &Daemon) {
    let ids: Vec<String> = (0..5).map(|_| daemon.create(json!({ "assignee": "sh" }))).collect();
    for id in &ids {
        daemon.wait_status(id, "done");
        daemon.wait_closed(id);
    }
}

/// More lines than wait for a reader: each request that is no HTTP leaves one.
fn log_much(daemon: &Daemon) {
    daemon.post("/v1/log-level", &json!({ "level": "debug" }));
    until("lost lines", || {
        for _ in 0..100 {
            let mut stream = UnixStream::connect(daemon.socket()).unwrap();
            stream.write_all(b"this is no request\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            drop(stream.read_to_end(&mut answer));
        }
        let lost = daemon.get("/v1/status")["resources"]["log"]["lost_lines"].as_u64().unwrap();
        (lost > 0).then_some(())
    });
}

fn check(daemon: &Daemon, name: &str) -> Value {
    let checks = daemon.get("/v1/doctor")["checks"].as_array().unwrap().clone();
    checks.into_iter().find(|check| check["name"] == name).unwrap()
}

fn ends_when_asked(daemon: &mut Daemon) {
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait_end().success());
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_run_and_no_end_and_tells_its_loss_when_it_is_read() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "true")]));
    let (read, write) = full_pipe();
    daemon.spawn_logging_to(write.try_clone().unwrap());
    daemon.wait_until_up();
    work_is_done(&daemon);
    log_much(&daemon);
    assert_eq!(check(&daemon, "log")["health"], "warn");
    let status = daemon.get("/v1/status");
    let kinds: Vec<&Value> =
        status["attention"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["log"]);
    // It is read again, to the line that tells of the loss, and then no more.
    let (mut read, mut message) = (File::from(read), Vec::new());
    until("the loss", || {
        let mut piece = [0; 4096];
        let length = read.read(&mut piece).unwrap();
        message.extend_from_slice(&piece[..length]);
        String::from_utf8_lossy(&message).contains("log lines were lost").then_some(())
    });
    log_much(&daemon);
    ends_when_asked(&mut daemon);
}

#[test]
fn a_stopped_terminal_holds_up_no_run_and_no_end() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "true")]));
    let terminal = openpty(None, None).unwrap();
    daemon.spawn_logging_to(terminal.slave.try_clone().unwrap());
    daemon.wait_until_up();
    // As Ctrl-S does.
    nix::unistd::write(&terminal.master, b"\x13").unwrap();
    work_is_done(&daemon);
    log_much(&daemon);
    ends_when_asked(&mut daemon);
}

#[test]
fn a_log_on_a_full_disk_is_told_of_and_holds_up_nothing() {
    let mut daemon = Daemon::prepare(&config(&[("sh", "exit", "true")]));
    daemon.spawn_logging_to(OpenOptions::new().write(true).open("/dev/full").unwrap());
    daemon.wait_until_up();
    work_is_done(&daemon);
    let log =
        until("the loss", || Some(check(&daemon, "log")).filter(|check| check["health"] == "warn"));
    assert!(log["message"].as_str().unwrap().contains("log lines were lost"), "{log}");
    ends_when_asked(&mut daemon);
}

#[test]
fn what_succeeds_logs_no_error() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "true")]));
    let id = daemon.create(json!({}));
    let attach = format!(
        "POST /v1/tasks/{id}/attach?filename=a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"
    );
    assert!(raw(&daemon, attach.as_bytes()).starts_with("HTTP/1.1 200"));
    daemon.post(&format!("/v1/tasks/{id}/detach"), &json!({ "filename": "a" }));
    daemon.post("/v1/dispatch", &json!({}));
    let copy = daemon.client().get_raw("/v1/backup", &json!({})).unwrap().body;
    let head = format!(
        "POST /v1/restore HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        copy.len()
    );
    let restored = raw(&daemon, &[head.as_bytes(), &copy].concat());
    assert!(restored.starts_with("HTTP/1.1 200"), "{restored}");
    // The last of them has been told by now.
    until("the log", || {
        daemon.log().contains("the database was restored from a backup").then_some(())
    });
    assert!(!daemon.log().contains("ERROR"), "{}", daemon.log());
}

#[test]
fn a_request_that_fails_logs_one_error() {
    let daemon = Daemon::start(&config(&[]));
    let id = daemon.create(json!({}));
    let attach = format!(
        "POST /v1/tasks/{id}/attach?filename=a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"
    );
    raw(&daemon, attach.as_bytes());
    // Its bytes cannot be opened: a link that leads to itself is in their place.
    let folder = daemon.home().join("attachments").join(&id);
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let path = format!("/v1/tasks/{id}/attachment?filename=a");
    let failed = daemon.client().get_raw(&path, &json!({}));
    assert!(failed.is_err());
    let errors = || daemon.log().lines().filter(|line| line.contains("ERROR")).count();
    until("the error", || (errors() > 0).then_some(()));
    assert_eq!(errors(), 1, "{}", daemon.log());
    assert!(daemon.log().contains("operation=attachment"), "{}", daemon.log());
}
