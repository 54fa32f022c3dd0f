//! Starting, refusing to start, and ending.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use nix::sys::signal::Signal;
use serde_json::json;
use support::skip;

use crate::harness::{Daemon, config, is_alive, let_pass, until};

fn start_refused(daemon: &Daemon) -> (Option<i32>, String) {
    let mut child = daemon.command().stderr(Stdio::piped()).spawn().unwrap();
    let started = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > std::time::Duration::from_secs(30) {
            child.kill().unwrap();
        }
        let_pass(std::time::Duration::from_millis(5));
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_second_daemon_on_a_home_ends_at_once_and_names_the_first() {
    let daemon = Daemon::start(&config(&[]));
    let (code, message) = start_refused(&daemon);
    assert_eq!(code, Some(75));
    let expected = format!(
        "kanband: another daemon (pid {}) serves the home {}: see `kanban status`",
        daemon.pid(),
        daemon.home().display()
    );
    assert!(message.starts_with(&expected) && message.lines().count() == 1, "{message}");
    daemon.create(json!({}));
}

#[test]
fn of_many_daemons_started_together_one_serves() {
    let daemon = Daemon::prepare(&config(&[]));
    let mut children: Vec<_> = (0..20)
        .map(|_| daemon.command().stderr(std::process::Stdio::null()).spawn().unwrap())
        .collect();
    let mut ended = 0;
    until("nineteen refusals", || {
        children.retain_mut(|child| match child.try_wait().unwrap() {
            Some(status) => {
                assert_eq!(status.code(), Some(75));
                ended += 1;
                false
            }
            None => true,
        });
        (ended == 19).then_some(())
    });
    let winner = &mut children[0];
    until("the winner to serve", || {
        daemon.client().get::<serde_json::Value>("/v1/daemon", &json!({})).ok()
    });
    winner.kill().unwrap();
    winner.wait().unwrap();
}

#[test]
fn sigterm_and_sigint_end_the_daemon_and_no_run() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut daemon = Daemon::start(&config(&[("sh", "exit", "sleep 600")]));
        let id = daemon.create(json!({ "assignee": "sh" }));
        let claimed = daemon.create(json!({}));
        daemon.post(&format!("/v1/tasks/{claimed}/claim"), &json!({ "claimer": "ada" }));
        let pid = daemon.worker_pid(&id);
        daemon.signal(signal);
        assert_eq!(daemon.wait_end().code(), Some(0));
        assert!(is_alive(pid));
        assert!(!daemon.socket().exists(), "clients see at once that nobody is there");
        daemon.restart();
        assert_eq!(daemon.status(&id), "running");
        assert_eq!(daemon.runs(&id).len(), 1);
        assert_eq!(daemon.status(&claimed), "running");
    }
}

#[test]
fn sigterm_does_not_wait_for_listeners() {
    let mut daemon = Daemon::start(&config(&[]));
    let client = daemon.client();
    let mut lines = client.lines("/v1/events", &json!({ "follow": true })).unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(0));
    assert!(matches!(lines.next(None), kanband::api::client::NextLine::End));
}

#[test]
fn a_stale_socket_is_replaced() {
    let mut daemon = Daemon::start(&config(&[]));
    daemon.kill_9();
    assert!(daemon.socket().exists());
    daemon.restart();
    daemon.create(json!({}));
}

