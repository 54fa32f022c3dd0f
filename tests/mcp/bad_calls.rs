//! Calls that are wrong: a tool error with code and hint, or an error of the protocol; nothing changed, and the server goes on.

use serde_json::{Value, json};

use crate::client::Mcp;
use crate::harness::{Board, until};

fn running(board: &Board) -> String {
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    id
}

#[test]
fn each_wrong_call_is_told_and_changes_nothing() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let other = board.create("another's", &[]);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let before = board.everything();
    let huge = "x".repeat(1024 * 1024 + 1);
    for (tool, arguments, phrase) in [
        ("kanban_complete", json!({"summary": "s", "metadata": [1]}), "metadata must be an object"),
        ("kanban_complete", json!({"summary": " \n"}), "summary or result is required"),
        ("kanban_complete", json!({"task_id": other, "summary": "s"}), &other),
        ("kanban_block", json!({"reason": ""}), "reason is required"),
        ("kanban_block", json!({"task_id": other, "reason": "r"}), &other),
        ("kanban_heartbeat", json!({"task_id": other}), &other),
        ("kanban_show", json!({"task_id": "t_ffffffff"}), "no such task"),
        ("kanban_show", json!({"task_id": "../../etc"}), "no such task"),
        ("kanban_show", json!({"colour": "red"}), "unknown argument `colour`"),
        ("kanban_comment", json!({"body": "b"}), "task_id is required"),
        ("kanban_comment", json!({"task_id": id, "body": "  "}), "comment body is required"),
        (
            "kanban_comment",
            json!({"task_id": id, "body": "b", "author": "root"}),
            "unknown argument `author`",
        ),
        ("kanban_create", json!({"title": " ", "assignee": "dev"}), "title is required"),
        (
            "kanban_create",
            json!({"title": "t", "assignee": "dev", "parents": [7]}),
            "parents must be a list of strings",
        ),
        (
            "kanban_create",
            json!({"title": "t", "assignee": "dev", "parents": "t_ffffffff"}),
            "unknown parent",
        ),
        ("kanban_create", json!({"title": "t", "assignee": "dev", "body": huge}), "too large"),
        (
            "kanban_create",
            json!({"title": "t", "assignee": "dev", "workspace_kind": "attic"}),
            "workspace_kind must be one of",
        ),
        (
            "kanban_create",
            json!({"title": "t", "assignee": "dev", "max_runtime_seconds": 0}),
            "max_runtime",
        ),
        ("kanban_link", json!({"parent_id": id, "child_id": id}), "depend on itself"),
    ] {
        let said = mcp.refused(tool, arguments);
        let message = said["error"].as_str().unwrap();
        assert!(message.contains(phrase) && !message.contains('\n'), "{tool}: {said}");
        assert!(said["code"].is_string(), "{said}");
    }
    assert_eq!(board.everything(), before);
}

#[test]
fn what_is_not_the_protocol_is_answered_or_passed_over_and_the_server_goes_on() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let answer = mcp.ask("tools/call", json!({"name": "kanban_dance", "arguments": {}}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = mcp.ask("tools/dance", json!({}));
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    for line in ["{", "[]", "null", "{\"jsonrpc\": \"2.0\"}", "words"] {
        mcp.send(line);
    }
    // Whatever it says to those, the next question gets its answer.
    assert_eq!(mcp.ok("kanban_heartbeat", json!({}))["ok"], true);
}

#[test]
fn a_client_that_hangs_up_leaves_no_server_behind_and_no_half_done_call() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    for _ in 0..10 {
        let mut mcp = Mcp::in_run_of(&board, &id);
        let call = json!({
            "jsonrpc": "2.0", "id": 99, "method": "tools/call",
            "params": {"name": "kanban_comment", "arguments": {"task_id": id, "body": "whole"}},
        });
        mcp.send(&call.to_string());
        assert!(mcp.end().is_some());
    }
    let shown: Value = board.say(["show", &id, "--json"]).json();
    for comment in shown["comments"].as_array().unwrap() {
        assert_eq!(comment["body"], "whole");
    }
}

#[test]
fn without_a_daemon_a_call_says_so() {
    let mut board = Board::quiet();
    board.kill();
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[]);
    let said = mcp.refused("kanban_list", json!({}));
    assert_eq!(said["code"], "unavailable");
    assert!(said["error"].as_str().unwrap().contains("no daemon answers"), "{said}");
}
