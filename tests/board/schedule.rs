//! Start times and due times of tasks: `schedule`, `unschedule`, `overdue`, and the timer that acts on them.

use std::sync::{Arc, Mutex};

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::policy::Policy;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    AskTask, BlockTask, CancelTask, ClaimTask, ClampTimes, CompleteTask, CreateTask,
    DispatchSwitch, EditTask, FireTimer, LinkTasks, ReopenTask, ScheduleTask, SetDispatch,
    TimerReply, UnblockTask, UnscheduleTask,
};
use rusqlite::StatementStatus;
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn timer() -> Caller {
    Caller::System { part: "timer" }
}

fn fire(bench: &mut Bench) -> TimerReply {
    bench.by(&timer(), &FireTimer).unwrap()
}

fn events(bench: &Bench, id: &TaskId, kind: &str) -> usize {
    bench.events(id).iter().filter(|event| event.kind == kind).count()
}

#[test]
fn a_scheduled_task_starts_at_its_time_and_unscheduled_it_starts_at_once() {
    let mut bench = Bench::new();
    let at = bench.now + 3600;
    let [a, b] = ["a", "b"].map(|title| bench.create(title, "dev", &[]));
    for id in [&a, &b] {
        let reply = bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": at})));
        assert_eq!((reply.status, reply.start_at), (TaskStatus::Scheduled, Some(at)));
        assert!(bench.signals.contains(&Signal::TimeSet { at }));
    }
    assert!(bench.pass().orders.is_empty());
    let reply = bench.do_it(&wire::<UnscheduleTask>(json!({"id": b})));
    assert_eq!((reply.status, reply.start_at), (TaskStatus::Ready, None));
    bench.now = at - 1;
    assert_eq!(fire(&mut bench).next_due, Some(at));
    assert_eq!(bench.status(&a), TaskStatus::Scheduled);
    bench.now = at;
    assert_eq!(fire(&mut bench), TimerReply::default());
    assert_eq!(bench.status(&a), TaskStatus::Ready);
    let started = bench.events(&a).into_iter().find(|event| event.kind == "start_due").unwrap();
    assert_eq!(started.actor.as_deref(), Some("kanband:timer"));
}

#[test]
fn a_dispatch_pass_does_what_is_due_in_the_name_of_the_timer() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": bench.now + 5})));
    bench.now += 5;
    assert_eq!(bench.pass().orders.len(), 1);
    let started = bench.events(&id).into_iter().find(|event| event.kind == "start_due").unwrap();
    assert_eq!(started.actor.as_deref(), Some("kanband:timer"));
}

#[test]
fn a_start_time_that_is_past_does_not_wait_and_says_so() {
    let mut bench = Bench::new();
    let past = bench.now - 1;
    let id = bench.create("t", "dev", &[]);
    let reply = bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": past})));
    assert_eq!(reply.status, TaskStatus::Ready);
    let expected = ["its start time is past: it does not wait"];
    assert_eq!(reply.warnings, expected);
    let reply = bench.do_it(&wire::<EditTask>(json!({"id": id, "start_at": past - 1})));
    assert_eq!(
        (reply.task.status, reply.warnings.as_slice()),
        (TaskStatus::Ready, &expected.map(str::to_owned)[..])
    );
    let made = bench
        .do_it(&wire::<CreateTask>(json!({"title": "t", "assignee": "dev", "start_at": past})));
    assert_eq!(
        (made.task.status, made.warnings.as_slice()),
        (TaskStatus::Ready, &expected.map(str::to_owned)[..])
    );
}

#[test]
fn a_parked_task_waits_until_a_person_lets_it_go_on() {
    let mut bench = Bench::new();
    let parent = bench.create("parent", "", &[]);
    let id = bench.create("t", "dev", &[]);
    let park = wire::<ScheduleTask>(json!({"id": id, "park": true, "reason": "no budget"}));
    assert_eq!(bench.do_it(&park).status, TaskStatus::Scheduled);
    let parked = bench.events(&id).into_iter().find(|event| event.kind == "scheduled").unwrap();
    assert_eq!(parked.payload.unwrap()["reason"], "no budget");
    let before = bench.dump();
    bench.do_it(&park);
    assert_eq!(bench.dump(), before, "parked already");
    bench.now += 10_000_000;
    fire(&mut bench);
    assert_eq!(bench.status(&id), TaskStatus::Scheduled);
    bench.do_it(&wire::<LinkTasks>(json!({"parent_id": parent, "child_id": id})));
    let reply = bench.do_it(&wire::<UnscheduleTask>(json!({"id": id})));
    assert_eq!(reply.status, TaskStatus::Todo, "it lands where its parents allow");
    let again = bench.refused(&wire::<UnscheduleTask>(json!({"id": id})));
    assert!(again.to_string().contains("it has no start time"), "{again}");
}

