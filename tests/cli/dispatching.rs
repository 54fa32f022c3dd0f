//! `dispatch`.

use serde_json::json;

use crate::harness::{Board, keys, until};

const DONE: &str = "kanban complete $KANBAN_TASK --summary done";

#[test]
fn a_dry_run_tells_and_changes_nothing() {
    let board = Board::with_workers(&[("dev", DONE)]);
    let id = board.create("t", &["--assignee", "dev"]);
    let idle = board.create("u", &[]);
    let before = board.everything();
    let report = board.say(["dispatch", "--dry-run", "--json"]).json();
    assert_eq!(
        keys(&report),
        [
            "auto_blocked",
            "crashed",
            "promoted",
            "reclaimed",
            "skipped_unassigned",
            "spawned",
            "timed_out"
        ]
    );
    assert_eq!(report["spawned"], json!([{"task_id": id, "assignee": "dev", "workspace": ""}]));
    assert_eq!(report["skipped_unassigned"], json!([idle]));
    let message = board.say(["dispatch", "--dry-run"]).ok();
    for line in [
        "Reclaimed:    0".to_owned(),
        "Spawned:      1".to_owned(),
        format!("  - {id}  ->  dev  @ - (dry)"),
        format!("Skipped (unassigned): {idle}"),
    ] {
        assert!(message.lines().any(|message| message == line), "{line:?} is not in {message}");
    }
    assert_eq!(board.everything(), before);
}

#[test]
fn what_is_dispatched_runs_where_the_reply_says() {
    let board = Board::with_workers(&[("dev", DONE)]);
    let id = board.create("t", &["--assignee", "dev"]);
    let message = board.say(["dispatch"]).ok();
    let workspace = board.home().join("workspaces").join(&id);
    let line = format!("  - {id}  ->  dev  @ {}", workspace.display());
    assert!(message.lines().any(|message| message == line), "{line:?} is not in {message}");
    until("the task to be done", || (board.status(&id) == "done").then_some(()));
}

#[test]
fn the_number_of_starts_can_be_bounded() {
    let board = Board::with_workers(&[("dev", DONE)]);
    for title in ["a", "b", "c"] {
        board.create(title, &["--assignee", "dev"]);
    }
    let none = board.say(["dispatch", "--max", "0", "--json"]).json();
    assert_eq!(none["spawned"], json!([]));
    let two = board.say(["dispatch", "--max", "2", "--json"]).json();
    assert_eq!(two["spawned"].as_array().unwrap().len(), 2);
}

#[test]
fn a_program_that_is_missing_is_given_up_at_the_limit_that_was_named() {
    let board =
        Board::with("[dispatch]\nenabled = false\n[profiles.dev]\nargv = [\"/nowhere/worker\"]\n");
    let id = board.create("t", &["--assignee", "dev"]);
    let report = board.say(["dispatch", "--failure-limit", "1", "--json"]).json();
    assert_eq!((&report["spawned"], &report["auto_blocked"]), (&json!([]), &json!([id])));
    let shown = board.say(["show", &id]).ok();
    assert!(shown.contains("  status:    blocked\n"), "{shown}");
    assert!(shown.contains("failures:  1, the last: program `/nowhere/worker`"), "{shown}");
    assert!(shown.contains(" gave_up @dev "), "{shown}");
    board.say(["dispatch", "--failure-limit", "0"]).failed(2);
}

#[test]
fn a_named_task_starts_alone_and_one_that_does_not_start_says_why() {
    let board = Board::with_workers(&[("dev", "sleep 600")]);
    let [first, second] =
        ["first", "second"].map(|title| board.create(title, &["--assignee", "dev"]));
    let nobodys = board.create("nobody's", &[]);
    let said = board.say(["dispatch", &second, &nobodys]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains(&format!("- {second}  ->  dev")), "{said:?}");
    assert!(said.out.contains(&format!("Not started: {nobodys}: no assignee")), "{said:?}");
    assert_eq!((board.status(&first), board.status(&second)), ("ready".into(), "running".into()));
    assert!(board.say(["dispatch", "t_dead"]).failed(1).contains("no such task"));
    assert!(
        board.say(["dispatch", &first, "--max", "1"]).failed(2).contains("cannot be used with")
    );
}
