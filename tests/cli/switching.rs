//! `pause`, `resume`, `drain`.

use serde_json::json;

use crate::harness::{Board, until};
use crate::talk::Talk;

const WAITS: &str = "touch begun; while [ ! -e go ]; do sleep 0.02; done; \
                     kanban complete $KANBAN_TASK --summary done";

#[test]
fn nothing_starts_while_it_is_paused_not_even_after_a_restart() {
    let mut board = Board::with_workers(&[("dev", "kanban complete $KANBAN_TASK --summary s")]);
    let id = board.create("t", &["--assignee", "dev"]);
    assert_eq!(board.say(["pause"]).ok(), "Dispatch is paused; no open runs\n");
    assert_eq!(board.say(["pause"]).ok(), "Dispatch was already paused; no open runs\n");
    assert_eq!(board.dispatch()["spawned"], json!([]));
    board.kill();
    board.start();
    assert_eq!(board.dispatch()["spawned"], json!([]));
    assert!(board.say(["doctor"]).ok().contains("paused"));
    let json = board.say(["resume", "--json"]).json();
    assert_eq!(json, json!({"dispatch": "on", "before": "paused", "open_runs": 0}));
    assert_eq!(board.say(["resume"]).ok(), "Dispatch was already on\n");
    assert_eq!(board.dispatch()["spawned"][0]["task_id"], id.as_str());
    board.say(["wait", &id, "--closed"]).ok();
}

#[test]
fn a_drain_returns_when_the_last_run_has_ended() {
    let board = Board::with_workers(&[("dev", WAITS)]);
    let id = board.create("t", &["--assignee", "dev"]);
    board.dispatch();
    let workspace = board.home().join("workspaces").join(&id);
    until("the worker to begin", || workspace.join("begun").exists().then_some(()));
    assert_eq!(board.say(["drain", "--no-wait"]).ok(), "Draining; 1 run continues\n");
    let message = board.say(["drain", "--timeout", "20ms"]).failed(3);
    assert!(message.contains("timed out after 20ms: 1 run continues"), "{message}");
    let before = board.figure("database_reads");
    let drain = Talk::start(&board, &["drain"]);
    board.until_reads(before, 2);
    std::fs::write(workspace.join("go"), "").unwrap();
    assert_eq!(drain.end().ok(), "Drained: no open runs\n");
    assert!(board.runs(&id)[0]["closed_at"].is_i64());
    let other = board.create("u", &["--assignee", "dev"]);
    assert_eq!(board.dispatch()["spawned"], json!([]));
    assert_eq!(board.say(["why", &other, "--json"]).json()["reason"], "draining");
    assert_eq!(
        board.say(["drain", "--json"]).json(),
        json!({"dispatch": "draining", "open_runs": 0})
    );
    assert_eq!(board.say(["resume"]).ok(), "Dispatch is on\n");
}
