//! Who a caller is, for every placement, token and door.

use super::*;
use crate::actors::live_runs::{LiveRun, TokenDigest};
use crate::kernel::ids::{BoardName, TaskId};

fn live_run(token: Option<&str>) -> LiveRun {
    LiveRun {
        task_id: TaskId::parse("t_1").unwrap(),
        board: BoardName::default(),
        profile: "dev".into(),
        token: token.and_then(TokenDigest::of),
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

fn seen(door: Door, placement: &Placement, token: Option<&str>, live_runs: &LiveRuns) -> String {
    match identify(door, placement, token, live_runs) {
        Ok(Identified::Caller(caller)) => caller.actor(),
        Ok(Identified::OfRun(run_id)) => format!("row of {run_id}"),
        Ok(Identified::FromRun(run_id)) => format!("mark of {run_id}"),
        Err(error) => {
            serde_json::to_value(error.detail().code).unwrap().as_str().unwrap().to_owned()
        }
    }
}

#[test]
fn callers_are_who_the_table_says() {
    let inside = Placement::InRun(1);
    let not_live = Placement::InRun(3);
    let outside = Placement::Outside("ada".into());
    let marked = Placement::Marked(1);
    let not_live_marked = Placement::Marked(3);
    let unknown = Placement::Unknown("gone".into());
    for (placement, token, at_operators, at_workers) in [
        (&inside, None, "run:1", "run:1"),
        (&inside, Some("token-1"), "run:1", "run:1"),
        (&inside, Some("token-2"), "forbidden", "forbidden"),
        (&inside, Some("nonsense"), "run_over", "run_over"),
        (&not_live, None, "row of 3", "row of 3"),
        (&not_live, Some("nonsense"), "run_over", "run_over"),
        (&outside, Some("token-2"), "run:2", "run:2"),
        (&outside, Some("nonsense"), "run_over", "run_over"),
        (&outside, Some(""), "run_over", "run_over"),
        (&outside, None, "ada", "unplaced"),
        (&marked, None, "unplaced", "unplaced"),
        (&marked, Some("token-1"), "run:1", "run:1"),
        (&marked, Some("token-2"), "forbidden", "forbidden"),
        (&not_live_marked, None, "mark of 3", "mark of 3"),
        (&not_live_marked, Some("token-2"), "forbidden", "forbidden"),
        (&unknown, None, "unplaced", "unplaced"),
        (&unknown, Some("token-1"), "unplaced", "unplaced"),
    ] {
        for (door, expected) in [(Door::Operators, at_operators), (Door::Workers, at_workers)] {
            let found = seen(door, placement, token, &live_runs());
            assert_eq!(found, expected, "{placement:?} {token:?} at {door:?}");
        }
    }
}

#[test]
fn a_token_that_nobody_can_judge_is_answered_with_a_request_to_repeat() {
    let live_runs = live_runs();
    live_runs.insert(4, live_run(None));
    for (placement, token, expected) in [
        (Placement::Outside("ada".into()), "token-4", "unavailable"),
        (Placement::InRun(1), "token-4", "unavailable"),
        (Placement::InRun(4), "token-4", "run:4"),
        (Placement::InRun(4), "token-1", "forbidden"),
        (Placement::InRun(3), "token-4", "row of 3"),
        (Placement::Outside("ada".into()), "token-1", "run:1"),
        (Placement::Unknown("gone".into()), "token-4", "unplaced"),
    ] {
        let found = seen(Door::Workers, &placement, Some(token), &live_runs);
        assert_eq!(found, expected, "{placement:?} {token}");
    }
}
