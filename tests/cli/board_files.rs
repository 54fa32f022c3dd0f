//! `backup` and `restore`: the whole board as a file.

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Board, Location, until};
use crate::talk::{Talk, at_terminal};

fn titles(board: &Board) -> Vec<String> {
    let mut titles: Vec<String> = board
        .everything()
        .iter()
        .map(|shown| shown["task"]["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    titles
}

fn incarnation(board: &Board) -> Value {
    let file = Connection::open(board.home().join("kanban.db")).unwrap();
    let word: String =
        file.query_row("SELECT incarnation FROM install", [], |row| row.get(0)).unwrap();
    word.into()
}

fn backup(board: &Board, name: &str) -> String {
    let file = board.path(name).to_str().unwrap().to_owned();
    let message = board.say(["backup", &file]).ok();
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert_eq!(message, format!("Backup written: {file} ({bytes} bytes)\n"));
    file
}

#[test]
fn a_backup_taken_under_load_restores_elsewhere_as_of_one_instant() {
    let board = Board::quiet();
    let text: String = (0..20_000).map(|n| format!("{{\"title\":\"{n:05}\"}}\n")).collect();
    let lines = board.path("lines.jsonl");
    std::fs::write(&lines, text).unwrap();
    let load = Talk::start(&board, &["create", "--from-jsonl", lines.to_str().unwrap()]);
    load.line();
    let file = backup(&board, "board.db");
    let later = board.say(["list", "--limit", "1", "--sort", "-created", "--json"]).json();
    drop(load);
    let other = Board::with_workers(&[("dev", "true")]);
    other.create("will be replaced", &[]);
    let before = incarnation(&other);
    let message = other.say(["restore", &file, "--yes"]).ok();
    let kept = other.home().join("kanban.db.before-restore");
    assert_eq!(message, format!("Restored {file}\nPrevious database: {}\n", kept.display()));
    assert!(kept.exists());
    let restored = other.say(["list", "--sort", "created", "--json"]).json();
    let restored: Vec<&str> =
        restored.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect();
    let mut sorted = restored.clone();
    sorted.sort_unstable();
    let expected: Vec<String> = (0..sorted.len()).map(|n| format!("{n:05}")).collect();
    assert_eq!(sorted, expected, "whatever was there was there without a gap");
    let last: usize = later[0]["title"].as_str().unwrap().parse().unwrap();
    assert!(!sorted.is_empty() && sorted.len() <= last + 2000, "{} of {last}", sorted.len());
    assert_ne!(incarnation(&other), before);
    assert_ne!(incarnation(&other), incarnation(&board));
    assert_ne!(other.say(["doctor", "--json"]).json()["health"], "fail");
    other.create("and it goes on", &[]);
    until("the index", || other.say(["search", "00000"]).out.contains("[00000]").then_some(()));
}

#[test]
fn a_backup_never_overwrites_and_can_go_through_a_pipe() {
    let board = Board::quiet();
    board.create("t", &[]);
    let file = backup(&board, "board.db");
    let before = std::fs::read(&file).unwrap();
    board.create("u", &[]);
    let message = board.say(["backup", &file]).failed(1);
    assert!(message.contains("already exists") && message.contains("--force"), "{message}");
    assert_eq!(std::fs::read(&file).unwrap(), before);
    board.say(["backup", &file, "--force"]).ok();
    let piped = board.command(["backup", "-"]).output().unwrap();
    assert!(piped.status.success() && piped.stdout.starts_with(b"SQLite format 3\0"));
    let copy = board.path("piped.db");
    std::fs::write(&copy, piped.stdout).unwrap();
    let count =
        Connection::open(&copy)
            .unwrap()
            .query_row("SELECT count(*) FROM tasks", [], |row| row.get::<_, i64>(0));
    assert_eq!(count.unwrap(), 2);
    let (code, shown) = at_terminal(&board, &[], &["backup", "-"], "");
    assert!(code == 2 && shown.contains("refusing to write a database to a terminal"), "{shown}");
}

/// What is no backup, each with its refusal.
fn no_backups(board: &Board, good: &str) -> Vec<(String, &'static str)> {
    let bytes = std::fs::read(good).unwrap();
    let mut torn = bytes.clone();
    torn[4096..4096 * 8].fill(0x5a);
    let newer = board.path("newer.db").to_str().unwrap().to_owned();
    std::fs::write(&newer, &bytes).unwrap();
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let mut files = vec![(newer, "the backup has schema version 999")];
    for (name, bytes, phrase) in [
        ("torn.db", torn, "the backup is damaged"),
        ("half.db", bytes[..bytes.len() / 2].to_vec(), "the backup is damaged"),
        ("empty.db", Vec::new(), "the backup is not a database of kanband: it is empty"),
        (
            "text.db",
            b"these are words and no board, and they go on for a while".to_vec(),
            "the backup is damaged",
        ),
    ] {
        let file = board.path(name).to_str().unwrap().to_owned();
        std::fs::write(&file, bytes).unwrap();
        files.push((file, phrase));
    }
    files
}

#[test]
fn what_is_no_backup_is_refused_and_the_live_board_goes_on() {
    let board = Board::quiet();
    board.create("precious", &[]);
    let good = backup(&board, "good.db");
    let before = (board.everything(), incarnation(&board));
    for (file, phrase) in no_backups(&board, &good) {
        let message = board.say(["restore", &file, "--yes"]).failed(1);
        assert!(
            message.contains(phrase) && message.contains("live database is unchanged"),
            "{file}: {message}"
        );
        assert_eq!((board.everything(), incarnation(&board)), before, "{file}");
    }
    let left = std::fs::read_dir(board.home()).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".restore")), "{left:?}");
    board.create("it still writes", &[]);
}

