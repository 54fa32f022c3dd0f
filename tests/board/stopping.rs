//! `stop`: what becomes of the run, the task and its children; who may; and giving up what does not die.

use kanband::kernel::caller::Caller;
use kanband::kernel::error::Refusal;
use kanband::kernel::ids::{RunId, TaskId};
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::run::{RunOutcome, RunState};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{ClaimTask, CompleteTask, RecordRunState, StopTask};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn stop(fields: serde_json::Value) -> StopTask {
    wire(fields)
}

/// The stop ladder of a run is through and something of it lives.
fn make_unkillable(bench: &mut Bench, run_id: RunId) {
    for state in [RunState::Stopping, RunState::Unkillable] {
        bench.by(&Caller::System { part: "worker" }, &RecordRunState { run_id, state }).unwrap();
    }
}

fn open_run(bench: &Bench, id: &TaskId) -> bool {
    bench.runs(id).iter().any(kanband::kernel::run::Run::is_open)
}

#[test]
fn a_stop_ends_the_run_at_once_and_the_task_goes_where_it_was_told() {
    for (then, status, kinds) in [
        (json!(null), TaskStatus::Ready, vec!["stopped", "closed"]),
        (json!("requeue"), TaskStatus::Ready, vec!["stopped", "closed"]),
        (json!("hold"), TaskStatus::Blocked, vec!["stopped", "blocked", "closed"]),
        (json!("cancel"), TaskStatus::Archived, vec!["stopped", "archived", "closed"]),
    ] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let child = bench.create("c", "qa", &[&id]);
        let order = bench.start_one();
        let reply = bench.do_it(&stop(json!({"id": id, "then": then, "reason": "wrong key"})));
        assert_eq!((reply.status, reply.run_id), (status, Some(order.run_id)));
        assert!(reply.stopping, "its processes are there");
        let ends = Signal::VerdictGiven { run_id: order.run_id, by_worker: false };
        assert!(bench.signals.contains(&ends), "no linger: {:?}", bench.signals);
        let run = bench.runs(&id).remove(0);
        assert_eq!((run.outcome, run.cause), (Some(RunOutcome::Stopped), None));
        assert_eq!(run.error.as_deref(), Some("wrong key"));
        assert_eq!(run.verdict_by.as_deref(), Some("ada"));
        assert!(bench.pass().orders.iter().all(|order| order.task.id != id), "the slot is taken");
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
        assert_eq!(bench.status(&id), status);
        assert_eq!(bench.task(&id).spawn_failures, 0, "stopping is no failure");
        assert_eq!(bench.kinds(&id)[3..], kinds);
        let released = status == TaskStatus::Archived;
        assert_eq!(bench.status(&child) != TaskStatus::Todo, released);
    }
}

#[test]
fn a_held_task_says_why_and_a_stop_without_a_reason_says_who() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.start_one();
    bench.do_it(&stop(json!({"id": id, "then": "hold", "reason": " "})));
    let run = bench.runs(&id).remove(0);
    assert_eq!(run.error.as_deref(), Some("stopped by an operator"));
    let blocked = bench.events(&id).into_iter().find(|event| event.kind == "blocked").unwrap();
    assert_eq!(blocked.payload.unwrap()["reason"], "stopped by an operator");
}

#[test]
fn a_claim_by_hand_ends_with_the_stop() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({"id": id, "claimer": "bob@desk"})));
    let reply = bench.do_it(&stop(json!({"id": id})));
    assert!(!reply.stopping);
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Stopped));
    assert!(!open_run(&bench, &id));
}

#[test]
fn only_a_running_task_can_be_stopped() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for then in [json!(null), json!("hold"), json!("cancel")] {
        let refusal = bench.refused(&stop(json!({"id": id, "then": then})));
        assert_eq!(
            refusal.to_string(),
            format!("cannot stop {id}: status=ready (not running)"),
            "nothing is reported for nothing"
        );
    }
    let order = bench.start_one();
    bench.do_it(&stop(json!({"id": id})));
    let again = bench.refused(&stop(json!({"id": id}))).to_string();
    assert!(again.contains(&format!("run {} are being stopped", order.run_id)), "{again}");
}

#[test]
fn a_worker_may_stop_nothing_not_even_itself() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let refusal = bench.refused_by(&worker(&order), &stop(json!({"id": id})));
    assert!(matches!(refusal, Refusal::Forbidden { .. }), "{refusal}");
}

#[test]
fn a_stopped_worker_can_report_nothing_any_more() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.do_it(&stop(json!({"id": id})));
    let late = wire::<CompleteTask>(json!({"id": id, "summary": "s"}));
    let refusal = bench.refused_by(&worker(&order), &late);
    assert_eq!(refusal.to_string(), format!("run {} is over: stopped by ada", order.run_id));
}

#[test]
fn force_is_refused_while_the_ladder_may_still_succeed() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let force = stop(json!({"id": id, "force": true}));
    assert!(matches!(bench.refused(&force), Refusal::NotUnkillable { .. }));
    let order = bench.start_one();
    assert!(matches!(bench.refused(&force), Refusal::NotUnkillable { .. }));
    bench.do_it(&stop(json!({"id": id})));
    let caller = Caller::System { part: "worker" };
    let stopping = RecordRunState { run_id: order.run_id, state: RunState::Stopping };
    bench.by(&caller, &stopping).unwrap();
    let refusal = bench.refused(&force).to_string();
    assert!(refusal.contains("are stopping, not unkillable"), "{refusal}");
}

#[test]
fn processes_that_do_not_die_keep_the_slot_and_alert_once_until_a_person_gives_them_up() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.do_it(&stop(json!({"id": id})));
    for _ in 0..3 {
        make_unkillable(&mut bench, order.run_id);
        bench.now += 24 * 60 * 60;
        assert!(bench.pass().orders.is_empty(), "no time frees the slot");
    }
    assert_eq!(bench.kinds(&id).iter().filter(|kind| *kind == "unkillable").count(), 1);
    assert!(matches!(
        bench.refused(&stop(json!({"id": id, "force": true, "then": "hold"}))),
        Refusal::WrongStatus { .. }
    ));
    let reply = bench.do_it(&stop(json!({"id": id, "force": true, "reason": "rebooted"})));
    assert_eq!((reply.run_id, reply.stopping), (Some(order.run_id), false));
    let closed = bench.events(&id).pop().unwrap();
    assert_eq!((closed.kind.as_str(), closed.actor.as_deref()), ("closed", Some("ada")));
    let payload = closed.payload.unwrap();
    assert_eq!((&payload["forced"], &payload["reason"]), (&json!(true), &json!("rebooted")));
    assert_eq!(bench.start_one().task.id, id, "its slot is free");
    // The real end comes late and changes nothing.
    let late = bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
    assert!(!late.closed);
}

#[test]
fn a_run_that_is_stuck_without_a_verdict_is_stopped_and_given_up_in_one_word() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    make_unkillable(&mut bench, order.run_id);
    assert_eq!(bench.status(&id), TaskStatus::Running);
    let reply = bench.do_it(&stop(json!({"id": id, "force": true, "then": "hold"})));
    assert_eq!((reply.status, reply.stopping), (TaskStatus::Blocked, false));
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Stopped));
}
