//! The board's files are removed, renamed, replaced or overwritten under a daemon: nothing more is acknowledged, everything
//! that was acknowledged can be had, and the daemon says what to do.

use std::fs::{copy, remove_file, rename};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use kanband::api::client::{Client, ClientError};
use kanband::kernel::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{Daemon, config, let_pass, until};

/// Titles of a board.
fn titles(daemon: &Daemon) -> Vec<String> {
    let tasks = daemon.get("/v1/tasks");
    let mut titles: Vec<String> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["title"].as_str().unwrap().into())
        .collect();
    titles.sort();
    titles
}

/// A create that has to be refused because the files are lost; its message.
fn refused(daemon: &Daemon) -> String {
    let answer: Result<Value, _> = daemon.client().post("/v1/tasks", &json!({"title": "lost"}));
    match answer.unwrap_err() {
        ClientError::Fault(detail) => {
            assert_eq!(detail.code, ErrorCode::BoardLost, "{detail:?}");
            assert!(detail.hint.unwrap().contains("kanban restore"));
            detail.message
        }
        other => panic!("{other}"),
    }
}

/// A file that a daemon of its own has made: another board of the same shape.
fn other_board(scratch: &Path) -> PathBuf {
    let mut other = Daemon::start(&config(&[]));
    other.create(json!({"title": "of another board"}));
    other.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(other.wait_end().success());
    let file = scratch.join("other.db");
    copy(other.home().join("kanban.db"), &file).unwrap();
    file
}

/// Saves the board by way of the daemon, as `kanban backup` does.
fn backup(daemon: &Daemon, to: &Path) {
    let reply = daemon.client().get_raw("/v1/backup", &json!({})).unwrap();
    std::fs::write(to, &reply.body).unwrap();
}

#[test]
fn a_large_database_is_served_while_it_is_checked_and_not_written_once_found_damaged() {
    let mut daemon = Daemon::start(&config(&[]));
    for _ in 0..200 {
        daemon.create(json!({ "body": "x".repeat(2000) }));
    }
    let id = daemon.create(json!({}));
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.wait_end();
    let hold = daemon.scratch().join("hold");
    daemon.arm(Some(&format!("file-check=hold:{}", hold.display())));
    daemon.spawn();
    daemon.wait_until_up();
    daemon.create(json!({}));
    until("the check", || remove_file(&hold).ok());

    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.wait_end();
    let database = daemon.home().join("kanban.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let at = bytes.len() / 2;
    bytes[at..at + 4096].fill(0xa5);
    std::fs::write(&database, &bytes).unwrap();
    daemon.spawn();
    daemon.wait_until_up();
    assert_eq!(daemon.status(&id), "ready", "it is served while it is checked");
    until("the check", || remove_file(&hold).ok());
    until("the line", || daemon.log().contains("writes are disabled").then_some(()));
    assert!(refused(&daemon).contains("is damaged"));
}

#[test]
fn a_board_that_is_unlinked_while_nobody_asks_anything_is_logged() {
    let daemon = Daemon::start(&config(&[]));
    daemon.create(json!({}));
    remove_file(daemon.home().join("kanban.db")).unwrap();
    until("the line", || daemon.log().contains("writes are disabled").then_some(()));
}

/// A daemon that finds its home held ends; one that serves is ended and fails the test.
fn assert_is_kept_out(second: &mut std::process::Command) {
    let mut child = second.spawn().unwrap();
    let started = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > std::time::Duration::from_secs(30) {
            child.kill().unwrap();
        }
        let_pass(std::time::Duration::from_millis(5));
    }
    assert_eq!(child.wait().unwrap().code(), Some(75));
}

fn restore(daemon: &Daemon, from: &Path) -> Value {
    let file = std::fs::File::open(from).unwrap();
    daemon.client().upload("/v1/restore", file).unwrap()
}

fn check(daemon: &Daemon, name: &str) -> Value {
    let doctor = daemon.get("/v1/doctor");
    doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
}

