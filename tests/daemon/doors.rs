//! Callers at the doors who take more than their share: whatever they do, operators and other workers are served.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use kanband::os::processes::user::Account;
use serde_json::{Value, json};
use support::skip;

use crate::harness::{DEADLINE, Daemon, config, until};

fn workers_door(daemon: &Daemon) -> PathBuf {
    daemon.home().join("kanband.sock.worker")
}

/// What callers of a kind have of something.
fn used(daemon: &Daemon, kind: &str, what: &str) -> u64 {
    let callers = daemon.get("/v1/status")["resources"]["callers"].clone();
    let found = callers.as_array().unwrap().iter().find(|callers| callers["kind"] == kind);
    found.unwrap()[what].as_u64().unwrap()
}

fn turned_away(daemon: &Daemon, why: &str) -> u64 {
    daemon.get("/v1/status")["resources"]["turned_away"][why].as_u64().unwrap()
}

/// A run whose worker does nothing, and its token: who shows that is its worker.
fn running() -> (Daemon, String, String) {
    let daemon = Daemon::start(&config(&[("sh", "report", "exec sleep 600")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    let token = std::fs::read_to_string(daemon.home().join("runs/1/token")).unwrap();
    (daemon, id, token.trim().to_owned())
}

fn request(method: &str, path: &str, token: Option<&str>, length: usize) -> String {
    let token = token.map(|token| format!("kanban-token: {token}\r\n")).unwrap_or_default();
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{token}content-length: {length}\r\n\r\n")
}

/// The first line that comes back; empty when the daemon hangs up without one.
fn status_line(stream: &mut UnixStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// In the process that the next test makes of itself, as another user: the socket to knock at.
const KNOCK_AT: &str = "KANBAND_TEST_KNOCK_AT";

/// Connects often, says nothing and waits to be hung up on. Prints the answer, once.
fn knock(path: &str) {
    for knocks in 0..300 {
        let mut stream = UnixStream::connect(path).unwrap();
        let mut said = Vec::new();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.read_to_end(&mut said).unwrap();
        assert!(!said.is_empty(), "the daemon waits for a request");
        if knocks == 0 {
            std::io::stdout().write_all(&said).unwrap();
        }
    }
}

#[test]
fn a_stranger_at_the_workers_door_is_hung_up_on_before_it_has_said_anything() {
    if let Ok(path) = std::env::var(KNOCK_AT) {
        return knock(&path);
    }
    if !nix::unistd::geteuid().is_root() {
        return skip("only root can be another user");
    }
    let Ok(Some(stranger)) = Account::named("nobody") else {
        return skip("there is no user `nobody`");
    };
    let daemon = Daemon::start(&config(&[]));
    let all_pass = std::fs::Permissions::from_mode(0o711);
    for dir in [daemon.scratch(), &daemon.home()] {
        std::fs::set_permissions(dir, all_pass.clone()).unwrap();
    }
    let me = "doors::a_stranger_at_the_workers_door_is_hung_up_on_before_it_has_said_anything";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", me, "--nocapture"]).current_dir("/");
    child.uid(stranger.run_as.uid).gid(stranger.run_as.gid);
    let ended = child.env(KNOCK_AT, workers_door(&daemon)).stderr(Stdio::null()).output();
    let Ok(ended) = ended else {
        return skip("other users cannot execute the test where it is");
    };
    assert!(ended.status.success(), "{ended:?}");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("HTTP/1.1 403") && said.contains("belongs to no open run"), "{said}");
    assert_eq!(turned_away(&daemon, "stranger"), 300);
    assert_eq!(used(&daemon, "unproven", "connections"), 0);
}

#[test]
fn idle_callers_without_a_token_give_way_to_one_with_a_token() {
    let (daemon, id, token) = running();
    let path = format!("/v1/tasks/{id}/heartbeat");
    let idle: Vec<UnixStream> =
        (0..1_500).map(|_| UnixStream::connect(workers_door(&daemon)).unwrap()).collect();
    // The seats are few; those that were taken last may be spared for a moment.
    until("a seat", || {
        let mut stream = UnixStream::connect(workers_door(&daemon)).unwrap();
        let head = request("POST", &path, Some(&token), 2);
        stream.write_all(format!("{head}{{}}").as_bytes()).ok()?;
        status_line(&mut stream).contains(" 200 ").then_some(())
    });
    assert!(used(&daemon, "unproven", "connections") < 200);
    assert!(turned_away(&daemon, "shed") > 0, "they have given way, and not only been given up");
    daemon.create(json!({}));
    drop(idle);
}

#[test]
fn a_worker_with_all_its_connections_open_takes_nobody_elses() {
    let (daemon, _, token) = running();
    // Each has shown the token, so each has a seat on the account of the run, and then says nothing.
    let held: Vec<UnixStream> = (0..300)
        .filter_map(|_| {
            let mut stream = UnixStream::connect(workers_door(&daemon)).ok()?;
            let head = request("GET", "/v1/whoami", Some(&token), 0);
            stream.write_all(head.as_bytes()).ok()?;
            status_line(&mut stream).contains(" 200 ").then_some(stream)
        })
        .collect();
    let workers = used(&daemon, "workers", "connections");
    assert!(held.len() >= 10 && workers < 300, "{} were served, {workers} are open", held.len());
    for _ in 0..20 {
        daemon.create(json!({}));
    }
}

#[test]
fn followers_beyond_the_share_are_refused_and_the_operator_still_operates() {
    let daemon = Daemon::start(&config(&[]));
    let mut answers = std::collections::BTreeMap::<String, usize>::new();
    let followers: Vec<UnixStream> = (0..1_024)
        .map(|_| {
            let mut stream = UnixStream::connect(daemon.socket()).unwrap();
            let head = request("GET", "/v1/events?follow=true&after=now", None, 0);
            stream.write_all(head.as_bytes()).unwrap();
            let line = status_line(&mut stream);
            *answers.entry(line).or_default() += 1;
            stream
        })
        .collect();
    let served = answers["HTTP/1.1 200 OK"] as u64;
    assert!(answers["HTTP/1.1 503 Service Unavailable"] > 100, "{answers:?}");
    assert_eq!(used(&daemon, "operators", "streams"), served);
    assert!(turned_away(&daemon, "share") > 100);
    let id = daemon.create(json!({}));
    daemon.post(&format!("/v1/tasks/{id}/archive"), &json!({}));
    drop(followers);
    until("the streams' end", || (used(&daemon, "operators", "streams") == 0).then_some(()));
}

#[test]
fn an_idle_connection_gives_way_when_its_caller_wants_another() {
    let daemon = Daemon::start(&config(&[]));
    let idle: Vec<UnixStream> =
        (0..1_200).map(|_| UnixStream::connect(daemon.socket()).unwrap()).collect();
    // This client opens one connection for each of them.
    for _ in 0..10 {
        daemon.create(json!({}));
    }
    let open = used(&daemon, "operators", "connections");
    assert!(open < 1_200, "{open}");
    assert!(turned_away(&daemon, "shed") > 0);
    drop(idle);
}

/// Peak of the daemon's memory, KiB.
fn peak_kib(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    peak.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn bodies_that_are_held_back_take_the_share_of_their_sender_and_no_more() {
    let (daemon, id, token) = running();
    let size = 8 * 1024 * 1024 - 1;
    let chunk = vec![b'x'; 64 * 1024];
    let held: Vec<UnixStream> = (0..40)
        .map(|_| {
            let mut stream = UnixStream::connect(workers_door(&daemon)).unwrap();
            let head = request("POST", "/v1/tasks", Some(&token), size);
            stream.write_all(head.as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
            // As much of it as the daemon takes.
            let mut left = size - 1;
            while left > 0 {
                match stream.write(&chunk[..chunk.len().min(left)]) {
                    Ok(length) => left -= length,
                    Err(_) => break,
                }
            }
            stream
        })
        .collect();
    until("their share", || (used(&daemon, "workers", "bytes") > 0).then_some(()));
    assert!(used(&daemon, "workers", "bytes") <= 16 * 1024 * 1024);
    daemon.create(json!({ "body": "y".repeat(1_000_000) }));
    let mut beat = UnixStream::connect(workers_door(&daemon)).unwrap();
    let head = request("POST", &format!("/v1/tasks/{id}/heartbeat"), Some(&token), 2);
    beat.write_all(format!("{head}{{}}").as_bytes()).unwrap();
    assert!(status_line(&mut beat).contains(" 200 "));
    let peak = peak_kib(&daemon);
    assert!(peak < 120 * 1024, "the daemon grew to {peak} KiB");
    drop(held);
}

#[test]
fn who_asks_without_end_and_reads_no_answer_is_heard_no_further() {
    let daemon = Daemon::start(&config(&[]));
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let one = request("GET", "/v1/whoami", None, 0);
    let many = one.repeat(1_000);
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut idle) = (0, 0);
    // Until neither the daemon nor the kernel has taken more of it for a while.
    until("the daemon to hear no further", || {
        let taken = stream.write(&many.as_bytes()[sent % one.len()..]).unwrap_or_default();
        sent += taken;
        assert!(sent < 8 * 1024 * 1024, "the daemon goes on hearing");
        idle = if taken == 0 { idle + 1 } else { 0 };
        (idle == 200).then_some(())
    });
    daemon.create(json!({}));
}

#[test]
fn every_limit_is_in_the_figures() {
    let daemon = Daemon::start(&config(&[]));
    // The connections before this one end when the daemon has seen their end.
    let page = until("the connection that asks to be the only one", || {
        let page = daemon.client().get_raw("/v1/metrics", &json!({})).unwrap().body;
        let page = String::from_utf8(page.to_vec()).unwrap();
        page.contains("kanband_connections{kind=\"operators\"} 1\n").then_some(page)
    });
    for name in [
        "kanband_connections_max{kind=\"workers\"}",
        "kanband_turned_away_total{reason=\"stranger\"} 0",
        "kanband_reads_stopped_total 0",
        "kanband_log_lines_lost_total 0",
        "kanband_search_skipped_tasks 0",
    ] {
        assert!(page.contains(name), "{name}: {page}");
    }
    let status: Value = daemon.get("/v1/status");
    assert!(status["resources"]["open_files_max"].as_u64() > Some(0));
}

#[test]
fn a_scraper_that_says_nothing_does_not_keep_another_from_the_figures() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let daemon = Daemon::start(&config(&[]).with("metrics.listen", address.to_string()));
    let idle: Vec<_> = (0..40).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    drop((idle, daemon));
}

#[test]
fn a_worker_of_a_run_that_is_over_is_heard_once_to_be_told_so() {
    let (daemon, id, token) = running();
    daemon.post(&format!("/v1/tasks/{id}/stop"), &json!({ "then": "hold" }));
    daemon.wait_closed(&id);
    // The row is closed a moment before the run leaves the list of those that are live.
    until("the run is over for the door too", || {
        let mut stream = UnixStream::connect(workers_door(&daemon)).unwrap();
        stream.write_all(request("GET", "/v1/whoami", Some(&token), 0).as_bytes()).unwrap();
        let mut answer = String::new();
        // To the end: nothing more is heard on this connection.
        stream.read_to_string(&mut answer).unwrap();
        (answer.contains("run_over") && answer.contains("connection: close")).then_some(())
    });
}
