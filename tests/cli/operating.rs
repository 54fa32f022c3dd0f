//! `status`, `reload`, `log-level`, `backup --dir`, and a `doctor` whom no daemon answers.

use serde_json::json;

use crate::harness::{Board, Location, until};

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
    assert_eq!(commands, [&json!("kanban resume"), &json!(format!("kanban unblock {blocked}"))]);
    let message = board.say(["status"]).ok();
    for line in [
        format!("{run}  @dev  running"),
        "default  running 1, blocked 1".to_owned(),
        format!("blocked: {blocked} a question: which one?  →  kanban unblock {blocked}"),
        format!("socket       {}", board.home().join("kanband.sock").display()),
    ] {
        assert!(message.contains(&line), "{line}\n{message}");
    }
}

#[test]
fn many_tasks_blocked_for_one_reason_are_one_row_that_names_some_and_counts_all() {
    let board = Board::quiet();
    for _ in 0..13 {
        let id = board.create("t", &[]);
        board.say(["block", &id, "why?"]).ok();
    }
    let shown = board.say(["status", "--json"]).json();
    let attention = shown["attention"].as_array().unwrap();
    assert_eq!(attention.len(), 1);
    assert_eq!(
        (&attention[0]["count"], &attention[0]["message"]),
        (&json!(13), &json!("13 tasks: why?"))
    );
    assert_eq!(attention[0]["tasks"].as_array().unwrap().len(), 10);
    assert_eq!(board.say(["status", "--short"]).ok(), "0 running, 0 ready, inbox 1\n");
    let gone = shown["daemon"]["pid"].as_u64();
    assert!(gone.is_some());
}

/// The names in a directory.
fn names(dir: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn backups_of_a_directory_are_named_by_their_time_and_only_old_ones_of_that_board_go() {
    let (board, other) = (Board::quiet(), Board::quiet());
    board.create("t", &[]);
    let dir = board.path("backups");
    let backup = |board: &Board, keep: &str| {
        let said = board.say(["backup", "--dir", dir.to_str().unwrap(), "--keep", keep, "--json"]);
        let file = said.json()["file"].as_str().unwrap().to_owned();
        file.strip_prefix(dir.to_str().unwrap()).unwrap()[1..].to_owned()
    };
    let first = backup(&board, "9");
    let of_other = backup(&other, "1");
    assert_eq!(names(&dir).len(), 2, "in the same second too each has a name");
    for name in ["kanban-20200101T000000Z.db", "kanban-20210101T000000Z.db"] {
        std::fs::copy(dir.join(&first), dir.join(name)).unwrap();
    }
    let kept = ["kanban-20180101T000000Z.db", "kanban-2020.db", "notes.txt"];
    for name in kept {
        std::fs::write(dir.join(name), "nobody knows whose").unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", dir.join("kanban-20190101T000000Z.db")).unwrap();
    let dir_shown = dir.to_str().unwrap();
    let message = board.say(["backup", "--dir", dir_shown, "--keep", "3"]).ok();
    assert!(message.contains("Removed: ") && message.contains("20200101T000000Z"), "{message}");
    assert_eq!(message.matches("Removed: ").count(), 1, "{message}");
    for name in kept.iter().copied().chain([
        "kanban-20190101T000000Z.db",
        "kanban-20210101T000000Z.db",
        &first,
        &of_other,
    ]) {
        assert!(names(&dir).iter().any(|other| other == name), "{name}: {:?}", names(&dir));
    }
    let last = backup(&other, "1");
    assert!(!dir.join(&of_other).exists() && dir.join(&last).exists() && dir.join(&first).exists());
    board.say(["restore", dir.join(first).to_str().unwrap(), "--yes"]).ok();
}

#[test]
fn a_board_that_was_restored_from_another_ones_backup_keeps_its_own_backups_apart() {
    let (board, copy) = (Board::quiet(), Board::quiet());
    board.create("t", &[]);
    let dir = board.path("backups");
    let words = ["backup", "--dir", dir.to_str().unwrap(), "--keep", "1"];
    board.say(words).ok();
    let first = dir.join(&names(&dir)[0]);
    copy.say(["restore", first.to_str().unwrap(), "--yes"]).ok();
    copy.say(words).ok();
    assert!(first.exists(), "{:?}", names(&dir));
}

#[test]
fn reload_says_what_has_changed_and_refuses_what_is_wrong_with_every_problem() {
    let board = Board::quiet();
    let file = board.home().join("kanband.toml");
    assert_eq!(board.say(["reload"]).ok(), "No changes\n");
    std::fs::write(
        &file,
        "[dispatch]\nenabled = false\nmax_running = 3\n[disk]\nreserve_bytes = 0\n",
    )
    .unwrap();
    assert_eq!(
        board.say(["reload"]).ok(),
        "disk.reserve_bytes: 16777216 → 0 (after a restart of the daemon)\n\
         dispatch.max_running: 8 → 3\n"
    );
    std::fs::write(&file, "[dispatch]\nmax_runing = 3\n[log]\nlevel = \"loud\"\n").unwrap();
    let message = board.say(["reload"]).failed(1);
    assert!(message.contains("max_runing") && message.contains("log.level"), "{message}");
    assert!(message.contains("hint: the old configuration stays in effect"), "{message}");
}

#[test]
fn the_log_level_is_shown_and_changed() {
    let board = Board::quiet();
    assert_eq!(board.say(["log-level"]).ok(), "info\n");
    assert_eq!(board.say(["log-level", "debug"]).ok(), "info → debug\n");
    assert_eq!(board.say(["log-level", "--json"]).json(), json!({ "level": "debug" }));
    assert_eq!(board.say(["reload"]).ok(), "No changes\n");
    assert_eq!(board.say(["log-level"]).ok(), "info\n");
}

#[test]
fn a_doctor_whom_no_daemon_answers_says_what_is_in_the_way_and_exits_with_4() {
    let location = Location::new();
    std::fs::create_dir(location.home()).unwrap();
    let none = location.say(["doctor"]);
    assert_eq!(none.code, 4, "{none:?}");
    assert!(
        none.out.contains("there is no socket")
            && none.out.contains("fix: `kanban init` creates one"),
        "{none:?}"
    );
    assert!(none.out.contains("KANBAN_HOME"), "{none:?}");
    drop(std::os::unix::net::UnixListener::bind(location.home().join("kanband.sock")).unwrap());
    let stale = location.say(["doctor", "--json"]);
    assert_eq!(stale.code, 4, "{stale:?}");
    let shown: serde_json::Value = serde_json::from_str(&stale.out).unwrap();
    assert_eq!(shown["health"], "fail");
    assert!(
        shown["checks"][0]["message"].as_str().unwrap().starts_with("no daemon answers"),
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
    let message = board.say(["doctor"]);
    assert_eq!(message.code, 1, "{message:?}");
    assert!(
        message.out.contains(&format!("fix: `chmod o-rw {}`", socket.display())),
        "{message:?}"
    );
    assert!(
        message.out.contains(&format!("fix: `chmod a+rw {}`", workers.display())),
        "{message:?}"
    );
    set(&socket, 0o660);
    set(&workers, 0o666);
    assert_eq!(board.say(["doctor"]).code, 0);
}