#[test]
fn files_that_are_removed_or_replaced_stop_writing_and_a_backup_of_what_is_open_has_everything() {
    for (name, is_replaced) in [
        ("kanban.db", false),
        ("kanban.db", true),
        ("kanban.db-wal", false),
        ("kanban.db-wal", true),
        ("kanban.db-shm", false),
        ("kanban.db-shm", true),
    ] {
        let mut daemon = Daemon::start(&config(&[]));
        let other = other_board(daemon.scratch());
        let path = daemon.home().join(name);
        daemon.create(json!({"title": "kept"}));
        if is_replaced {
            copy(&other, daemon.scratch().join("new")).unwrap()
        } else {
            0
        };
        if is_replaced {
            rename(daemon.scratch().join("new"), &path).unwrap();
        } else {
            remove_file(&path).unwrap();
        }
        let report = refused(&daemon);
        assert!(report.contains(path.to_str().unwrap()), "{report}");
        assert_eq!(titles(&daemon), ["kept"], "readers go on");
        assert_eq!(check(&daemon, "database")["health"], "fail");
        let attention = daemon.get("/v1/status")["attention"][0].clone();
        assert_eq!(attention["kind"], "board_lost", "{attention}");
        let saved = daemon.scratch().join("saved.db");
        backup(&daemon, &saved);
        let kept = restore(&daemon, &saved)["kept"].as_str().unwrap().to_owned();
        if name == "kanban.db" && is_replaced {
            assert_eq!(std::fs::read(kept).unwrap(), std::fs::read(&other).unwrap());
        }
        daemon.create(json!({"title": "after"}));
        assert_eq!(check(&daemon, "database")["health"], "ok");
        daemon.kill_9();
        daemon.restart();
        assert_eq!(titles(&daemon), ["after", "kept"], "{name}");
    }
}

#[test]
fn a_journal_that_is_removed_or_replaced_takes_nothing_with_it_when_the_daemon_is_killed() {
    for name in ["kanban.db-wal", "kanban.db-shm"] {
        for is_replaced in [false, true] {
            let mut daemon = Daemon::start(&config(&[]));
            daemon.create(json!({"title": "kept"}));
            remove_file(daemon.home().join(name)).unwrap();
            if is_replaced {
                std::fs::write(daemon.home().join(name), [0; 32768]).unwrap();
            }
            refused(&daemon);
            daemon.kill_9();
            daemon.restart();
            assert_eq!(titles(&daemon), ["kept"], "{name}");
        }
    }
}

#[test]
fn a_board_that_was_moved_away_holds_everything_without_its_journal() {
    let mut daemon = Daemon::start(&config(&[]));
    let (path, away) = (daemon.home().join("kanban.db"), daemon.scratch().join("away.db"));
    daemon.create(json!({"title": "kept"}));
    rename(&path, &away).unwrap();
    copy(other_board(daemon.scratch()), &path).unwrap();
    refused(&daemon);
    assert_eq!(std::fs::metadata(daemon.home().join("kanban.db-wal")).unwrap().len(), 0);
    daemon.kill_9();
    daemon.restart();
    assert_eq!(titles(&daemon), ["of another board"], "no journal of the first is mixed into it");
    daemon.kill_9();
    remove_file(daemon.home().join("kanban.db-wal")).unwrap();
    remove_file(daemon.home().join("kanban.db-shm")).unwrap();
    rename(&away, &path).unwrap();
    daemon.restart();
    assert_eq!(titles(&daemon), ["kept"]);
}

#[test]
fn a_file_that_is_back_at_its_place_is_written_again() {
    let daemon = Daemon::start(&config(&[]));
    let (home, away) = (daemon.home(), daemon.scratch().join("away"));
    daemon.create(json!({"title": "before"}));
    rename(home.join("kanban.db"), &away).unwrap();
    refused(&daemon);
    rename(&away, home.join("kanban.db")).unwrap();
    daemon.create(json!({"title": "after"}));
    assert_eq!(titles(&daemon), ["after", "before"]);
}

