//! `breakers`, `rate-limited`: what is held back, shown and let go.

use serde_json::{Value, json};

use crate::harness::{Board, keys, until};

fn broken() -> Board {
    Board::with(
        "[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"/nonexistent/program\"]\n\
         [profiles.bad]\nargv = [\"/bin/false\"]\n",
    )
}

fn breakers(board: &Board) -> Vec<Value> {
    board.say(["breakers", "--json"]).json().as_array().unwrap().clone()
}

#[test]
fn what_is_held_back_is_listed_and_a_reset_lets_it_go() {
    let board = broken();
    assert_eq!(board.say(["breakers"]).ok(), "(no failures counted)\n");
    let given_up = board.create("worse", &["--assignee", "bad"]);
    board.say(["dispatch", "--failure-limit", "1"]).ok();
    until("the task to be given up", || (board.status(&given_up) == "blocked").then_some(()));
    for n in 0..5 {
        board.create(&format!("t{n}"), &["--assignee", "dev"]);
    }
    board.dispatch();
    let listed = breakers(&board);
    assert_eq!(
        keys(&listed[0]),
        ["failures", "key", "last_error", "opened_at", "scope", "state", "until"]
    );
    let shown: Vec<_> =
        listed.iter().map(|one| (&one["key"], &one["scope"], &one["state"])).collect();
    let task = json!(format!("task:{given_up}"));
    assert_eq!(
        shown,
        [
            (&json!("profile:dev"), &json!("profile"), &json!("open")),
            (&task, &json!("task"), &json!("open"))
        ]
    );
    let message = board.say(["breakers", "list"]).ok();
    let lines: Vec<&str> = message.lines().collect();
    assert!(lines[0].starts_with("KEY ") && lines[0].ends_with("LAST ERROR"), "{message}");
    assert!(lines[1].starts_with("profile:dev ") && lines[1].contains("/nonexistent/program"));
    assert!(lines[2].contains("exit code 1"), "{message}");

    let message = board.say(["breakers", "reset", "profile:dev"]).ok();
    assert_eq!(message, "Reset profile:dev (5 failures)\n");
    let reply = board.say(["breakers", "reset", &format!("task:{given_up}"), "--json"]).json();
    assert_eq!((&reply["key"], &reply["failures"]), (&task, &json!(1)));
    assert!(breakers(&board).is_empty());
    assert_eq!(board.status(&given_up), "ready");
    let message = board.say(["breakers", "reset", "profile:dev"]).failed(1);
    assert!(message.contains("no such breaker") && message.contains("hint: "), "{message}");
}

#[test]
fn a_worker_says_until_when_its_provider_takes_no_work() {
    let board = Board::with_workers(&[(
        "dev",
        "kanban rate-limited \"$KANBAN_TASK\" --retry-after 2h --reason 'resets at 15:00' --json",
    )]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    board.say(["wait", &id, "--status", "ready", "--closed"]).ok();
    let run = &board.runs(&id)[0];
    assert_eq!(
        (&run["outcome"], &run["error"]),
        (&json!("rate_limited"), &json!("resets at 15:00"))
    );
    let retry_at = run["retry_at"].as_i64().unwrap();
    assert_eq!(retry_at - run["ended_at"].as_i64().unwrap(), 7200);
    let task = board.task(&id);
    assert_eq!((&task["not_before"], &task["spawn_failures"]), (&json!(retry_at), &json!(0)));
    let said: Value = serde_json::from_str(&board.say(["log", &id]).ok()).unwrap();
    assert_eq!(
        said,
        json!({"id": id, "board": "default", "status": "ready", "run_id": run["id"], "retry_at": retry_at, "already": false})
    );
    let why = board.say(["why", &id, "--json"]).json();
    assert!(["dispatch_disabled", "back_off"].contains(&why["reason"].as_str().unwrap()), "{why}");
}

#[test]
fn a_claim_made_by_hand_can_be_rate_limited_too() {
    let board = Board::quiet();
    let id = board.create("t", &[]);
    board.say(["claim", &id]).ok();
    let message = board.say(["rate-limited", &id, "--retry-after", "90"]).ok();
    assert!(message.starts_with(&format!("Rate limited {id}: retried at ")), "{message}");
    assert_eq!(board.status(&id), "ready");
}
