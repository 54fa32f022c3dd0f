//! Waiting: a long wait is reported once, and no clock that is set back makes anything wait without end.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::verbs::{
    ArchiveTask, ClaimTask, ClampTimes, DispatchSwitch, EditTask, RateLimitTask, SetDispatch,
    StopTask,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};
use crate::blocks::inbox;

fn alerting() -> Bench {
    Bench::with_policy(Policy { queue_wait_alert_seconds: Some(600), ..Policy::default() })
}

fn message(bench: &Bench, id: &kanband::kernel::ids::TaskId) -> Vec<serde_json::Value> {
    let long = bench.events(id).into_iter().filter(|event| event.kind == "waiting_long");
    long.map(|event| serde_json::Value::Object(event.payload.unwrap())).collect()
}

#[test]
fn a_task_that_waits_long_is_told_of_once_with_the_reason_each_time_that_it_is_ready() {
    let mut bench = alerting();
    let id = bench.create("t", "", &[]);
    let since = bench.now;
    let pass = bench.pass();
    assert_eq!(pass.next_due, Some(since + 600), "the pass knows when to look again");
    assert!(message(&bench, &id).is_empty());
    bench.now += 600;
    assert_eq!(bench.pass().next_due, None);
    let alerts = message(&bench, &id);
    assert_eq!(alerts.len(), 1);
    assert_eq!((&alerts[0]["reason"], &alerts[0]["since"]), (&json!("unassigned"), &json!(since)));
    assert_eq!(alerts[0]["explanation"], "no assignee");
    for _ in 0..5 {
        bench.now += 600;
        bench.pass();
    }
    assert_eq!(message(&bench, &id).len(), 1, "once");
    bench.do_it(&wire::<ClaimTask>(json!({"id": id, "ttl_seconds": 86_400})));
    bench.do_it(&wire::<StopTask>(json!({"id": id})));
    bench.now += 599;
    bench.pass();
    assert_eq!(message(&bench, &id).len(), 1, "it has only just become ready again");
    bench.now += 1;
    bench.pass();
    assert_eq!(message(&bench, &id).len(), 2);
}

#[test]
fn a_paused_and_a_disabled_board_alert_too_and_one_that_was_not_told_to_never_does() {
    let mut bench = alerting();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
    bench.now += 600;
    bench.pass();
    assert_eq!(message(&bench, &id)[0]["reason"], "paused");

    let policy = Policy {
        queue_wait_alert_seconds: Some(600),
        dispatch_enabled: false,
        ..Policy::default()
    };
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "dev", &[]);
    assert_eq!(bench.pass().next_due, Some(bench.now + 600));
    bench.now += 600;
    bench.pass();
    assert_eq!(message(&bench, &id)[0]["reason"], "dispatch_disabled");

    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.now += 10_000_000;
    assert_eq!(bench.pass().next_due, None);
    assert!(message(&bench, &id).is_empty());
}

#[test]
fn more_long_waits_than_one_pass_tells_are_told_by_the_next() {
    let mut bench = alerting();
    let ids: Vec<_> = (0..150).map(|n| bench.create(&format!("t{n}"), "", &[])).collect();
    bench.now += 600;
    let due = bench.pass().next_due;
    assert_eq!(due, Some(bench.now), "at once");
    bench.pass();
    assert!(ids.iter().all(|id| message(&bench, id).len() == 1));
}

#[test]
fn after_a_clock_was_set_back_nothing_waits_longer_than_it_ever_could() {
    let policy = Policy { backoff_max_ms: 600_000, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let [failed, limited, claimed] =
        ["failed", "limited", "claimed"].map(|title| bench.create(title, title, &[]));
    for order in bench.pass().orders {
        bench.spawned(order.run_id);
        if order.task.id == failed {
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
        } else if order.task.id == limited {
            let two_days = json!({"id": limited, "retry_after_seconds": 172_800});
            bench.by(&worker(&order), &wire::<RateLimitTask>(two_days)).unwrap();
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
        } else {
            bench.do_it(&wire::<StopTask>(json!({"id": claimed})));
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
        }
    }
    bench.do_it(&wire::<ClaimTask>(json!({"id": claimed, "ttl_seconds": 3600})));
    let system = Caller::System { part: "dispatcher" };
    let before = bench.dump();
    assert_eq!(bench.by(&system, &ClampTimes).unwrap(), 0, "the clock is right");
    assert_eq!(bench.dump(), before);

    bench.now -= 365 * 24 * 3600;
    assert_eq!(bench.by(&system, &ClampTimes).unwrap(), 3);
    assert_eq!(bench.task(&failed).not_before, Some(bench.now + 600));
    assert_eq!(bench.task(&limited).not_before, Some(bench.now + 7 * 24 * 3600));
    assert_eq!(bench.task(&claimed).claim_expires, Some(bench.now + 30 * 24 * 3600));
    bench.now += 600;
    let started: Vec<_> = bench.pass().orders.into_iter().map(|order| order.task.id).collect();
    assert_eq!(started, [failed]);
}

#[test]
fn only_the_daemon_itself_sets_times_right() {
    let mut bench = Bench::new();
    assert!(matches!(bench.refused(&ClampTimes), Refusal::Forbidden { .. }));
}

/// The inbox's rows of overdue tasks.
fn overdue(bench: &Bench) -> Vec<String> {
    let rows = inbox(bench).into_iter().filter(|(kind, _)| *kind == Kind::Overdue);
    rows.map(|(_, message)| message).collect()
}

#[test]
fn a_task_past_its_due_time_is_in_the_inbox_until_it_is_over_or_due_later() {
    let mut bench = Bench::new();
    let ids = [bench.create("a", "dev", &[]), bench.create("b", "dev", &[])];
    bench.create("without a due time", "dev", &[]);
    let due_at = bench.now + 60;
    for id in &ids {
        bench.do_it(&wire::<EditTask>(json!({"id": id, "due_at": due_at})));
    }
    bench.now += 59;
    assert!(overdue(&bench).is_empty());
    bench.now += 1;
    assert_eq!(overdue(&bench), ["2 tasks: past the due time"]);
    bench.do_it(&wire::<EditTask>(json!({"id": ids[0], "due_at": due_at + 60})));
    assert_eq!(overdue(&bench), [format!("{} b: past the due time", ids[1])]);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": ids[1]})));
    assert!(overdue(&bench).is_empty());
}
