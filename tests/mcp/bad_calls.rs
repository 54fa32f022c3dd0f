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

/// A call of a tool, and words that its refusal has to say.
type Wrong<'p> = (&'static str, Value, &'p str);

/// Makes each call of a worker whose run goes on; each has to be told in one line, and nothing may have changed.
fn all_are_told(board: &Board, id: &str, calls: Vec<Wrong<'_>>) {
    let mut mcp = Mcp::in_run_of(board, id);
    let before = board.everything();
    for (tool, arguments, phrase) in calls {
        let said = mcp.refused(tool, arguments);
        let message = said["error"].as_str().unwrap();
        assert!(message.contains(phrase) && !message.contains('\n'), "{tool}: {said}");
        assert!(said["code"].is_string(), "{said}");
    }
    assert_eq!(board.everything(), before);
}

#[test]
fn a_hint_names_a_tool_and_no_command() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    for unknown in ["t_ffffffff", " "] {
        let said = mcp.refused("kanban_show", json!({"task_id": unknown}));
        assert_eq!(said["hint"], "list task ids with kanban_list", "{said}");
    }
}

#[test]
fn each_wrong_verdict_is_told_and_changes_nothing() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let other = board.create("another's", &[]);
    let huge = "x".repeat(1024 * 1024 + 1);
    let calls: Vec<Wrong<'_>> = vec![
        ("kanban_complete", json!({"summary": "s", "metadata": [1]}), "metadata must be an object"),
        (
            "kanban_complete",
            json!({"summary": "s", "metadata": "{}"}),
            "metadata must be an object",
        ),
        ("kanban_complete", json!({"summary": "s", "metadata": 7}), "metadata must be an object"),
        ("kanban_complete", json!({"summary": " \n"}), "summary or result is required"),
        ("kanban_complete", json!({"summary": ["s"]}), "summary must be a string, not a list"),
        ("kanban_complete", json!({"summary": "s", "artifacts": 7}), "artifacts must be a list"),
        ("kanban_complete", json!({"summary": "s", "artifacts": [7]}), "artifacts must be a list"),
        (
            "kanban_complete",
            json!({"summary": "s", "artifacts": [{"path": "/etc/hostname"}]}),
            "artifacts must be a list of strings",
        ),
        ("kanban_complete", json!({"summary": "s", "artifacts": ["none"]}), "cannot read"),
        (
            "kanban_complete",
            json!({"summary": "s", "created_cards": {"t_1": true}}),
            "created_cards must be a list of strings",
        ),
        ("kanban_complete", json!({"task_id": other, "summary": "s"}), &other),
        ("kanban_block", json!({"reason": ""}), "reason is required"),
        ("kanban_block", json!({"reason": null}), "reason is required"),
        ("kanban_block", json!({}), "reason is required"),
        ("kanban_block", json!({"reason": huge}), "too large"),
        ("kanban_block", json!({"task_id": other, "reason": "r"}), &other),
    ];
    all_are_told(&board, &id, calls);
}

#[test]
fn each_other_wrong_call_is_told_and_changes_nothing() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let other = board.create("another's", &[]);
    let huge = "x".repeat(1024 * 1024 + 1);
    let calls: Vec<Wrong<'_>> = vec![
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
            json!({"title": "t", "assignee": "dev", "parents": 7}),
            "parents must be a list of strings, not a number",
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
    ];
    all_are_told(&board, &id, calls);
}

