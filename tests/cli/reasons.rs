//! `why`: the true reason, one fixture for each that can be brought about from outside.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::harness::{Board, until};

const WAITS: &str = "touch begun; while [ ! -e go ]; do sleep 0.02; done";

fn why(board: &Board, id: &str) -> Value {
    board.say(["why", id, "--json"]).json()
}

/// The reason, which must also be told in a line, with the hint that is expected.
fn reason(board: &Board, id: &str, hint: Option<&str>) -> String {
    let json = why(board, id);
    let message = board.say(["why", id]).ok();
    let (first, rest) = message.split_once('\n').unwrap();
    let explanation = json["explanation"].as_str().unwrap();
    let head = format!("{id} ({}): {explanation}", json["status"].as_str().unwrap());
    assert!(first.starts_with(&head), "{message}");
    match hint {
        Some(words) => {
            assert!(rest.starts_with("  hint: ") && rest.contains(words), "{message}");
        }
        None => assert!(rest.is_empty() && json["hint"].is_null(), "{message}"),
    }
    json["reason"].as_str().unwrap().to_owned()
}

fn until_reason(board: &Board, id: &str, wanted: &str) -> Value {
    until(wanted, || Some(why(board, id)).filter(|json| json["reason"] == wanted))
}

#[test]
fn a_task_that_is_not_ready_says_where_it_stands() {
    let board = Board::quiet();
    let [done, archived, blocked, running] =
        ["done", "archived", "blocked", "running"].map(|title| board.create(title, &[]));
    let parent = board.create("parent", &[]);
    let waiting = board.create("waiting", &["--parent", &parent]);
    let idea = board.create("idea", &["--triage"]);
    board.say(["complete", &done]).ok();
    board.say(["archive", &archived]).ok();
    board.say(["block", &blocked, "which", "key?"]).ok();
    board.say(["claim", &running, "--claimer", "ann@here"]).ok();
    for (id, expected, hint) in [
        (&done, "done", None),
        (&archived, "archived", None),
        (&blocked, "blocked", Some("kanban unblock")),
        (&running, "running", None),
        (&waiting, "dependency", Some("--force")),
        (&idea, "triage", Some("kanban promote")),
        (&parent, "unassigned", Some("kanban assign")),
    ] {
        assert_eq!(reason(&board, id, hint), expected);
    }
    assert_eq!(why(&board, &blocked)["why"], "which key?");
    assert_eq!(why(&board, &blocked)["gave_up"], false);
    assert_eq!(why(&board, &running)["by"], "ann@here");
    assert_eq!(why(&board, &waiting)["open_parents"], json!([parent]));
}

#[test]
fn the_switches_of_the_configuration_and_of_the_operator_are_told_apart() {
    let board = Board::quiet();
    let id = board.create("t", &["--assignee", "dev"]);
    assert_eq!(reason(&board, &id, Some("kanban dispatch")), "dispatch_disabled");
    board.say(["pause"]).ok();
    assert_eq!(reason(&board, &id, Some("kanban resume")), "paused");
    board.say(["drain"]).ok();
    assert_eq!(reason(&board, &id, Some("kanban resume")), "draining");
}

#[test]
fn an_assignee_that_has_lost_its_profile_is_named() {
    let mut board = Board::quiet();
    let id = board.create("t", &["--assignee", "ghost"]);
    board.kill();
    let config = "[dispatch]\nstrict_profiles = true\n[profiles.dev]\nargv = [\"true\"]\n";
    std::fs::write(board.home().join("kanband.toml"), config).unwrap();
    board.start();
    assert_eq!(reason(&board, &id, Some("[profiles.ghost]")), "unknown_profile");
    let message = board.say(["assign", &id, "other"]).failed(1);
    assert!(message.contains("unknown profile: other"), "{message}");
}

#[test]
fn caps_say_how_full_they_are() {
    let worker = json!(["/bin/sh", "-c", WAITS]);
    let board = Board::with(&format!(
        "[dispatch]\nmax_running = 2\n[profiles.one]\nargv = {worker}\nmax_running = 1\n[profiles.dev]\nargv = {worker}\n"
    ));
    let first = board.create("1", &["--assignee", "one"]);
    until("the first run", || (board.status(&first) == "running").then_some(()));
    let second = board.create("2", &["--assignee", "one"]);
    assert_eq!(reason(&board, &second, None), "profile_cap");
    assert_eq!(why(&board, &second)["max_running"], 1);
    let third = board.create("3", &["--assignee", "dev"]);
    until("the third run", || (board.status(&third) == "running").then_some(()));
    let fourth = board.create("4", &["--assignee", "dev"]);
    assert_eq!(reason(&board, &fourth, Some("dispatch.max_running")), "cap");
    let json = why(&board, &fourth);
    assert_eq!((&json["open_runs"], &json["max_running"]), (&json!(2), &json!(2)));
}

