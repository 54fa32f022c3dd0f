//! `status`, `reload`, `log-level`, `backup --dir`, and a `doctor` whom no daemon answers.

use serde_json::json;

use crate::harness::{Board, Place, until};

#[test]
fn status_shows_daemon_board_runs_and_what_needs_a_person_with_what_helps() {
    let board = Board::with_workers(&[("dev", "sleep 600")]);
    let calm = board.say(["status"]).ok();
    assert!(calm.starts_with("kanband 0.") && calm.contains("(no task)"), "{calm}");
    assert!(calm.contains("Open runs: 0") && calm.contains("(nothing)"), "{calm}");
    let run = board.create("a long one", &["--assignee", "dev"]);
    board.dispatch();
    let blocked = board.create("a question", &[]);
    board.say(["block", &blocked, "which one?"]).ok();
    board.say(["pause"]).ok();
    let shown = until("the worker's state", || {
        let shown = board.say(["status", "--json"]).json();
        (shown["runs"][0]["state"] == "running").then_some(shown)
    });
    assert_eq!(shown["runs"][0]["task"], json!(run));
    assert_eq!(shown["boards"]["default"], json!({ "blocked": 1, "running": 1 }));
    let commands: Vec<_> =
        shown["attention"].as_array().unwrap().iter().map(|one| &one["command"]).collect();
    assert_eq!(commands, [&json!("kanban resume"), &json!(format!("kanban why {blocked}"))]);
    let told = board.say(["status"]).ok();
    for line in [
        format!("{run}  @dev  running"),
        "default  running 1, blocked 1".to_owned(),
        format!("blocked: {blocked} a question  →  kanban why {blocked}"),
        format!("socket       {}", board.home().join("kanband.sock").display()),
    ] {
        assert!(told.contains(&line), "{line}\n{told}");
    }
}

#[test]
fn of_many_blocked_tasks_some_are_named_and_the_rest_is_counted() {
    let board = Board::quiet();
    for _ in 0..13 {
        let id = board.create("t", &[]);
        board.say(["block", &id, "why?"]).ok();
    }
    let shown = board.say(["status", "--json"]).json();
    let attention = shown["attention"].as_array().unwrap();
    assert_eq!(attention.len(), 11);
    assert_eq!(attention[10]["message"], "3 more tasks of default");
    let gone = shown["daemon"]["pid"].as_u64();
    assert!(gone.is_some());
}

#[test]
fn backups_of_a_directory_are_named_by_their_time_and_only_old_ones_of_that_name_go() {
    let board = Board::quiet();
    board.create("t", &[]);
    let dir = board.path("backups");
    let first = board.say(["backup", "--dir", dir.to_str().unwrap(), "--json"]).json();
    assert!(first["file"].as_str().unwrap().starts_with(dir.to_str().unwrap()));
    for (name, text) in [
        ("kanban-20200101T000000Z.db", "older"),
        ("kanban-20210101T000000Z.db", "old"),
        ("kanban-2020.db", "another's"),
        ("notes.txt", "another's"),
    ] {
        std::fs::write(dir.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", dir.join("kanban-20190101T000000Z.db")).unwrap();
    // The name has whole seconds: a second backup needs another one.
    let second = until("the next second", || {
        let said = board.say(["backup", "--dir", dir.to_str().unwrap(), "--keep", "3"]);
        (said.code == 0).then_some(said)
    });
    assert!(
        second.out.contains("Removed: ") && second.out.contains("20200101T000000Z"),
        "{second:?}"
    );
    let mut left: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left.len(), 6, "{left:?}");
    for name in
        ["kanban-20190101T000000Z.db", "kanban-2020.db", "kanban-20210101T000000Z.db", "notes.txt"]
    {
        assert!(left.iter().any(|other| other == name), "{name}: {left:?}");
    }
    let newest = left.iter().rev().find(|name| name.starts_with("kanban-20")).unwrap();
    board.say(["restore", dir.join(newest).to_str().unwrap(), "--yes"]).ok();
}

#[test]
fn reload_says_what_has_changed_and_refuses_what_is_wrong_with_every_problem() {
    let board = Board::quiet();
    let file = board.home().join("kanband.toml");
    assert_eq!(board.say(["reload"]).ok(), "Nothing has changed\n");
    std::fs::write(
        &file,
        "[dispatch]\nenabled = false\nmax_running = 3\n[disk]\nreserve_bytes = 0\n",
    )
    .unwrap();
    assert_eq!(
        board.say(["reload"]).ok(),
        "disk.reserve_bytes: 16777216 → 0 (from the next start of the daemon)\n\
         dispatch.max_running: 8 → 3\n"
    );
    std::fs::write(&file, "[dispatch]\nmax_runing = 3\n[log]\nlevel = \"loud\"\n").unwrap();
    let told = board.say(["reload"]).failed(1);
    assert!(told.contains("max_runing") && told.contains("log.level"), "{told}");
    assert!(told.contains("hint: nothing was taken"), "{told}");
}

#[test]
fn the_log_level_is_shown_and_changed() {
    let board = Board::quiet();
    assert_eq!(board.say(["log-level"]).ok(), "info\n");
    assert_eq!(board.say(["log-level", "debug"]).ok(), "info → debug\n");
    assert_eq!(board.say(["log-level", "--json"]).json(), json!({ "level": "debug" }));
    assert_eq!(board.say(["reload"]).ok(), "Nothing has changed\n");
    assert_eq!(board.say(["log-level"]).ok(), "info\n");
}

#[test]
fn a_doctor_whom_no_daemon_answers_says_what_is_in_the_way_and_exits_with_4() {
    let place = Place::new();
    std::fs::create_dir(place.home()).unwrap();
    let none = place.say(["doctor"]);
    assert_eq!(none.code, 4, "{none:?}");
    assert!(
        none.out.contains("there is no socket") && none.out.contains("fix: `kanband`"),
        "{none:?}"
    );
    assert!(none.out.contains("KANBAN_HOME"), "{none:?}");
    drop(std::os::unix::net::UnixListener::bind(place.home().join("kanband.sock")).unwrap());
    let stale = place.say(["doctor", "--json"]);
    assert_eq!(stale.code, 4, "{stale:?}");
    let shown: serde_json::Value = serde_json::from_str(&stale.out).unwrap();
    assert_eq!(shown["health"], "fail");
    assert!(
        shown["checks"][0]["message"].as_str().unwrap().starts_with("nobody answers"),
        "{shown}"
    );
}

#[test]
fn rights_that_are_too_wide_or_too_narrow_fail_with_the_command_that_mends_them() {
    use std::os::unix::fs::PermissionsExt as _;

    let board = Board::quiet();
    let socket = board.home().join("kanband.sock");
    let workers = board.home().join("kanband.sock.worker");
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&socket, 0o666);
    set(&workers, 0o600);
    let told = board.say(["doctor"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.contains(&format!("fix: `chmod o-rw {}`", socket.display())), "{told:?}");
    assert!(told.out.contains(&format!("fix: `chmod a+rw {}`", workers.display())), "{told:?}");
    set(&socket, 0o660);
    set(&workers, 0o666);
    assert_eq!(board.say(["doctor"]).code, 0);
}