#[test]
fn a_file_that_is_replaced_between_commit_and_answer_is_not_told_as_written() {
    let mut daemon = Daemon::prepare(&config(&[]));
    let held = daemon.scratch().join("held");
    daemon.arm(Some(&format!("batch-before-commit=hold:{}", held.display())));
    daemon.spawn();
    let is_settled = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Every commit is held; those before the one that matters are let through.
            until("the start to be over", || {
                drop(remove_file(&held));
                is_settled.load(Ordering::Acquire).then_some(())
            });
        });
        daemon.wait_until_up();
        daemon.create(json!({"title": "before"}));
        daemon.create(json!({"title": "before"}));
        is_settled.store(true, Ordering::Release);
    });
    let (path, away) = (daemon.home().join("kanban.db"), daemon.scratch().join("away"));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| refused(&daemon));
        until("the held commit", || held.exists().then_some(()));
        rename(&path, &away).unwrap();
        remove_file(&held).unwrap();
        assert!(asked.join().unwrap().contains("is gone"));
    });
}

#[test]
fn an_overwritten_database_is_not_written_into_and_is_told_until_it_is_restored() {
    let scratch = tempfile::tempdir().unwrap();
    let foreign = scratch.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE notes (text); INSERT INTO notes VALUES (zeroblob(20000));")
        .unwrap();
    let (text, foreign) = (b"a text of another\n".repeat(1000), std::fs::read(&foreign).unwrap());
    for (what, bytes) in [("text", text), ("nothing", vec![]), ("another program's", foreign)] {
        let daemon = Daemon::start(&config(&[]));
        let path = daemon.home().join("kanban.db");
        daemon.create(json!({"title": "before"}));
        let saved = daemon.scratch().join("saved.db");
        backup(&daemon, &saved);
        // In place, as `cp` and a shell's redirection do.
        std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        let report = refused(&daemon);
        assert!(report.contains("overwritten"), "{what}: {report}");
        assert_eq!(check(&daemon, "database")["health"], "fail", "{what}");
        let kept = restore(&daemon, &saved)["kept"].as_str().unwrap().to_owned();
        assert_eq!(std::fs::read(kept).unwrap(), bytes, "{what}: it was left as it was");
        daemon.create(json!({"title": "after"}));
        assert_eq!(titles(&daemon), ["after", "before"], "{what}");
    }
}

#[test]
fn a_daemon_whose_end_comes_after_its_file_was_overwritten_leaves_that_file_alone() {
    let scratch = tempfile::tempdir().unwrap();
    let mut foreign = std::fs::read(other_board(scratch.path())).unwrap();
    // The application id.
    foreign[68..72].copy_from_slice(b"else");
    for bytes in [b"a foreign text\n".repeat(1000), foreign] {
        let mut daemon = Daemon::start(&config(&[]));
        let path = daemon.home().join("kanban.db");
        daemon.create(json!({"title": "before"}));
        std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
        daemon.signal(nix::sys::signal::Signal::SIGTERM);
        assert!(daemon.wait_end().success());
        assert!(std::fs::read(&path).unwrap() == bytes, "it was written into");
    }
}

#[test]
fn a_home_that_is_renamed_stops_writing_keeps_its_lock_and_goes_on_when_it_is_back() {
    let daemon = Daemon::start(&config(&[]));
    let (home, away) = (daemon.home(), daemon.scratch().join("away"));
    daemon.create(json!({"title": "before"}));
    rename(&home, &away).unwrap();
    let client = Client::at(away.join("kanband.sock"), None, false).unwrap();
    let answer: Result<Value, _> = client.post("/v1/tasks", &json!({"title": "lost"}));
    assert!(
        matches!(answer, Err(ClientError::Fault(detail)) if detail.code == ErrorCode::BoardLost)
    );
    let mut second = daemon.command();
    assert_is_kept_out(second.env("KANBAN_HOME", &away));
    rename(&away, &home).unwrap();
    daemon.create(json!({"title": "after"}));
    assert_eq!(titles(&daemon), ["after", "before"]);
}

#[test]
fn a_lock_whose_file_is_removed_or_replaced_lets_no_second_daemon_in() {
    let daemon = Daemon::start(&config(&[]));
    let home = daemon.home();
    for is_replaced in [false, true] {
        for name in ["lock", "kanband.sock", "kanband.sock.worker"] {
            drop(remove_file(home.join(name)));
        }
        if is_replaced {
            std::fs::write(home.join("lock"), "1\n").unwrap();
        }
        assert_is_kept_out(&mut daemon.command());
    }
}
