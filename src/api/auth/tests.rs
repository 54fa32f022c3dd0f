//! Who a caller is, for every placement, token and door.

use super::*;
use crate::actors::live_runs::{LiveRun, RunToken, TokenDigest};
use crate::kernel::error::Edge;
use crate::kernel::ids::{BoardName, TaskId};

fn live_run(token: Option<&str>) -> LiveRun {
    LiveRun {
        task_id: TaskId::parse("t_1").unwrap(),
        board: BoardName::default(),
        profile: "dev".into(),
        token: token.and_then(RunToken::of),
    }
}

/// Runs 1 and 2 are live.
fn live_runs() -> LiveRuns {
    let live_runs = LiveRuns::default();
    for run_id in [1, 2] {
        live_runs.insert(run_id, live_run(Some(&format!("token-{run_id}"))));
    }
    live_runs
}

fn seen(door: Door, placement: &Membership, claims: &Claims, live_runs: &LiveRuns) -> String {
    match identify(door, placement, claims, live_runs) {
        Ok(identified) => message(&identified),
        Err(error) => code(&error),
    }
}

fn message(identified: &Identified) -> String {
    match identified {
        Identified::Caller(caller) => caller.actor().to_string(),
        Identified::OfRun(run_id) => format!("row of {run_id}"),
        Identified::FromRun { run_id, says_so } => format!("mark of {run_id} {says_so}"),
        Identified::Says(run_id) => format!("says {run_id}"),
        Identified::ByToken { of_run, is_in_tree, may_be_open, .. } => {
            format!("token, {of_run:?} {is_in_tree} {may_be_open}")
        }
    }
}

fn code(error: &ApiError) -> String {
    serde_json::to_value(error.detail(Edge::Api).code).unwrap().as_str().unwrap().to_owned()
}

fn token(token: Option<&str>) -> Claims {
    Claims { token: token.map(str::to_owned), run: None }
}

#[test]
fn callers_are_who_the_table_says() {
    let inside = Membership::InRun(1);
    let command = Membership::InRun(NO_RUN);
    let not_live = Membership::InRun(3);
    let outside = Membership::Outside("ada".into());
    let marked = Membership::Marked(1);
    let not_live_marked = Membership::Marked(3);
    let of_workers = Membership::OfWorkers { limit: 819_199, own: 819_200 };
    let unknown = Membership::Unknown("gone".into());
    let no_run = "token, None false false";
    for (placement, word, at_operators, at_workers) in [
        (&command, None, "unplaced", "unplaced"),
        (&command, Some("token-1"), "unplaced", "unplaced"),
        (&inside, None, "run:1", "run:1"),
        (&inside, Some("token-1"), "run:1", "run:1"),
        (&inside, Some("token-2"), "forbidden", "forbidden"),
        (&inside, Some("nonsense"), "token, Some(1) true false", "token, Some(1) true false"),
        (&not_live, None, "row of 3", "row of 3"),
        (&not_live, Some("nonsense"), "token, Some(3) true false", "token, Some(3) true false"),
        (&not_live, Some("token-1"), "forbidden", "forbidden"),
        (&outside, Some("token-2"), "run:2", "run:2"),
        (&outside, Some("nonsense"), no_run, no_run),
        (&outside, Some(""), no_run, no_run),
        (&outside, None, "ada", "unplaced"),
        (&marked, None, "unplaced", "unplaced"),
        (&marked, Some("token-1"), "run:1", "run:1"),
        (&marked, Some("token-2"), "forbidden", "forbidden"),
        (&marked, Some("nonsense"), "token, Some(1) false false", "token, Some(1) false false"),
        (&not_live_marked, None, "mark of 3 false", "mark of 3 false"),
        (&not_live_marked, Some("token-2"), "forbidden", "forbidden"),
        (&of_workers, None, "unplaced", "unplaced"),
        (&of_workers, Some("token-2"), "run:2", "run:2"),
        (&of_workers, Some("nonsense"), no_run, no_run),
        (&unknown, None, "unplaced", "unplaced"),
        (&unknown, Some("token-1"), "unplaced", "unplaced"),
    ] {
        for (door, expected) in [(Door::Operators, at_operators), (Door::Workers, at_workers)] {
            let found = seen(door, placement, &token(word), &live_runs());
            assert_eq!(found, expected, "{placement:?} {word:?} at {door:?}");
        }
    }
}

