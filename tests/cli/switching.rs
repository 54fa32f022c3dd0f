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

#[test]
fn a_profile_or_board_is_paused_by_name_even_after_a_restart() {
    let mut board = Board::with_workers(&[
        ("dev", "kanban complete $KANBAN_TASK --summary s"),
        ("qa", "kanban complete $KANBAN_TASK --summary s"),
    ]);
    board.say(["boards", "create", "shop"]).ok();
    let by_dev = board.create("t", &["--assignee", "dev"]);
    let by_qa = board.create("u", &["--assignee", "qa"]);
    let of_shop = board.create("v", &["--assignee", "qa", "--board", "shop"]);
    let message = board.say(["pause", "--profile", "dev"]).ok();
    assert_eq!(message, "Profile dev is paused; no open runs\n");
    let message = board.say(["--board", "shop", "pause"]).ok();
    assert_eq!(message, "Board shop is paused; no open runs\n");
    assert_eq!(
        board.say(["pause", "--board", "shop"]).ok(),
        "Board shop is already paused; no open runs\n"
    );
    board.kill();
    board.start();
    assert_eq!(board.dispatch()["spawned"][0]["task_id"], by_qa.as_str());
    board.say(["wait", &by_qa, "--closed"]).ok();
    assert_eq!(board.dispatch()["spawned"], json!([]));
    for (id, expected) in
        [(&by_dev, "the profile dev is paused"), (&of_shop, "the board shop is paused")]
    {
        let said = board.say(["dispatch", id]);
        let message = format!("{}{}", said.out, said.err);
        assert!(message.contains(expected), "{message}");
    }
    let status = board.say(["status"]).ok();
    assert!(status.contains("paused       profile dev, since"), "{status}");
    assert!(status.contains("paused       board shop, since"), "{status}");
    assert!(board.say(["boards"]).ok().contains("shop     (paused)"));
    // The name of a board in the environment is not one that was asked for.
    let said = board.say_with(&[("KANBAN_BOARD", "shop")], &["resume"]);
    assert_eq!(said.ok(), "Dispatch was already on\n");
    let json = board.say(["resume", "--board", "shop", "--json"]).json();
    let expected =
        json!({"profile": null, "board": "shop", "paused": false, "before": true, "open_runs": 0});
    assert_eq!(json, expected);
    assert_eq!(board.say(["resume", "--profile", "dev"]).ok(), "Profile dev is on\n");
    let message = board.say(["pause", "--profile", "dve"]).failed(1);
    assert!(message.contains("cannot pause dve") && message.contains("did you mean dev?"));
    for name in ["dev", "dve"] {
        let said = board.say(["resume", "--profile", name]).ok();
        assert_eq!(said, format!("Profile {name} is not paused\n"));
    }
    for id in [&by_dev, &of_shop] {
        board.dispatch();
        board.say(["wait", id, "--closed"]).ok();
    }
    let message = board.say(["pause", "--profile", "dev", "--board", "shop"]).failed(2);
    assert!(message.contains("cannot be used with"), "{message}");
}