#[test]
fn a_time_and_no_time_at_all_are_refused() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for fields in [
        json!({"id": id}),
        json!({"id": id, "park": true, "start_at": bench.now + 5}),
        json!({"id": id, "start_at": -1}),
    ] {
        let refusal = bench.refused(&wire::<ScheduleTask>(fields.clone()));
        assert!(matches!(refusal, Refusal::InvalidValue { field: "start_at", .. }), "{fields}");
    }
}

#[test]
fn an_edit_of_the_start_time_is_heard_by_the_timer() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for at in [bench.now + 600, bench.now + 60] {
        bench.signals.clear();
        bench.do_it(&wire::<EditTask>(json!({"id": id, "start_at": at})));
        assert!(bench.signals.contains(&Signal::TimeSet { at }), "{:?}", bench.signals);
    }
}

#[test]
fn an_overdue_task_is_reported_once_for_each_due_time() {
    let mut bench = Bench::new();
    let [late, done] = ["late", "done"].map(|title| bench.create(title, "", &[]));
    let due_at = bench.now + 60;
    for id in [&late, &done] {
        bench.do_it(&wire::<EditTask>(json!({"id": id, "due_at": due_at})));
    }
    assert!(bench.signals.contains(&Signal::TimeSet { at: due_at }));
    bench.do_it(&wire::<CompleteTask>(json!({"id": done})));
    assert_eq!(fire(&mut bench).next_due, Some(due_at));
    bench.now = due_at;
    for _ in 0..3 {
        assert_eq!(fire(&mut bench).next_due, None);
        bench.pass();
        bench.now += 60;
    }
    assert_eq!((events(&bench, &late, "overdue"), events(&bench, &done, "overdue")), (1, 0));
    let event = bench.events(&late).into_iter().find(|event| event.kind == "overdue").unwrap();
    assert_eq!(event.payload.unwrap()["due_at"], due_at);
    let later = bench.now + 60;
    bench.do_it(&wire::<EditTask>(json!({"id": late, "due_at": later})));
    bench.now = later;
    fire(&mut bench);
    assert_eq!(events(&bench, &late, "overdue"), 2);
}

#[test]
fn starts_due_times_and_deadlines_take_effect_while_dispatch_is_paused_or_disabled() {
    for policy in [Policy::default(), Policy { dispatch_enabled: false, ..Policy::default() }] {
        let mut bench = Bench::with_policy(policy);
        let [start, due] = ["start", "due"].map(|title| bench.create(title, "dev", &[]));
        bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
        let at = bench.now + 60;
        bench.do_it(&wire::<ScheduleTask>(json!({"id": start, "start_at": at})));
        bench.do_it(&wire::<EditTask>(json!({"id": due, "due_at": at})));
        bench.now = at;
        fire(&mut bench);
        assert_eq!(bench.status(&start), TaskStatus::Ready);
        assert_eq!(events(&bench, &due, "overdue"), 1);
        assert!(bench.pass().orders.is_empty());
    }
}

#[test]
fn the_timer_is_armed_for_the_earliest_time_of_every_kind() {
    let mut bench = Bench::new();
    assert_eq!(fire(&mut bench).next_due, None);
    let base = bench.now;
    let claimed = bench.create("claimed", "", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({"id": claimed, "ttl_seconds": 499})));
    assert!(bench.signals.contains(&Signal::TimeSet { at: base + 500 }));
    assert_eq!(fire(&mut bench).next_due, Some(base + 500));
    let due = bench.create("due", "", &[]);
    bench.do_it(&wire::<EditTask>(json!({"id": due, "due_at": base + 400})));
    assert_eq!(fire(&mut bench).next_due, Some(base + 400));
    let start = bench.create("start", "", &[]);
    bench.do_it(&wire::<ScheduleTask>(json!({"id": start, "start_at": base + 300})));
    assert_eq!(fire(&mut bench).next_due, Some(base + 300));
    bench.create("asking", "dev", &[]);
    let order = bench.pass().orders.pop().unwrap();
    bench.spawned(order.run_id);
    let ask =
        json!({"id": order.task.id, "question": "which?", "timeout_seconds": 600, "default": "x"});
    bench.by(&worker(&order), &wire::<AskTask>(ask)).unwrap();
    assert!(bench.signals.contains(&Signal::TimeSet { at: base + 600 }));
    bench.do_it(&wire::<CancelTask>(json!({"id": start})));
    bench.do_it(&wire::<CancelTask>(json!({"id": due})));
    bench.do_it(&wire::<CompleteTask>(json!({"id": claimed})));
    assert_eq!(fire(&mut bench).next_due, Some(base + 600));
}

