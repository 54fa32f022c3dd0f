//! Who is shown what.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::skip;

use crate::client::Mcp;
use crate::harness::{Board, until};

const EIGHT: [&str; 8] = [
    "kanban_show",
    "kanban_complete",
    "kanban_block",
    "kanban_ask",
    "kanban_heartbeat",
    "kanban_comment",
    "kanban_create",
    "kanban_link",
];

fn running(board: &Board) -> String {
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    id
}

#[test]
fn a_worker_sees_its_eight_tools_and_is_told_its_part() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    assert_eq!(mcp.tools(), EIGHT);
    let message = mcp.hello["instructions"].as_str().unwrap();
    assert_eq!(message, board.say(["guidance"]).ok());
    assert_eq!(mcp.hello["serverInfo"]["name"], "kanban");
    assert_eq!(mcp.end(), Some(0));
}

#[test]
fn a_review_sees_its_own_verdicts_and_is_told_what_ends_it() {
    let board = Board::with_workers(&[("dev", "exec sleep 600"), ("qa", "exec sleep 600")]);
    let id = board.create("t", &["--assignee", "dev", "--review", "qa"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    let mut mcp = Mcp::in_run_of(&board, &id);
    let refused = mcp.refused("kanban_approve", json!({}));
    assert!(refused["hint"].as_str().unwrap().contains("kanban_complete"), "{refused}");
    let reply = mcp.ok("kanban_complete", json!({"summary": "made"}));
    assert_eq!((&reply["status"], &reply["reviewer"]), (&json!("review"), &json!("qa")));
    until("the review", || {
        board.dispatch();
        (board.runs(&id).len() == 2 && board.runs(&id)[1]["state"] == "running").then_some(())
    });
    let mut mcp = Mcp::in_run_of(&board, &id);
    assert_eq!(
        mcp.tools(),
        [
            "kanban_show",
            "kanban_approve",
            "kanban_request_changes",
            "kanban_diff",
            "kanban_block",
            "kanban_ask",
            "kanban_heartbeat",
            "kanban_comment",
            "kanban_create",
            "kanban_link",
        ]
    );
    let message = mcp.hello["instructions"].as_str().unwrap();
    assert_eq!(message, board.say(["guidance", "--review"]).ok());
    let refused = mcp.refused("kanban_complete", json!({"summary": "made"}));
    let hint = refused["hint"].as_str().unwrap();
    assert!(
        hint.contains("kanban_approve") && hint.contains("kanban_request_changes"),
        "{refused}"
    );
    let reply = mcp.ok("kanban_request_changes", json!({"what": "test it"}));
    assert_eq!(reply["status"], "ready");
}

#[test]
fn an_orchestrator_sees_more_and_anybody_else_nothing() {
    let board = Board::quiet();
    let mut orchestrator = Mcp::start(&board, &["--orchestrator"], &[]);
    let tools = orchestrator.tools();
    assert_eq!(tools[..8], EIGHT);
    assert_eq!(
        tools[8..],
        ["kanban_list", "kanban_unblock", "kanban_answer", "kanban_schedule", "kanban_attach"]
    );
    let mut nobody = Mcp::start(&board, &[], &[]);
    assert!(nobody.tools().is_empty());
    assert!(nobody.hello["capabilities"]["tools"].is_object(), "no tools are no fault");
    assert!(nobody.hello["instructions"].is_null());
    let answer = nobody.ask("tools/call", json!({"name": "kanban_list", "arguments": {}}));
    assert!(answer["error"]["message"].as_str().unwrap().contains("unknown tool"), "{answer}");
}

#[test]
fn a_profile_can_make_its_workers_orchestrators() {
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = {}\nverdict = \"report\"\norchestrator = true\n",
        json!(["/bin/sh", "-c", "exec sleep 600"])
    ));
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    assert_eq!(mcp.tools().len(), 13);
    assert_eq!(mcp.ok("kanban_list", json!({"status": "running"}))["tasks"][0]["id"], id.as_str());
}