#[test]
fn a_home_whose_database_is_gone_is_refused_and_no_empty_one_is_made() {
    let mut daemon = Daemon::start(&config(&[]));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    let database = daemon.home().join("kanban.db");
    std::fs::remove_file(&database).unwrap();
    let (code, message) = start_refused(&daemon);
    assert_eq!(code, Some(78));
    assert!(message.contains("is missing, but this home was used before"), "{message}");
    assert!(!database.exists());
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let mut daemon = Daemon::start(&config(&[]));
    for _ in 0..200 {
        daemon.create(json!({ "body": "x".repeat(2000) }));
    }
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    let database = daemon.home().join("kanban.db");
    for damage in ["middle", "header"] {
        let mut bytes = std::fs::read(&database).unwrap();
        let intact = bytes.clone();
        let at = if damage == "middle" { bytes.len() / 2 } else { 0 };
        bytes[at..at + 4096].fill(0xa5);
        std::fs::write(&database, &bytes).unwrap();
        let (code, message) = start_refused(&daemon);
        assert_eq!(code, Some(78), "{damage}: {message}");
        assert!(message.contains("is damaged"), "{damage}: {message}");
        assert!(std::fs::read(&database).unwrap() == bytes, "{damage}");
        std::fs::write(&database, intact).unwrap();
    }
    daemon.restart();
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let mut daemon = Daemon::start(&config(&[]));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let (code, message) = start_refused(&daemon);
    assert_eq!(code, Some(78));
    assert!(message.contains("schema version 999"), "{message}");
    assert!(
        message.contains("use the kanband that wrote it") && !message.contains("restore"),
        "{message}"
    );
    // The copy that a migration keeps is the way back.
    let kept = daemon.home().join("kanban.db.v2");
    std::fs::write(&kept, "").unwrap();
    let (code, message) = start_refused(&daemon);
    assert_eq!(code, Some(78));
    assert!(message.contains(&format!("kanban restore {}", kept.display())), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn a_home_that_cannot_be_made_or_written_is_refused_with_its_path() {
    let daemon = Daemon::prepare("");
    let nowhere = daemon.scratch().join("no/such/parent/home");
    let output = daemon.command().env("KANBAN_HOME", &nowhere).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains(nowhere.to_str().unwrap()) && message.lines().count() == 1,
        "{message}"
    );
    assert!(!daemon.scratch().join("no").exists());

    // Even root cannot write below /proc.
    let output = daemon.command().env("KANBAN_HOME", "/proc/kanband").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
}

/// The mount is one that nobody serves, in a mount namespace of its own.
#[test]
fn a_home_on_a_file_system_that_is_not_local_is_refused() {
    let daemon = Daemon::prepare("");
    let mount = daemon.scratch().join("mount");
    std::fs::create_dir(&mount).unwrap();
    let script = "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=65534,group_id=65534 t \"$0\" \
                  || exit 99; exec \"$@\"";
    let kanban = env!("CARGO_BIN_EXE_kanban");
    for program in [vec![env!("CARGO_BIN_EXE_kanband")], vec![kanban, "init"]] {
        let output = std::process::Command::new("unshare")
            .args(["--mount", "sh", "-c", script])
            .arg(&mount)
            .args(&program)
            .env("KANBAN_HOME", &mount)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        if output.status.code() == Some(99) || message.starts_with("unshare:") {
            skip("no file system may be mounted here");
            return;
        }
        assert!(
            message.contains("is on FUSE") && message.lines().count() == 1,
            "{program:?}: {message}"
        );
        assert_ne!(output.status.code(), Some(0));
    }
}

#[test]
fn a_socket_path_that_is_too_long_is_refused_with_the_limit() {
    let daemon = Daemon::prepare("");
    let long = format!("/tmp/{}/kanband.sock", "x".repeat(120));
    let output = daemon.command().env("KANBAN_SOCKET", &long).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("107") || message.contains("100"), "{message}");
}

#[test]
fn every_problem_of_the_configuration_is_told_at_once() {
    let daemon = Daemon::prepare("[dispatch]\nmax_runing = 3\n[supervision]\ngrace = \"soon\"\n");
    let (code, message) = start_refused(&daemon);
    assert_eq!(code, Some(78));
    assert!(message.contains("max_runing") && message.contains("soon"), "{message}");
    assert!(!daemon.home().join("kanban.db").exists());
}

#[test]
fn the_files_of_a_home_are_its_owners_alone_but_for_the_workers_socket() {
    let daemon = Daemon::start(&config(&[("sh", "exit", "sleep 600")]));
    let id = daemon.create(json!({ "assignee": "sh" }));
    daemon.worker_pid(&id);
    let mode = |path: &str| {
        std::fs::metadata(daemon.home().join(path)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("kanband.sock"), 0o600);
    assert_eq!(mode("kanband.sock.worker"), 0o666);
    assert_eq!(mode("runs/1"), 0o700);
    assert_eq!(mode("runs/1/spec"), 0o600);
    assert_eq!(mode("runs/1/token"), 0o600);
    assert_eq!(mode(&format!("logs/{id}/1.log")), 0o600);
}

#[test]
fn what_an_operator_wrote_with_sqlite_while_the_daemon_was_away_is_taken_as_it_is() {
    let mut daemon = Daemon::start(&config(&[]));
    let parent = daemon.create(json!({}));
    let child = daemon.create(json!({ "parents": [parent] }));
    daemon.signal(Signal::SIGTERM);
    daemon.wait_end();
    let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    connection.execute("UPDATE tasks SET status = 'done' WHERE id = ?1", [&parent]).unwrap();
    drop(connection);
    daemon.restart();
    assert_eq!(daemon.status(&child), "ready");
    assert_eq!(daemon.get("/v1/stats")["by_status"], json!({ "done": 1, "ready": 1 }));
}
