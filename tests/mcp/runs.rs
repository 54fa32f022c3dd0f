//! A task worked through the tools, from look to verdict.

use serde_json::json;

use crate::client::Mcp;
use crate::harness::{Board, until};

/// Workers whose run lasts until the task is over.
fn board() -> Board {
    Board::with_workers(&[("dev", "exec sleep 600")])
}

fn running(board: &Board, title: &str) -> String {
    let id = board.create(title, &["--assignee", "dev"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    id
}

#[test]
fn a_task_goes_from_show_to_complete() {
    let board = board();
    let id = running(&board, "Write the page");
    let mut mcp = Mcp::in_run_of(&board, &id);
    let shown = mcp.ok("kanban_show", json!({}));
    assert_eq!(shown["task"]["title"], "Write the page");
    assert_eq!(shown["task"]["status"], "running");
    assert!(shown["worker_context"].as_str().unwrap().contains("Write the page"));
    assert_eq!(
        mcp.ok("kanban_heartbeat", json!({"note": "half"})),
        json!({"ok": true, "task_id": id})
    );
    let noted = mcp.ok("kanban_comment", json!({"task_id": id, "body": "**found** it"}));
    assert!(noted["comment_id"].is_i64());
    let made = mcp.ok(
        "kanban_create",
        json!({"title": "Review the page", "assignee": "qa", "parents": id, "priority": 2}),
    );
    assert_eq!((&made["status"], &made["created"]), (&json!("todo"), &json!(true)));
    let child = made["task_id"].as_str().unwrap().to_owned();
    let other = mcp.ok("kanban_create", json!({"title": "Ship it", "assignee": "qa"}));
    let link = json!({"parent_id": child, "child_id": other["task_id"]});
    assert_eq!(mcp.ok("kanban_link", link.clone())["ok"], true);
    assert_eq!(mcp.ok("kanban_link", link)["ok"], true, "said twice is no fault");
    let metadata = json!({"changed_files": ["page.html"]});
    let done =
        mcp.ok("kanban_complete", json!({"summary": "The page is written.", "metadata": metadata}));
    assert_eq!((&done["ok"], &done["task_id"]), (&json!(true), &json!(id)));
    assert!(done["run_id"].is_i64());

    assert_eq!(board.status(&id), "done");
    assert_eq!(board.status(&child), "ready", "the child was released");
    let run = board.runs(&id).pop().unwrap();
    assert_eq!(
        (&run["outcome"], &run["summary"]),
        (&json!("completed"), &json!("The page is written."))
    );
    assert_eq!(run["metadata"], metadata);
    let comments = board.say(["show", &id, "--json"]).json()["comments"].clone();
    assert_eq!(
        (&comments[0]["author"], &comments[0]["body"]),
        (&json!("dev"), &json!("**found** it"))
    );
    let created = board.task(&child);
    // A worker's task has at most the priority of the worker's own.
    assert_eq!((&created["created_by"], &created["priority"]), (&json!("dev"), &json!(0)));
}

#[test]
fn a_worker_that_needs_a_person_blocks_and_the_answer_reaches_the_next_attempt() {
    let board = board();
    let id = running(&board, "t");
    let mut mcp = Mcp::in_run_of(&board, &id);
    mcp.ok("kanban_block", json!({"reason": "Which identity provider?"}));
    assert_eq!(board.status(&id), "blocked");
    board.say(["comment", &id, "The", "internal", "one"]).ok();
    board.say(["unblock", &id]).ok();
    until("the first run to be over", || {
        (!board.runs(&id)[0]["closed_at"].is_null()).then_some(())
    });
    board.dispatch();
    until("the next run", || (board.status(&id) == "running").then_some(()));
    let mut next = Mcp::in_run_of(&board, &id);
    let context = next.ok("kanban_show", json!({}))["worker_context"].as_str().unwrap().to_owned();
    assert!(
        context.contains("Which identity provider?") && context.contains("The internal one"),
        "{context}"
    );
}

#[test]
fn what_a_run_that_is_over_says_is_refused_and_changes_nothing() {
    let board = board();
    let id = running(&board, "t");
    let mut mcp = Mcp::in_run_of(&board, &id);
    mcp.ok("kanban_complete", json!({"summary": "done"}));
    // The token lives as long as its run is open: a verdict does not close it.
    let again = mcp.call("kanban_complete", json!({"summary": "done"}));
    assert!(!again.0 || again.1["code"] == "run_over", "{again:?}");
    let before = board.task(&id);
    for (tool, arguments) in [
        ("kanban_block", json!({"reason": "late"})),
        ("kanban_heartbeat", json!({"note": "late"})),
        ("kanban_create", json!({"title": "late", "assignee": "dev"})),
    ] {
        let said = mcp.refused(tool, arguments);
        assert!(said["hint"].is_string(), "{tool}: {said}");
    }
    assert_eq!(board.task(&id), before);
}
