//! What went wrong with the predecessor's commands, played again here. `docs/predecessor.md` has the whole list.

use std::process::Stdio;

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Board, Said, until};

/// A file of the predecessor with one archived scratch task whose workspace is `path`.
fn file_with_workspace(board: &Board, path: &std::path::Path) -> std::path::PathBuf {
    let file = board.path("old.db");
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, status TEXT NOT NULL,
               created_at INTEGER NOT NULL, workspace_kind TEXT NOT NULL, workspace_path TEXT);
             CREATE TABLE task_links (parent_id TEXT NOT NULL, child_id TEXT NOT NULL);
             CREATE TABLE task_comments (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL,
               author TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL);
             CREATE TABLE task_events (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL,
               kind TEXT NOT NULL, payload TEXT, created_at INTEGER NOT NULL);",
        )
        .unwrap();
    let row = "INSERT INTO tasks VALUES ('t_0bad0bad', 'greedy', 'archived', 1, 'scratch', ?1)";
    connection.execute(row, [path.to_str().unwrap()]).unwrap();
    file
}

#[test]
fn gc_takes_no_workspace_but_that_of_the_task_itself() {
    let board = Board::quiet();
    let neighbour = board.create("neighbour", &[]);
    board.say(["claim", &neighbour]).ok();
    let workspaces = board.home().join("workspaces");
    let work = workspaces.join(&neighbour).join("work");
    std::fs::write(&work, "precious").unwrap();
    // The whole place of workspaces as the workspace of an archived task; and a link to somewhere else in its own place.
    let file = file_with_workspace(&board, &workspaces);
    let imported = board.say(["import", "hermes", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(imported["imported"], 1, "{imported}");
    let outside = board.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "precious").unwrap();
    std::os::unix::fs::symlink(&outside, workspaces.join("t_0bad0bad")).unwrap();
    until("gc to remove the task", || {
        let gone = board.say(["gc", "--older-than-days", "0", "--json"]).json();
        (gone["tasks"] == 1).then_some(())
    });
    board.say(["show", "t_0bad0bad"]).failed(1);
    assert_eq!(std::fs::read_to_string(&work).unwrap(), "precious");
    assert_eq!(std::fs::read_to_string(outside.join("file")).unwrap(), "precious");
    assert_eq!(board.status(&neighbour), "running");
    let message = board.say(["create", "t", "--workspace", "scratch:/"]).failed(1);
    assert!(message.contains("takes no path"), "{message}");
}

#[test]
fn no_id_leads_to_a_log_of_somebody_else() {
    let board = Board::quiet();
    std::fs::create_dir_all(board.home().join("logs")).unwrap();
    std::fs::write(board.home().join("gateway.log"), "secret").unwrap();
    std::fs::write(board.path("gateway.log"), "secret").unwrap();
    for id in ["../gateway", "../../gateway", "..", "t_1/../..", "%2e%2e%2fgateway", ""] {
        let message = board.say(["log", id]).failed(1);
        assert!(message.contains("no such task") && !message.contains("secret"), "{message}");
        let said = board.say(["slash", &format!("/kanban log '{id}'")]);
        assert!(said.code == 1 && said.out.contains("no such task"), "{said:?}");
    }
}

#[test]
fn messages_at_the_same_time_get_each_its_own_answer() {
    let board = Board::quiet();
    let calls: Vec<_> = (0..8)
        .map(|n| {
            let words = match n % 2 {
                0 => format!("/kanban create 'message {n}' --json"),
                _ => format!("/kanban list --status nonsense{n}"),
            };
            let mut command = board.command(["slash", &words]);
            (n, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        })
        .collect();
    for (n, child) in calls {
        let said = Said::of_child(child);
        assert_eq!(said.err, "");
        if n % 2 == 0 {
            let made: serde_json::Value = serde_json::from_str(&said.out).unwrap();
            assert_eq!(made["title"], json!(format!("message {n}")));
        } else {
            assert!(said.out.contains(&format!("nonsense{n}")), "{said:?}");
        }
    }
}

#[test]
fn a_tail_of_one_line_is_that_line() {
    let board = Board::with_workers(&[(
        "dev",
        "echo first; echo 0123456789; kanban complete $KANBAN_TASK --summary s > /dev/null",
    )]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--closed"]).ok();
    assert_eq!(board.say(["log", &id, "--tail", "11"]).ok(), "0123456789\n");
    assert_eq!(board.say(["log", &id, "--tail", "17"]).ok(), "first\n0123456789\n");
}

#[test]
fn a_refused_verb_is_an_exit_code_for_scripts() {
    let board = Board::quiet();
    let done = board.create("t", &[]);
    board.say(["complete", &done]).ok();
    for arguments in [
        &["complete", &done][..],
        &["block", &done, "late"],
        &["unblock", &done],
        &["show", "t_dead"],
        &["claim", &done],
        &["link", &done, &done],
        &["create", "t", "--workspace", "attic"],
    ] {
        let message = board.say(arguments).failed(1);
        assert!(!message.contains("panicked"), "{message}");
    }
}