#[test]
fn a_failure_is_followed_by_a_wait_and_at_last_by_a_person() {
    let board = Board::with(
        "[dispatch]\nbackoff_base = \"5m\"\nbackoff_max = \"5m\"\n[profiles.dev]\nargv = [\"/bin/sh\", \"-c\", \"exit 3\"]\n",
    );
    let id = board.create("t", &["--assignee", "dev"]);
    let json = until_reason(&board, &id, "back_off");
    assert!(json["until"].is_i64() && json["error"].is_string(), "{json}");
    assert_eq!(reason(&board, &id, Some("kanban dispatch")), "back_off");
    assert!(board.say(["why", &id]).ok().contains(" (until "));
    board.say(["dispatch", "--failure-limit", "1"]).ok();
    let json = until_reason(&board, &id, "blocked");
    assert_eq!(json["gave_up"], true);
    assert!(json["explanation"].as_str().unwrap().starts_with("given up: "), "{json}");
}

#[test]
fn a_task_that_was_started_too_often_waits_for_a_person() {
    let board = Board::with(&format!(
        "[dispatch]\nlifetime_starts = 1\n[profiles.dev]\nargv = {}\n",
        json!(["/bin/sh", "-c", WAITS])
    ));
    let id = board.create("t", &["--assignee", "dev"]);
    until("the run", || (board.status(&id) == "running").then_some(()));
    board.say(["pause"]).ok();
    board.say(["reclaim", &id]).ok();
    assert_eq!(reason(&board, &id, Some("--more-starts")), "starts_used_up");
    assert_eq!(why(&board, &id)["starts"], 1);
    board.say(["resume"]).ok();
    let json = until_reason(&board, &id, "blocked");
    assert!(json["explanation"].as_str().unwrap().contains("--more-starts"), "{json}");
    board.say(["unblock", &id, "--more-starts"]).ok();
    until_reason(&board, &id, "running");
}

#[test]
fn a_profile_whose_program_is_missing_holds_its_tasks_back() {
    let board = Board::with(
        "[dispatch]\nbackoff_base = \"10ms\"\nbackoff_max = \"10ms\"\n[profiles.dev]\nargv = [\"/nowhere/worker\"]\n",
    );
    let ids: Vec<String> =
        (0..8).map(|n| board.create(&n.to_string(), &["--assignee", "dev"])).collect();
    let held = until("a task to be held back", || {
        ids.iter().find(|id| why(&board, id)["reason"] == "profile_breaker")
    });
    let json = why(&board, held);
    assert!(json["error"].as_str().unwrap().contains("/nowhere/worker"), "{json}");
    assert_eq!(reason(&board, held, Some("repair the profile")), "profile_breaker");
    assert!(board.say(["doctor"]).out.contains("breaker"));
}

#[test]
fn a_host_that_loses_its_shims_starts_nothing_more() {
    let board = Board::with(&format!(
        "[dispatch]\nbackoff_base = \"10ms\"\nbackoff_max = \"10ms\"\n[profiles.dev]\nargv = {}\n",
        json!(["/bin/sh", "-c", WAITS])
    ));
    let id = board.create("t", &["--assignee", "dev"]);
    let mut killed = Vec::new();
    until("the host's breaker to open", || {
        for run in board.runs(&id) {
            let identity = board.home().join("runs").join(run["id"].to_string()).join("identity");
            let text = std::fs::read_to_string(identity).unwrap_or_default();
            let identity: Value = serde_json::from_str(&text).unwrap_or_default();
            let shim = identity["shim"]["pid"].as_i64();
            if let Some(pid) = shim.filter(|pid| run["state"] == "running" && !killed.contains(pid))
            {
                // It may have been faster.
                let _is_killed = kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL);
                killed.push(pid);
            }
        }
        (why(&board, &id)["reason"] == "host_breaker").then_some(())
    });
    assert_eq!(killed.len(), 3, "{killed:?}");
    assert!(why(&board, &id)["error"].is_string());
    assert!(board.say(["doctor"]).out.contains("host is open"));
}

#[test]
fn the_end_of_the_last_run_is_waited_for() {
    let script = format!("trap '' TERM; {WAITS}");
    let board = Board::with(&format!(
        "[supervision]\ngrace = \"60s\"\n[profiles.dev]\nargv = {}\n",
        json!(["/bin/sh", "-c", script])
    ));
    let id = board.create("t", &["--assignee", "dev"]);
    let workspace = board.home().join("workspaces").join(&id);
    until("the worker", || workspace.join("begun").exists().then_some(()));
    board.say(["reclaim", &id, "--no-wait"]).ok();
    assert_eq!(reason(&board, &id, None), "previous_run_stopping");
    std::fs::write(workspace.join("go"), "").unwrap();
    // The second worker finds that it may end: nobody may be quick enough to see it run.
    until("the second run", || (board.runs(&id).len() == 2).then_some(()));
    until_reason(&board, &id, "done");
}