#[test]
fn a_caller_that_only_says_of_which_run_it_is_gains_nothing_by_it() {
    let claims = Claims { token: None, run: Some(1) };
    for door in [Door::Operators, Door::Workers] {
        for (placement, expected) in [
            (Membership::Outside("ada".into()), "says 1"),
            (Membership::OfWorkers { limit: 1, own: 2 }, "says 1"),
            (Membership::InRun(2), "run:2"),
            (Membership::Marked(2), "unplaced"),
            (Membership::Marked(3), "mark of 3 false"),
        ] {
            assert_eq!(seen(door, &placement, &claims, &live_runs()), expected, "{placement:?}");
        }
    }
}

#[test]
fn a_token_is_in_doubt_only_while_one_of_an_open_run_is_not_known() {
    let live_runs = live_runs();
    live_runs.insert(4, live_run(None));
    let found = seen(
        Door::Workers,
        &Membership::Outside("ada".into()),
        &token(Some("token-4")),
        &live_runs,
    );
    assert_eq!(found, "token, None false true");
}

/// A row of run 3, open or closed, with its task.
fn row(is_open: bool) -> (Run, Task) {
    let closed_at = (!is_open).then_some(2);
    let run = serde_json::json!({
        "id": 3, "task_id": "t_1", "status": "running", "started_at": 1, "closed_at": closed_at,
        "state": "running", "supervised": true, "automatic": true, "profile": "dev",
    });
    let task = serde_json::json!({
        "id": "t_1", "title": "t", "status": "running", "priority": 0, "board": "default",
        "workspace_kind": "scratch", "created_at": 1, "spawn_failures": 0, "auto_starts": 0,
        "labels": [], "protocol_violations": 0, "no_max_runtime": false, "args": [],
    });
    (serde_json::from_value(run).unwrap(), serde_json::from_value(task).unwrap())
}

#[test]
fn a_run_is_over_only_when_its_row_says_so() {
    let by_token = |of_run, is_in_tree, may_be_open| {
        let digest = TokenDigest::of("t").unwrap();
        Identified::ByToken { digest, of_run, is_in_tree, may_be_open }
    };
    for (identified, open, closed, none) in [
        (Identified::OfRun(3), "run:3", "run_over", "run_over"),
        (Identified::FromRun { run_id: 3, says_so: false }, "unavailable", "unplaced", "unplaced"),
        (Identified::FromRun { run_id: 3, says_so: true }, "unavailable", "run_over", "unplaced"),
        (Identified::Says(3), "unplaced", "run_over", "unplaced"),
        (by_token(None, false, false), "run:3", "run_over", "unplaced"),
        (by_token(None, false, true), "run:3", "run_over", "unavailable"),
        (by_token(Some(3), true, false), "run:3", "run_over", "row of 3"),
        (by_token(Some(3), false, false), "run:3", "run_over", "unplaced"),
        (by_token(Some(4), true, false), "forbidden", "forbidden", "row of 4"),
        (by_token(Some(4), false, false), "forbidden", "forbidden", "unplaced"),
    ] {
        for (row, expected) in [(Some(row(true)), open), (Some(row(false)), closed), (None, none)] {
            let found = by_row(identified.clone(), row);
            let found = found.map_or_else(|error| code(&error), |found| message(&found));
            assert_eq!(found, expected, "{identified:?}");
        }
    }
}

#[test]
fn only_a_process_of_another_user_is_no_supervisor_and_only_where_all_workers_are_this_users() {
    for (is_others, has_pid_of_shim, has_workers_of_others, expected) in [
        (true, false, false, false),
        (true, true, false, true),
        (true, false, true, true),
        (false, false, false, true),
        (false, false, true, true),
    ] {
        let hidden = HiddenProcess { pid: 7, is_others };
        assert_eq!(may_be_shim(hidden, has_pid_of_shim, has_workers_of_others), expected);
    }
}

#[test]
fn the_mark_of_workers_is_refused_at_every_door_with_what_to_change() {
    let placement = Membership::OfWorkers { limit: 819_199, own: 819_200 };
    for door in [Door::Operators, Door::Workers, Door::Courier, Door::Web] {
        let error = identify(door, &placement, &Claims::default(), &live_runs()).unwrap_err();
        let detail = serde_json::to_value(error.detail(Edge::Api)).unwrap();
        assert_eq!(detail["code"], "unplaced", "{door:?}");
        let message = detail["message"].as_str().unwrap();
        assert!(message.contains("819199 bytes, below the daemon's 819200"), "{message}");
        let hint = detail["hint"].as_str().unwrap();
        assert!(hint.contains("raise the limit to 819200"), "{hint}");
    }
}