#[test]
fn a_clock_that_is_set_back_moves_no_start_time() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let at = bench.now + 60;
    bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": at})));
    bench.now -= 365 * 86_400;
    assert_eq!(bench.by(&timer(), &ClampTimes).unwrap(), 0);
    fire(&mut bench);
    bench.pass();
    assert_eq!(bench.task(&id).start_at, Some(at));
    assert_eq!(bench.status(&id), TaskStatus::Scheduled);
}

#[test]
fn nobody_but_the_daemon_fires_the_timer_and_firing_again_changes_nothing() {
    let mut bench = Bench::new();
    assert!(matches!(bench.refused(&FireTimer), Refusal::Forbidden { .. }));
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": bench.now + 1})));
    bench.do_it(&wire::<EditTask>(json!({"id": id, "due_at": bench.now + 1})));
    bench.now += 1;
    fire(&mut bench);
    let before = bench.dump();
    fire(&mut bench);
    assert_eq!(bench.dump(), before);
}

#[test]
fn more_than_one_firing_does_is_done_by_the_next() {
    let mut bench = Bench::new();
    let ids: Vec<_> = (0..300).map(|n| bench.create(&format!("t{n}"), "", &[])).collect();
    for id in &ids {
        bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": bench.now + 1})));
    }
    bench.now += 1;
    let mut firings = 1;
    while fire(&mut bench).has_more {
        firings += 1;
        assert!(firings < 10);
    }
    assert!(ids.iter().all(|id| bench.status(id) == TaskStatus::Ready));
    assert!(firings > 1);
}

/// Steps of SQLite's virtual machine that the reads of an idle pass take, by another connection.
fn steps_of_a_pass(bench: &mut Bench) -> i64 {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let remember = move |sql: Option<String>| sink.lock().unwrap().extend(sql);
    bench.board.trace(move |statement| remember(statement.text_with_values())).unwrap();
    assert!(bench.pass().orders.is_empty());
    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let reads: Vec<&String> = statements.iter().filter(|sql| sql.starts_with("SELECT")).collect();
    assert!(reads.len() > 3, "{statements:?}");
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let mut steps = 0;
    for sql in reads {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.raw_query();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        steps += i64::from(statement.get_status(StatementStatus::VmStep));
    }
    steps
}

#[test]
fn a_hundred_thousand_tasks_that_start_later_change_no_step_of_a_pass() {
    let mut bench = Bench::new();
    let first = bench.create("first", "dev", &[]);
    let start_at = bench.now + 1_000_000;
    bench.do_it(&wire::<ScheduleTask>(json!({"id": first, "start_at": start_at})));
    bench.do_it(&wire::<EditTask>(json!({"id": first, "due_at": start_at})));
    // The first pass also looks through the kept replies.
    steps_of_a_pass(&mut bench);
    let few = steps_of_a_pass(&mut bench);
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let added = connection
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO tasks (id, title, status, assignee, created_at, start_at, due_at)
             SELECT printf('t_%08x', i + 268435456), 't', 'scheduled', 'dev', 5, ?1 + i, ?1 + i FROM n",
            [start_at],
        )
        .unwrap();
    drop(connection);
    assert_eq!(added, 100_000);
    assert_eq!(steps_of_a_pass(&mut bench), few);
}

#[test]
fn a_task_that_waits_for_its_time_again_is_heard_by_the_timer_whatever_verb_led_it_there() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    let at = bench.now + 60;
    bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": "r"})));
    bench.do_it(&wire::<ScheduleTask>(json!({"id": id, "start_at": at})));
    bench.do_it(&wire::<UnblockTask>(json!({"id": id})));
    assert_eq!(bench.status(&id), TaskStatus::Scheduled);
    assert!(bench.signals.contains(&Signal::TimeSet { at }), "{:?}", bench.signals);
    bench.do_it(&wire::<EditTask>(json!({"id": id, "due_at": at + 5, "start_at": 0})));
    bench.do_it(&wire::<CompleteTask>(json!({"id": id})));
    bench.do_it(&wire::<ReopenTask>(json!({"id": id})));
    assert!(bench.signals.contains(&Signal::TimeSet { at: at + 5 }), "{:?}", bench.signals);
}
