//! `stop`, `reclaim`, `reassign`: taking work back.

use serde_json::json;

use crate::harness::{Board, until};

/// A worker that ends when it is asked to, and one that ends only when a file allows it.
const WILLING: &str = "touch begun; while :; do sleep 0.02; done";
const SLOW: &str = "trap '' TERM; touch begun; while [ ! -e go ]; do sleep 0.02; done; exit 0";

fn started(board: &Board, profile: &str) -> String {
    let id = board.create("t", &["--assignee", profile]);
    board.dispatch();
    let begun = board.home().join("workspaces").join(&id).join("begun");
    until("the worker to begin", || begun.exists().then_some(()));
    id
}

#[test]
fn a_reclaim_returns_when_the_processes_are_gone() {
    let board = Board::with_workers(&[("dev", WILLING)]);
    let id = started(&board, "dev");
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    let message = board.say(["reclaim", &id, "--reason", "wrong branch"]).ok();
    assert_eq!(message, format!("Reclaimed {id} (t): run {run} has ended\n"));
    let ended = &board.runs(&id)[0];
    assert!(ended["closed_at"].is_i64(), "{ended}");
    assert_eq!((&ended["outcome"], &ended["error"]), (&json!("reclaimed"), &json!("wrong branch")));
    assert_eq!(board.status(&id), "ready");
}

#[test]
fn whoever_does_not_want_to_wait_is_told_that_it_is_stopping() {
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[supervision]\ngrace = \"60s\"\n[profiles.dev]\nargv = {}\nverdict = \"report\"\n",
        json!(["/bin/sh", "-c", SLOW])
    ));
    let id = started(&board, "dev");
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    let json = board.say(["reassign", &id, "qa", "--no-wait", "--json"]).json();
    assert_eq!(
        json,
        json!({"id": id, "board": "default", "status": "ready", "assignee": "qa", "run_id": run, "stopping": true})
    );
    assert_eq!(board.runs(&id)[0]["closed_at"], json!(null));
    let why = board.say(["why", &id, "--json"]).json();
    assert_eq!((&why["reason"], &why["run_id"]), (&json!("previous_run_stopping"), &json!(run)));
    std::fs::write(board.home().join("workspaces").join(&id).join("go"), "").unwrap();
    board.say(["wait", &id, "--status", "ready", "--closed"]).ok();
}

#[test]
fn work_goes_to_another_profile_and_its_processes_end_first() {
    let board = Board::with_workers(&[("dev", WILLING)]);
    let id = started(&board, "dev");
    let message = board.say(["reassign", &id, "none"]).ok();
    assert!(message.starts_with(&format!("Reassigned {id} to (unassigned) (run ")), "{message}");
    assert!(board.runs(&id)[0]["closed_at"].is_i64());
    assert_eq!((board.status(&id).as_str(), &board.task(&id)["assignee"]), ("ready", &json!(null)));
    let message = board.say(["reassign", &id, "qa"]).ok();
    assert_eq!(message, format!("Reassigned {id} to qa\n"), "nobody worked on it");
}

#[test]
fn a_claim_made_by_hand_has_no_processes_to_wait_for() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id]).ok();
    let message = board.say(["reclaim", &id]).ok();
    assert!(
        message.starts_with(&format!("Reclaimed {id} (t): run ")) && !message.contains("stopping")
    );
    assert_eq!(board.status(&id), "ready");
}

#[test]
fn a_stop_returns_when_the_processes_are_gone_and_says_where_the_task_is() {
    for (verb, flag, status) in [
        ("stop", None, "blocked"),
        ("stop", Some("--requeue"), "ready"),
        ("stop", Some("--hold"), "blocked"),
        ("stop", Some("--cancel"), "archived"),
        ("restart", None, "ready"),
    ] {
        let board = Board::with_workers(&[("dev", WILLING)]);
        let id = started(&board, "dev");
        let run = board.runs(&id)[0]["id"].as_i64().unwrap();
        let words = [verb, &id, "--reason", "wrong branch"].into_iter().chain(flag);
        let message = board.say(words.collect::<Vec<_>>()).ok();
        let done = if verb == "stop" { "Stopped" } else { "Restarted" };
        assert_eq!(message, format!("{done} {id} (t): {status} (run {run} has ended)\n"));
        let ended = &board.runs(&id)[0];
        assert!(ended["closed_at"].is_i64(), "{ended}");
        let said = (&ended["outcome"], &ended["error"]);
        assert_eq!(said, (&json!("stopped"), &json!("wrong branch")));
        assert_eq!(board.status(&id), status);
    }
}

#[test]
fn a_stop_that_does_not_wait_says_that_it_is_stopping() {
    let board = Board::with(&format!(
        "[dispatch]\nenabled = false\n[supervision]\ngrace = \"60s\"\n[profiles.dev]\nargv = {}\nverdict = \"report\"\n",
        json!(["/bin/sh", "-c", SLOW])
    ));
    let id = started(&board, "dev");
    let run = board.runs(&id)[0]["id"].as_i64().unwrap();
    let json = board.say(["stop", &id, "--hold", "--no-wait", "--json"]).json();
    assert_eq!(
        json,
        json!({"id": id, "board": "default", "status": "blocked", "assignee": "dev", "run_id": run, "stopping": true})
    );
    let again = board.say(["stop", &id]).failed(1);
    assert!(again.contains("are being stopped"), "{again}");
    let force = board.say(["stop", &id, "--force"]).failed(1);
    assert!(force.contains("not unkillable") && force.contains("hint: "), "{force}");
    std::fs::write(board.home().join("workspaces").join(&id).join("go"), "").unwrap();
    board.say(["wait", &id, "--closed"]).ok();
}
