//! `kanban_ask`: a worker asks a person and waits, through time-outs of its client and a daemon that dies.

use serde_json::{Value, json};

use crate::client::Mcp;
use crate::harness::{Board, quiet, until};

fn board(ask_wait: &str) -> Board {
    Board::with(&quiet().with("mcp.ask_wait", ask_wait).with_worker(
        "dev",
        "report",
        "exec sleep 600",
    ))
}

fn running(board: &Board) -> String {
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    id
}

fn questions(board: &Board, id: &str) -> Vec<Value> {
    let shown = board.say(["show", id, "--json"]).json();
    shown["questions"].as_array().unwrap().clone()
}

/// Calls the tool and returns before it answers; [`answer_to`] waits for that.
fn ask(mcp: &mut Mcp, id: i64, question: &str, meta: Value) {
    let params = json!({"name": "kanban_ask", "arguments": {"question": question}, "_meta": meta});
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    mcp.send(&call.to_string());
}

/// The answer to a call, and the notifications before it.
fn answer_to(mcp: &mut Mcp, id: i64) -> (Value, Vec<Value>) {
    let mut notified = Vec::new();
    loop {
        let line = mcp.line().unwrap();
        if line["id"] == id {
            let text = line["result"]["content"][0]["text"].as_str().unwrap();
            return (serde_json::from_str(text).unwrap(), notified);
        }
        notified.push(line);
    }
}

fn until_asked(board: &Board, id: &str) {
    board.say(["wait", id, "--asked", "--timeout", "60s"]).ok();
}

#[test]
fn a_question_is_pending_until_it_is_answered_and_is_asked_once() {
    let board = board("1s");
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let first = mcp.ok("kanban_ask", json!({"question": "Which key?", "choices": ["a", "b"]}));
    assert_eq!(first["status"], "pending");
    let token = first["token"].as_str().unwrap().to_owned();
    let other = mcp.refused("kanban_ask", json!({"question": "Which region?"}));
    assert!(other["error"].as_str().unwrap().contains(&token), "{other}");
    for _ in 2..10 {
        let again = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
        assert_eq!((&again["status"], &again["token"]), (&json!("pending"), &json!(token)));
        assert!(!again["note"].as_str().unwrap().contains("kanban_block"), "{again}");
    }
    let tenth = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
    let advice = format!("call kanban_block with question \"{token}\"");
    assert!(tenth["note"].as_str().unwrap().contains(&advice), "{tenth}");
    board.say(["answer", &id, "2"]).ok();
    let answered = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
    assert_eq!((&answered["status"], &answered["answer"]), (&json!("answered"), &json!("b")));
    assert_eq!(questions(&board, &id).len(), 1);
    assert_eq!(board.status(&id), "running");
}

#[test]
fn the_waiting_call_returns_with_the_answer_and_tells_of_its_progress() {
    let board = board("100s");
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    ask(&mut mcp, 77, "Which key?", json!({"progressToken": "p1"}));
    let notified = mcp.line().unwrap();
    assert_eq!(notified["method"], "notifications/progress", "{notified}");
    assert_eq!(notified["params"]["progressToken"], "p1");
    assert!(notified.get("id").is_none(), "{notified}");
    // Other tools are not kept waiting.
    mcp.ok("kanban_heartbeat", json!({"note": "waiting for a key"}));
    board.say(["answer", &id, "mine"]).ok();
    let (answer, _) = answer_to(&mut mcp, 77);
    assert_eq!((&answer["status"], &answer["answer"]), (&json!("answered"), &json!("mine")));
    assert_eq!(answer["source"], "person");
}

#[test]
fn a_call_that_waits_outlives_a_killed_daemon_and_nothing_is_asked_twice() {
    let mut board = board("100s");
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    ask(&mut mcp, 5, "Which key?", json!({}));
    until_asked(&board, &id);
    board.kill();
    board.start();
    board.say(["answer", &id, "mine"]).ok();
    let (answer, notified) = answer_to(&mut mcp, 5);
    assert_eq!((&answer["status"], &answer["answer"]), (&json!("answered"), &json!("mine")));
    assert!(notified.is_empty(), "nobody asked for progress: {notified:?}");
    let again = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
    assert_eq!(again["answer"], "mine");
    assert_eq!(questions(&board, &id).len(), 1);
    assert_eq!(board.kinds(&id).iter().filter(|kind| *kind == "asked").count(), 1);
}

