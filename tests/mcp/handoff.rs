//! What is handed over beside words: files that a worker made, tasks that it created, files for others.

use serde_json::json;

use support::config::config;

use crate::client::Mcp;
use crate::harness::{Board, until};

const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn running(board: &Board) -> String {
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    id
}

fn write(board: &Board, name: &str) -> String {
    let path = board.path(name);
    std::fs::write(&path, "abc").unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn files_that_a_worker_made_are_recorded_with_its_run_and_a_missing_one_keeps_the_run_going() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let child = board.create("child", &["--parent", &id]);
    let path = write(&board, "report.txt");
    let mut mcp = Mcp::in_run_of(&board, &id);
    let before = board.everything();
    for wrong in [json!([path, "missing.txt"]), json!("missing.txt"), json!(["."]), json!([""])] {
        let said = mcp.refused("kanban_complete", json!({"summary": "s", "artifacts": wrong}));
        assert_eq!(said["code"], "invalid_value", "{said}");
    }
    assert_eq!(board.everything(), before);
    // One counts as a list of one; a relative path counts from the directory of the server.
    mcp.ok("kanban_complete", json!({"summary": "s", "artifacts": "report.txt"}));
    let run = board.runs(&id).pop().unwrap();
    let artifact = json!({"path": path, "size_bytes": 3, "sha256": SHA256_OF_ABC});
    assert_eq!((&run["artifacts"], &run["metadata"]), (&json!([artifact]), &json!(null)));
    let shown = mcp.ok("kanban_show", json!({}));
    assert_eq!(shown["runs"][0]["artifacts"], json!([artifact]));
    let shown = mcp.ok("kanban_show", json!({"task_id": child}));
    let context = shown["worker_context"].as_str().unwrap();
    assert!(context.contains(&path) && context.contains(SHA256_OF_ABC), "{context}");
}

#[test]
fn tasks_that_a_worker_says_it_created_are_checked_before_its_verdict_counts() {
    let board = Board::with_workers(&[("dev", "exec sleep 600")]);
    let id = running(&board);
    let foreign = board.create("another's", &[]);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let made = mcp.ok("kanban_create", json!({"title": "made", "assignee": "qa", "triage": true}));
    let made = made["task_id"].as_str().unwrap();
    let cards = json!([made, "t_dead", foreign]);
    let said = mcp.refused("kanban_complete", json!({"summary": "s", "created_cards": cards}));
    assert_eq!(said["code"], "unknown_cards");
    let message = said["error"].as_str().unwrap();
    assert!(message.contains("t_dead (no such task)") && message.contains(&foreign), "{message}");
    assert!(!message.contains(made) && said["hint"].is_string(), "{said}");
    assert_eq!(board.status(&id), "running");
    assert_eq!(board.kinds(&id).pop().unwrap(), "completion_blocked_hallucination");
    mcp.ok("kanban_complete", json!({"summary": "s", "created_cards": made}));
    assert_eq!(board.runs(&id).pop().unwrap()["created_cards"], json!([made]));
}

#[test]
fn an_orchestrator_attaches_a_file_that_its_own_process_reads() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    let path = write(&board, "spec.txt");
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[]);
    let reply = mcp.ok("kanban_attach", json!({"task_id": id, "path": path}));
    assert_eq!(
        reply,
        json!({"ok": true, "task_id": id, "filename": "spec.txt", "size_bytes": 3, "sha256": SHA256_OF_ABC})
    );
    mcp.ok("kanban_attach", json!({"task_id": id, "path": "spec.txt", "filename": "b.txt"}));
    let shown = mcp.ok("kanban_show", json!({"task_id": id}));
    assert_eq!(shown["attachments"].as_array().unwrap().len(), 2);
    assert_eq!(shown["attachments"][1]["sha256"], SHA256_OF_ABC);
    let before = board.everything();
    for (arguments, phrase) in [
        (json!({"path": path}), "task_id is required"),
        (json!({"task_id": id}), "path is required"),
        (json!({"task_id": id, "path": 7}), "path must be a string, not a number"),
        (json!({"task_id": id, "path": "missing"}), "cannot read"),
        (json!({"task_id": id, "path": "."}), "not a regular file"),
        (json!({"task_id": id, "path": "/dev/zero"}), "not a regular file"),
        (json!({"task_id": id, "path": path, "filename": "../x"}), "plain name of a file"),
        (json!({"task_id": id, "path": path, "filename": ["a"]}), "filename must be a string"),
        (json!({"task_id": "t_dead", "path": path}), "no such task"),
        (json!({"task_id": id, "path": path, "content": "x"}), "unknown argument `content`"),
    ] {
        let said = mcp.refused("kanban_attach", arguments);
        assert!(said["error"].as_str().unwrap().contains(phrase), "{phrase}: {said}");
    }
    assert_eq!(board.everything(), before);
}