#[test]
fn arguments_larger_than_a_request_are_told_at_once_and_change_nothing() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let before = board.everything();
    let huge = "x".repeat(9 * 1024 * 1024);
    for (tool, arguments) in [
        ("kanban_complete", json!({"summary": huge})),
        ("kanban_complete", json!({"summary": "s", "metadata": {"log": huge}})),
        ("kanban_comment", json!({"task_id": id, "body": huge})),
        ("kanban_create", json!({"title": huge, "assignee": "dev"})),
        ("kanban_create", json!({"title": "t", "assignee": "dev", "skills": [huge]})),
    ] {
        let said = mcp.refused(tool, arguments);
        assert_eq!(said["code"], "too_large", "{tool}: {}", said["error"]);
    }
    // Longer than what a protocol library reads by itself: it would be passed over, and its sender wait without end.
    let longer = json!({"task_id": id, "body": huge.repeat(2)});
    assert_eq!(mcp.refused("kanban_comment", longer)["code"], "too_large");
    assert_eq!(board.everything(), before);
    assert_eq!(mcp.ok("kanban_heartbeat", json!({}))["ok"], true);
}

#[test]
fn what_is_not_the_protocol_is_answered_or_passed_over_and_the_server_goes_on() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let before = board.everything();
    for name in ["kanban_dance", "kanban_unblock", "", "KANBAN_SHOW"] {
        let answer = mcp.ask("tools/call", json!({"name": name, "arguments": {}}));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains("unknown tool"), "{answer}");
    }
    let answer = mcp.ask("tools/dance", json!({}));
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    let complete = json!({"name": "kanban_complete", "arguments": {"summary": "s"}});
    let cut_off = json!({"jsonrpc": "2.0", "id": 98, "method": "tools/call", "params": complete});
    let cut_off = cut_off.to_string();
    let no_object = json!({"name": "kanban_complete", "arguments": ["summary"]});
    for line in [
        "{",
        "[]",
        "null",
        "7",
        "words",
        "",
        "{\"jsonrpc\": \"2.0\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 97, \"method\": 7}",
        "{\"jsonrpc\": \"2.0\", \"id\": 96, \"method\": \"tools/call\"}",
        &json!({"jsonrpc": "2.0", "id": 95, "method": "tools/call", "params": no_object})
            .to_string(),
        &cut_off[..cut_off.len() - 3],
    ] {
        mcp.send(line);
    }
    // Whatever it says to those, nothing is done and the next question gets its answer.
    assert_eq!(mcp.ok("kanban_show", json!({}))["task"]["status"], "running");
    assert_eq!(board.everything(), before);
}

#[test]
fn a_string_where_a_list_is_wanted_is_a_list_of_one() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let wanted = json!({"title": "t", "assignee": "qa", "parents": id, "skills": "git"});
    let made = mcp.ok("kanban_create", wanted);
    let shown = board.say(["show", made["task_id"].as_str().unwrap(), "--json"]).json();
    assert_eq!((&shown["parents"], &shown["task"]["skills"]), (&json!([id]), &json!(["git"])));
}

#[test]
fn a_run_that_is_over_can_do_nothing_more() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    board.say(["stop", &id, "--hold"]).ok();
    let before = board.everything();
    for (tool, arguments) in [
        ("kanban_complete", json!({"summary": "late"})),
        ("kanban_block", json!({"reason": "late"})),
        ("kanban_heartbeat", json!({"note": "late"})),
        ("kanban_comment", json!({"task_id": id, "body": "late"})),
        ("kanban_create", json!({"title": "late", "assignee": "dev"})),
        ("kanban_link", json!({"parent_id": id, "child_id": id})),
    ] {
        let said = mcp.refused(tool, arguments);
        assert_eq!(said["code"], "run_over", "{tool}: {said}");
        assert!(said["hint"].as_str().unwrap().contains("stop working"), "{tool}: {said}");
    }
    assert_eq!(board.everything(), before);
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
    assert_eq!(shown["task"]["status"], "running");
    // In the middle of a line: what was not asked to its end is not done.
    let before = board.everything();
    let mut mcp = Mcp::in_run_of(&board, &id);
    mcp.send_raw(
        "{\"jsonrpc\": \"2.0\", \"id\": 99, \"method\": \"tools/call\", \"params\": {\"name\"",
    );
    assert!(mcp.end().is_some());
    assert_eq!(board.everything(), before);
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
