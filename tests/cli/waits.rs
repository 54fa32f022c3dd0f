//! `wait`.

use std::process::{Child, Stdio};

use serde_json::Value;

use crate::harness::{Board, Said, until};

/// A wait in the background that has read its tasks: whatever happens from now on reaches it as an event.
fn waiting(board: &Board, arguments: &[&str]) -> Child {
    let before = board.figure("database_reads");
    let mut command = board.command(["wait"].iter().chain(arguments));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The newest event's id, the events after it, the tasks.
    let ids = arguments.iter().filter(|argument| argument.starts_with("t_")).count();
    let reads = u64::try_from(ids).unwrap() + 2;
    until("the wait to have read its tasks", || {
        (board.figure("database_reads") >= before + reads).then_some(())
    });
    child
}

/// Sockets that a process has open: one for its stream, another while it asks for something.
fn sockets(child: &Child) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().flatten();
    let target = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
    open.filter_map(target).filter(|path| path.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn what_is_there_already_is_not_waited_for() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    board.say(["complete", &a]).ok();
    board.say(["block", &b]).ok();
    assert_eq!(board.say(["wait", &a, &b, &a]).ok(), format!("{a} done\n{b} blocked\n"));
    let json = board.say(["wait", &a, "--json"]).json();
    assert_eq!(json, Value::from(vec![board.task(&a)]));
}

#[test]
fn a_wait_ends_when_the_last_task_is_there() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    let child = waiting(&board, &[&a, &b]);
    board.say(["complete", &a]).ok();
    board.say(["claim", &b]).ok();
    board.say(["comment", &b, "an event that moves nothing"]).ok();
    board.say(["block", &b]).ok();
    assert_eq!(Said::of_child(child).ok(), format!("{a} done\n{b} blocked\n"));
}

#[test]
fn the_status_to_wait_for_can_be_named() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let child = waiting(&board, &[&id, "--status", "running"]);
    board.say(["claim", &id]).ok();
    assert_eq!(Said::of_child(child).ok(), format!("{id} running\n"));
}

#[test]
fn a_time_out_names_what_is_not_there() {
    let board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    board.say(["complete", &a]).ok();
    let message = board.say(["wait", &a, &b, "--timeout", "10ms"]).failed(3);
    assert_eq!(message, format!("error: timed out after 10ms: {b} is ready\n"));
    let said = board.say(["wait", &b, "--timeout", "0", "--json"]);
    assert_eq!(said.code, 3);
    let object: Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
    assert_eq!(object["error"]["code"], "timeout");
}

#[test]
fn an_unknown_task_is_refused_at_once() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let message = board.say(["wait", &id, "t_dead"]).failed(1);
    assert!(message.contains("no such task: t_dead"), "{message}");
}

#[test]
fn with_closed_a_wait_outlasts_the_verdict_until_the_processes_are_gone() {
    let script = "kanban complete $KANBAN_TASK --summary s; while [ ! -e go ]; do sleep 0.02; done";
    let board = Board::with_workers(&[("dev", script)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    assert_eq!(board.say(["wait", &id]).ok(), format!("{id} done\n"), "the verdict is enough");
    let early = board.say(["wait", &id, "--closed", "--timeout", "0"]).failed(3);
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    assert!(early.contains(&format!("{id} is done and its run {run} is finishing")), "{early}");
    let child = waiting(&board, &[&id, "--closed"]);
    std::fs::write(board.home().join("workspaces").join(&id).join("go"), "").unwrap();
    assert_eq!(Said::of_child(child).ok(), format!("{id} done\n"));
    assert!(board.runs(&id)[0]["closed_at"].is_i64());
}

#[test]
fn a_wait_survives_the_restart_of_the_daemon() {
    let mut board = Board::quiet();
    let (a, b) = (board.create("a", &[]), board.create("b", &[]));
    let child = waiting(&board, &[&a, &b]);
    let before = board.figure("database_reads");
    board.say(["complete", &a]).ok();
    until("the wait to have asked again", || {
        (board.figure("database_reads") > before).then_some(())
    });
    until("the answer to have come", || (sockets(&child) == 1).then_some(()));
    // Nobody gets through to a daemon that is just being killed.
    std::fs::remove_file(board.home().join("kanband.sock")).unwrap();
    board.kill();
    board.start();
    board.say(["complete", &b]).ok();
    assert_eq!(Said::of_child(child).ok(), format!("{a} done\n{b} done\n"));
}

#[test]
fn a_wait_without_a_daemon_that_comes_back_says_so() {
    let mut board = Board::quiet();
    let id = board.create("t", &[]);
    let child = waiting(&board, &[&id]);
    board.kill();
    Said::of_child(child).failed(4);
}