#[test]
fn open_runs_are_never_restored_away() {
    let script = "touch begun; while [ ! -e go ]; do sleep 0.02; done; kanban complete $KANBAN_TASK --summary s";
    let mut board = Board::with_workers(&[("dev", script)]);
    let file = backup(&board, "board.db");
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let workspace = board.home().join("workspaces").join(&id);
    until("the worker", || workspace.join("begun").exists().then_some(()));
    let message = board.say(["restore", &file, "--yes"]).failed(1);
    assert!(message.contains("1 run(s) are open") && message.contains("kanban drain"), "{message}");
    board.kill();
    let message = board.say(["restore", &file, "--yes"]).failed(1);
    assert!(message.contains("is open; a restore would lose it"), "{message}");
    board.start();
    std::fs::write(workspace.join("go"), "").unwrap();
    board.say(["drain"]).ok();
    assert_eq!(board.status(&id), "done");
    board.say(["restore", &file, "--yes"]).ok();
    assert_eq!(titles(&board), [] as [&str; 0]);
}

#[test]
fn without_a_daemon_even_a_destroyed_board_is_restored() {
    let mut board = Board::quiet();
    board.create("kept", &[]);
    let file = backup(&board, "board.db");
    board.create("lost", &[]);
    let before = incarnation(&board);
    board.kill();
    let database = board.home().join("kanban.db");
    for suffix in ["-wal", "-shm"] {
        let _is_there = std::fs::remove_file(board.home().join(format!("kanban.db{suffix}")));
    }
    std::fs::write(&database, "no longer a database").unwrap();
    for (bad, phrase) in no_backups(&board, &file) {
        let message = board.say(["restore", &bad, "--yes"]).failed(1);
        assert!(
            message.contains(phrase) && message.contains("the database is unchanged"),
            "{message}"
        );
        assert!(std::fs::read(&database).unwrap().starts_with(b"no longer a database"), "{bad}");
    }
    let message = board.say(["restore", &file, "--yes"]).ok();
    assert!(message.contains("The daemon is not running"), "{message}");
    board.start();
    assert_eq!(titles(&board), ["kept"]);
    assert_ne!(incarnation(&board), before);
    board.kill();
    std::fs::remove_file(&database).unwrap();
    board.say(["restore", &file, "--yes"]).ok();
    board.start();
    assert_eq!(titles(&board), ["kept"]);
}

#[test]
fn a_home_that_was_never_used_can_begin_with_a_backup() {
    let board = Board::quiet();
    board.create("moved", &[]);
    let file = backup(&board, "board.db");
    let location = Location::new();
    let json = location.say(["restore", &file, "--yes", "--json"]).json();
    assert_eq!(json["daemon_running"], false);
    assert!(json["kept"].is_null() && location.home().join("install_id").exists());
    let daemon = Talk::start(&location, &["daemon", "--force"]);
    until("the daemon", || (location.say(["stats"]).code == 0).then_some(()));
    assert!(location.say(["list"]).ok().contains("moved"));
    // In order, so that it removes its control groups.
    daemon.interrupt();
    assert_eq!(daemon.end().code, 0);
}

#[test]
fn at_a_terminal_a_restore_asks_first() {
    let board = Board::quiet();
    let file = backup(&board, "board.db");
    board.create("t", &[]);
    let (code, shown) = at_terminal(&board, &[], &["restore", &file], "n\n");
    assert!(code == 1 && shown.contains("[y/N]") && shown.contains("not confirmed"), "{shown}");
    assert_eq!(titles(&board), ["t"]);
    let (code, shown) = at_terminal(&board, &[], &["restore", &file], "yes\n");
    assert!(code == 0 && shown.contains("Restored "), "{shown}");
    assert_eq!(titles(&board), [] as [&str; 0]);
}