#[test]
fn an_answer_that_is_given_while_the_daemon_restarts_reaches_the_call() {
    let mut board = board("100s");
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    ask(&mut mcp, 6, "Which key?", json!({}));
    until_asked(&board, &id);
    board.say(["answer", &id, "mine"]).ok();
    board.kill();
    board.start();
    assert_eq!(answer_to(&mut mcp, 6).0["answer"], "mine");
}

#[test]
fn a_pending_question_becomes_that_of_a_block_by_its_token() {
    let board = board("1s");
    let id = running(&board);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let token = mcp.ok("kanban_ask", json!({"question": "Which key?"}))["token"].clone();
    let blocked = mcp.ok("kanban_block", json!({"question": token}));
    assert_eq!((&blocked["status"], &blocked["question"]), (&json!("blocked"), &token));
    board.say(["wait", &id, "--closed"]).ok();
    board.say(["answer", &id, "the", "staging", "key"]).ok();
    board.dispatch();
    until("the next run", || (board.status(&id) == "running").then_some(()));
    let mut next = Mcp::in_run_of(&board, &id);
    let context = next.ok("kanban_show", json!({}))["worker_context"].as_str().unwrap().to_owned();
    let (question, answer) = (context.find("> Which key?"), context.find("> the staging key"));
    assert!(question.is_some() && question < answer, "{context}");
}

/// Makes the shim of a run one of an older release: those read no deadline, and name none.
fn forget_deadline(board: &Board, run: i64) {
    let file = board.home().join(format!("runs/{run}/identity"));
    let mut identity: Value = until("the identity of the worker", || {
        let identity: Value = serde_json::from_slice(&std::fs::read(&file).ok()?).ok()?;
        identity["deadline_ms"].is_u64().then_some(identity)
    });
    identity.as_object_mut().unwrap().remove("deadline_ms");
    std::fs::write(&file, identity.to_string()).unwrap();
}

#[test]
fn under_an_older_shim_the_last_pending_comes_before_the_time_limit_and_says_to_block() {
    let board = board("1s");
    let id = board.create("t", &["--assignee", "dev", "--max-runtime", "70s"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    forget_deadline(&board, run);
    let mut mcp = Mcp::in_run_of(&board, &id);
    let last = until("the last call", || {
        let reply = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
        assert_eq!(reply["status"], "pending", "{reply}");
        reply["note"].as_str().unwrap().contains("time limit").then_some(reply)
    });
    assert_eq!(board.status(&id), "running");
    let blocked = mcp.ok("kanban_block", json!({"question": last["token"]}));
    assert_eq!(blocked["status"], "blocked");
}

#[test]
fn an_adopted_run_under_an_older_shim_ends_by_its_claim_and_its_last_pending_comes_before() {
    let mut board = board("1s");
    let id = board.create("t", &["--assignee", "dev", "--max-runtime", "2h"]);
    board.dispatch();
    until("the run", || (board.status(&id) == "running").then_some(()));
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    forget_deadline(&board, run);
    board.kill();
    // Of two hours half a minute is left. From the moment of its adoption there would be two hours.
    let rows = rusqlite::Connection::open(board.home().join("kanban.db")).unwrap();
    let sql = "UPDATE task_runs SET started_at = started_at - 7170 WHERE id = ?1";
    assert_eq!(rows.execute(sql, [run]).unwrap(), 1);
    drop(rows);
    board.start();
    let mut mcp = Mcp::in_run_of(&board, &id);
    let last = until("the last call", || {
        let reply = mcp.ok("kanban_ask", json!({"question": "Which key?"}));
        assert_eq!(reply["status"], "pending", "{reply}");
        reply["note"].as_str().unwrap().contains("time limit").then_some(reply)
    });
    assert_eq!((board.runs(&id).len(), board.status(&id)), (1, "running".into()));
    let blocked = mcp.ok("kanban_block", json!({"question": last["token"]}));
    assert_eq!(blocked["status"], "blocked");
}
