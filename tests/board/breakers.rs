//! `breakers`: what is listed, and what a person's word does.

use kanband::kernel::error::Refusal;
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    BlockTask, BreakerInfo, BreakerScope, CreateBoard, ListBreakers, ResetBreaker, StopTask,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn list(bench: &Bench) -> Vec<BreakerInfo> {
    bench.ask(&ListBreakers::default()).unwrap()
}

fn reset(key: &str) -> ResetBreaker {
    ResetBreaker { key: key.to_owned() }
}

fn no_program() -> ProcessEnd {
    ProcessEnd::StartFailed {
        step: FailedStep::Program,
        message: "no such program".into(),
        errno: Some(2),
    }
}

fn give_up(bench: &mut Bench, title: &str) -> TaskId {
    let id = bench.create(title, title, &[]);
    for _ in 0..5 {
        bench.now += 3600;
        let order = bench.start_one();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    }
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    id
}

fn break_profile(bench: &mut Bench) -> Vec<TaskId> {
    let ids = (0..6).map(|n| bench.create(&format!("t{n}"), "dev", &[])).collect();
    for order in bench.pass().orders.into_iter().take(5) {
        bench.close(order.run_id, VerdictMode::Report, no_program());
    }
    ids
}

#[test]
fn a_board_without_failures_holds_nothing_back() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let block = wire::<BlockTask>(json!({"id": id, "reason": "which colour?"}));
    bench.by(&worker(&order), &block).unwrap();
    assert!(list(&bench).is_empty(), "a question is no failure: {:?}", list(&bench));
}

#[test]
fn a_task_that_was_given_up_is_listed_and_a_reset_lets_it_go_on_with_all_its_starts() {
    let mut bench = Bench::new();
    let id = give_up(&mut bench, "worse");
    let held = list(&bench);
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].key.as_str(), held[0].scope), (&*format!("task:{id}"), BreakerScope::Task));
    assert_eq!((held[0].failures, held[0].until), (5, None));
    assert_eq!(held[0].last_error.as_deref(), Some("exit code 3"));
    assert_eq!(bench.do_it(&reset(&held[0].key)), held[0]);
    assert!(list(&bench).is_empty());
    let task = bench.task(&id);
    assert_eq!((task.status, task.spawn_failures, task.auto_starts), (TaskStatus::Ready, 0, 0));
    let event = bench.events(&id).pop().unwrap();
    assert_eq!((event.kind.as_str(), event.actor.as_deref()), ("unblocked", Some("ada")));
    assert!(matches!(bench.refused(&reset(&held[0].key)), Refusal::UnknownBreaker { .. }));
}

#[test]
fn a_task_that_somebody_holds_has_no_breaker_to_reset() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.start_one();
    bench.do_it(&wire::<StopTask>(json!({"id": id, "then": "hold"})));
    let refusal = bench.refused(&reset(&format!("task:{id}")));
    assert!(matches!(refusal, Refusal::UnknownBreaker { .. }), "{refusal}");
    assert!(matches!(bench.refused(&reset("task:t_dead")), Refusal::UnknownTask { .. }));
}

#[test]
fn a_profile_that_cannot_start_is_listed_and_a_reset_starts_its_tasks_and_says_who() {
    let mut bench = Bench::new();
    let ids = break_profile(&mut bench);
    let held = list(&bench);
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].key.as_str(), held[0].failures), ("profile:dev", 5));
    assert!(held[0].until.unwrap() > bench.now);
    assert_eq!(held[0].last_error.as_deref(), Some("no such program"));
    let opened: Vec<_> = ids
        .iter()
        .flat_map(|id| bench.events(id))
        .filter(|event| event.kind == "breaker_opened")
        .collect();
    assert_eq!(opened.len(), 1);
    assert!(opened[0].run_id.is_some());

    bench.now += 5; // the back-off of those that were charged
    assert!(bench.pass().orders.is_empty());
    bench.do_it(&reset("profile:dev"));
    assert!(bench.signals.contains(&Signal::DispatchDue), "{:?}", bench.signals);
    assert!(list(&bench).is_empty());
    assert!(!bench.pass().orders.is_empty());
    let mut events = ids.iter().flat_map(|id| bench.events(id));
    let event = events.find(|event| event.kind == "breaker_closed").unwrap();
    assert_eq!(event.actor.as_deref(), Some("ada"));
    let text = event.payload.unwrap();
    assert_eq!((&text["key"], &text["reset"]), (&json!("profile:dev"), &json!(true)));
}

#[test]
fn what_is_no_breaker_is_refused() {
    let mut bench = Bench::new();
    for key in ["host", "profile:dev"] {
        assert!(matches!(bench.refused(&reset(key)), Refusal::UnknownBreaker { .. }), "{key}");
    }
    for key in ["", "x", "profile", "hosts", "Host"] {
        assert!(matches!(bench.refused(&reset(key)), Refusal::InvalidValue { .. }), "{key}");
    }
}

#[test]
fn tasks_are_listed_by_their_board_and_workers_may_neither_look_nor_reset() {
    let mut bench = Bench::new();
    give_up(&mut bench, "worse");
    bench.do_it(&CreateBoard { name: "other".into(), description: None });
    let other = ListBreakers { board: Some("other".into()) };
    assert!(bench.ask(&other).unwrap().is_empty());
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    assert_eq!(order.task.id, id);
    let by = worker(&order);
    assert!(bench.ask_as(&by, &ListBreakers::default()).is_err());
    assert!(matches!(bench.refused_by(&by, &reset("host")), Refusal::Forbidden { .. }));
}
