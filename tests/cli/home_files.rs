//! No command writes over a file of a home, whatever name leads to it and whatever flag is given.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::harness::Board;

/// The contents of every regular file below a directory. The database and its journals are looked at by what the board says.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let is_database = path.file_name().unwrap().to_str().unwrap().starts_with("kanban.");
            if kind.is_dir() {
                left.push(path);
            } else if kind.is_file() {
                let bytes = if is_database { vec![] } else { std::fs::read(&path).unwrap() };
                found.insert(path, bytes);
            }
        }
    }
    found
}

/// Every command that takes a path to write to, with `target` as that path.
fn writers(board: &Board, target: &str) -> Vec<Vec<String>> {
    let attached = board.create("t", &[]);
    let file = board.path("attached.txt");
    std::fs::write(&file, "attached").unwrap();
    board.say(["attach", &attached, file.to_str().unwrap()]).ok();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    vec![
        words(&["backup", target, "--force"]),
        words(&["backup", target]),
        words(&["export", target, "--force"]),
        words(&["attachments", "get", &attached, "attached.txt", "-o", target, "--force"]),
        words(&["daemon", "--force", "--pidfile", target]),
    ]
}

#[test]
fn no_command_writes_over_a_file_of_a_home_with_force_neither() {
    let board = Board::quiet();
    let id = board.create("kept", &[]);
    let elsewhere = board.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    symlink(board.home(), board.path("linked")).unwrap();
    symlink(board.home().join("kanban.db"), elsewhere.join("link.db")).unwrap();
    std::fs::hard_link(board.home().join("kanban.db"), elsewhere.join("hard.db")).unwrap();
    let home = |name: &str| board.home().join(name);
    let targets = [
        home("kanban.db"),
        home("kanban.db-wal"),
        home("kanban.db-journal"),
        home("lock"),
        home("install_id"),
        home("kanband.toml"),
        home("runs/7/spec"),
        home("workspaces/.marks/t_1"),
        board.path("linked/kanban.db-shm"),
        elsewhere.join("link.db"),
        elsewhere.join("hard.db"),
    ];
    for target in &targets {
        for command in writers(&board, target.to_str().unwrap()) {
            let before = contents(&board.home());
            let message = board.say(&command).failed(1);
            assert!(
                message.contains("kanband home") || message.contains("a kanband home uses"),
                "{message}"
            );
            assert!(!message.contains("--force"), "{message}");
            assert_eq!(contents(&board.home()), before, "{command:?}");
        }
    }
    assert_eq!(board.task(&id)["title"], "kept");
    assert!(board.say(["doctor"]).out.contains("ok    database"));
}

#[test]
fn another_home_is_safe_too_and_by_its_name_in_the_working_directory() {
    let (board, other) = (Board::quiet(), Board::quiet());
    let target = other.home().join("kanban.db");
    for command in writers(&board, target.to_str().unwrap()) {
        board.say(&command).failed(1);
    }
    let said = board.command(["backup", "kanban.db", "--force"]).current_dir(board.home()).output();
    assert_eq!(said.unwrap().status.code(), Some(1));
    for daemon in [&board, &other] {
        daemon.create("still written", &[]);
    }
}

#[test]
fn commands_that_write_into_directories_keep_out_of_homes() {
    let board = Board::quiet();
    let home = |name: &str| board.home().join(name).to_str().unwrap().to_owned();
    let pages = board.path("pages");
    std::fs::create_dir(&pages).unwrap();
    symlink(board.home().join("kanban.db"), pages.join("kanban.1")).unwrap();
    let before = contents(&board.home());
    for command in [
        vec!["backup", "--dir", &home("runs/x")],
        vec!["skills", "install", "--force", "--for", &home("logs")],
        vec!["man", pages.to_str().unwrap()],
    ] {
        let said = board.say(&command);
        assert!(said.code == 1 && said.err.contains("kanband home"), "{command:?}: {said:?}");
    }
    assert_eq!(contents(&board.home()), before);
    board.create("still written", &[]);
}

#[test]
fn what_is_kept_beside_the_board_by_another_name_is_written_as_anywhere() {
    let board = Board::quiet();
    let file = board.home().join("mine.db");
    for _again in 0..2 {
        board.say(["backup", "--force", file.to_str().unwrap()]).ok();
    }
    board.say(["backup", "--dir", board.home().join("backups").to_str().unwrap()]).ok();
    let workspace = board.home().join("workspaces/t_1");
    std::fs::create_dir(&workspace).unwrap();
    board.say(["export", workspace.join("lock").to_str().unwrap()]).ok();
}