#[test]
fn the_name_of_a_task_shows_the_tools_and_grants_nothing() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let socket = format!("{}.worker", board.home().join("kanband.sock").display());
    let mut mcp = Mcp::start(&board, &["--socket", &socket], &[("KANBAN_TASK", &id)]);
    assert_eq!(mcp.tools(), EIGHT);
    let before = board.everything();
    for (tool, arguments) in [
        ("kanban_show", json!({})),
        ("kanban_complete", json!({"summary": "s"})),
        ("kanban_heartbeat", json!({})),
        ("kanban_comment", json!({"task_id": id, "body": "b"})),
    ] {
        let said = mcp.refused(tool, arguments);
        assert!(said["error"].is_string() && said["code"].is_string(), "{said}");
    }
    assert_eq!(board.everything(), before);
}

/// Every agent pays for the tools in every run.
const SCHEMA_BYTES_MAX: usize = 7_500;

#[test]
fn the_tools_of_a_worker_and_of_a_review_are_short() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    for role in ["work", "review"] {
        let socket = format!("{}.worker", board.home().join("kanband.sock").display());
        let named = [("KANBAN_TASK", id.as_str()), ("KANBAN_ROLE", role)];
        let mut mcp = Mcp::start(&board, &["--socket", &socket], &named);
        let list = mcp.ask("tools/list", json!({}))["result"]["tools"].to_string();
        assert_eq!(list.contains("kanban_diff"), role == "review");
        assert!(list.len() <= SCHEMA_BYTES_MAX, "{role}: {} bytes", list.len());
    }
}

fn git(path: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C"]).arg(path);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_review_reads_the_files_and_then_a_long_diff_in_parts() {
    if Command::new("git").arg("--version").output().is_err() {
        return skip("git is not installed (`make setup` installs it)");
    }
    let made = "seq 20000 > long; echo x > short; exec sleep 600";
    let board = Board::with_workers(&[("dev", made), ("qa", "exec sleep 600")]);
    let repository = board.path("repository");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "--quiet", "--initial-branch=main"]);
    git(&repository, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    let workspace = format!("worktree:{}", repository.display());
    let id = board.create("t", &["--assignee", "dev", "--review", "qa", "--workspace", &workspace]);
    board.dispatch();
    let written = board.home().join("workspaces").join(&id).join("short");
    until("the files", || written.exists().then_some(()));
    let mut mcp = Mcp::in_run_of(&board, &id);
    let refused = mcp.refused("kanban_diff", json!({}));
    assert_eq!(refused["code"], "forbidden");
    mcp.ok("kanban_complete", json!({"summary": "made"}));
    until("the review", || {
        board.dispatch();
        (board.runs(&id).len() == 2 && board.runs(&id)[1]["state"] == "running").then_some(())
    });
    let mut mcp = Mcp::in_run_of(&board, &id);
    let list = mcp.ok("kanban_diff", json!({}));
    assert_eq!(list["changes"]["base_branch"], "main", "{list}");
    let names: Vec<&Value> =
        list["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(names, ["long", "short"]);
    assert!(list["diff"].is_null());
    let (mut whole, mut cursor) = (String::new(), None);
    loop {
        let mut arguments = json!({"file": "long"});
        if let Some(cursor) = cursor {
            arguments["cursor"] = cursor;
        }
        let part = mcp.ok("kanban_diff", arguments);
        whole.push_str(
            part["diff"].as_str().or_else(|| part["diff"]["text"].as_str()).unwrap_or_default(),
        );
        cursor = Some(part["next_cursor"].clone());
        if part["next_cursor"].is_null() {
            break;
        }
    }
    let added: Vec<String> = (1..=20_000).map(|n| format!("+{n}\n")).collect();
    assert!(whole.ends_with(&added.concat()), "{} bytes", whole.len());
    let unknown = mcp.refused("kanban_diff", json!({"file": "absent"}));
    assert_eq!(unknown["code"], "not_found");
}