#[test]
fn an_orchestrator_in_a_run_attaches_to_what_it_created_and_to_nothing_else() {
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = {}\nverdict = \"report\"\norchestrator = true\n",
        json!(["/bin/sh", "-c", "exec sleep 600"])
    ));
    let other = board.create("other", &[]);
    let id = running(&board);
    let path = write(&board, "spec.txt");
    let mut mcp = Mcp::in_run_of(&board, &id);
    let made = mcp.ok("kanban_create", json!({"title": "made", "assignee": "qa", "triage": true}));
    let made = made["task_id"].as_str().unwrap();
    mcp.ok("kanban_attach", json!({"task_id": made, "path": path}));
    let listed = board.say(["attachments", made, "--json"]).json();
    assert_eq!(listed[0]["uploaded_by"], "dev");
    let before = board.everything();
    let said = mcp.refused("kanban_attach", json!({"task_id": other, "path": path}));
    assert_eq!(said["code"], "not_yours", "{said}");
    assert_eq!(board.everything(), before);
}

#[test]
fn a_list_is_short_unless_it_is_asked_to_be_longer_and_says_how_to_go_on() {
    let board = Board::quiet();
    let lines: String = (0..60).map(|n| format!("{{\"title\": \"task {n}\"}}\n")).collect();
    std::fs::write(board.path("lines.jsonl"), lines).unwrap();
    board.say(["create", "--from-jsonl", "lines.jsonl"]).ok();
    let mut mcp = Mcp::start(&board, &["--orchestrator"], &[]);
    let first = mcp.ok("kanban_list", json!({}));
    assert_eq!((&first["count"], &first["truncated"]), (&json!(50), &json!(true)));
    let rest = mcp.ok("kanban_list", json!({"cursor": first["next_cursor"]}));
    assert_eq!((&rest["count"], &rest["truncated"]), (&json!(10), &json!(false)));
    assert!(rest["next_cursor"].is_null());
    assert_eq!(mcp.ok("kanban_list", json!({"limit": 200}))["count"], 60);
    for limit in [json!(0), json!(-1), json!(201), json!("many")] {
        let said = mcp.refused("kanban_list", json!({"limit": limit}));
        assert!(said["error"].as_str().unwrap().contains("limit must be"), "{said}");
    }
}

#[test]
fn a_task_beyond_the_reach_of_a_profile_says_that_a_person_has_to_promote_it() {
    let config = config(&[("dev", "report", "exec sleep 600"), ("deployer", "exit", "exit 0")])
        .with("dispatch.enabled", false)
        .with("profiles.dev.may_assign", Vec::<String>::new());
    let board = Board::with(&config);
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let reply =
        mcp.ok("kanban_create", json!({"title": "t", "assignee": "deployer", "priority": 5}));
    assert_eq!((&reply["status"], &reply["held"]), (&json!("triage"), &json!("may_assign")));
    let note = reply["note"].as_str().unwrap();
    for words in
        ["profiles.dev.may_assign", "priority 5 was lowered to 0", "A person has to promote it"]
    {
        assert!(note.contains(words), "{words}: {note}");
    }
    assert_eq!(board.status(reply["task_id"].as_str().unwrap()), "triage");
    let reply = mcp.ok("kanban_create", json!({"title": "t", "assignee": "dev"}));
    assert_eq!(
        (&reply["status"], reply.get("held"), reply.get("note")),
        (&json!("ready"), None, None)
    );
}
