//! Each of the twelve outcomes brought about on a board, and held against the table that says what it means.

use kanband::kernel::outcome::{
    BackOff, Charge, Destination, Evidence, NextReads, ProcessEnd, VerdictMode, rule,
};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::GetContext;
use kanband::kernel::run::{Run, RunOutcome};
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    BlockTask, CompleteTask, RateLimitTask, ReclaimTask, RunOrder, StopTask,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

const LOG: &str = "the last words of the worker";

fn evidence(end: ProcessEnd) -> Evidence {
    Evidence { log_tail: Some(LOG.into()), ..Evidence::of(end) }
}

/// Ends the run of `order` in the way that leads to `outcome`.
fn bring_about(bench: &mut Bench, order: &RunOrder, outcome: RunOutcome) {
    let id = &order.task.id;
    let summary = json!({"id": id, "summary": "handed over"});
    let mut end = evidence(ProcessEnd::Exited(1));
    match outcome {
        RunOutcome::Completed => {
            bench.by(&worker(order), &wire::<CompleteTask>(summary)).unwrap();
            end = evidence(ProcessEnd::Exited(0));
        }
        RunOutcome::Blocked => {
            let block = json!({"id": id, "reason": "handed over"});
            bench.by(&worker(order), &wire::<BlockTask>(block)).unwrap();
        }
        RunOutcome::Stopped => drop(bench.do_it(&wire::<StopTask>(json!({"id": id})))),
        RunOutcome::Reclaimed => drop(bench.do_it(&wire::<ReclaimTask>(json!({"id": id})))),
        RunOutcome::RateLimited => {
            let report = json!({"id": id, "retry_after_seconds": 77, "reason": "429"});
            bench.by(&worker(order), &wire::<RateLimitTask>(report)).unwrap();
        }
        RunOutcome::Crashed | RunOutcome::GaveUp => end.end = ProcessEnd::Signalled(11),
        RunOutcome::Oom => (end.oom, end.max_rss_bytes) = (true, Some(1 << 30)),
        RunOutcome::TimedOut => end.timed_out = true,
        RunOutcome::SpawnFailed => {
            end.end = ProcessEnd::StartFailed {
                step: FailedStep::Program,
                message: "no such program".into(),
                errno: Some(2),
            };
        }
        RunOutcome::ProtocolViolation => end.end = ProcessEnd::Exited(0),
        RunOutcome::Lost => {
            end.end = ProcessEnd::Lost { message: "its shim died".into(), is_host_fault: true };
        }
    }
    bench.close_with(order.run_id, VerdictMode::Report, end);
}

/// What the row of a run with this outcome has to keep.
fn assert_evidence(run: &Run, now: i64) {
    match run.outcome.unwrap() {
        RunOutcome::Completed | RunOutcome::Blocked => {
            assert_eq!(run.summary.as_deref(), Some("handed over"));
        }
        RunOutcome::Crashed => assert_eq!(run.signal, Some(11)),
        RunOutcome::GaveUp => {
            assert_eq!((run.signal, run.cause), (Some(11), Some(RunOutcome::Crashed)));
        }
        RunOutcome::Oom => {
            assert_eq!(run.max_rss_bytes, Some(1 << 30));
            assert!(run.error.as_deref().unwrap().contains("1073741824"), "{run:?}");
        }
        RunOutcome::TimedOut => assert!(run.error.is_some() && run.exit_code == Some(1)),
        RunOutcome::SpawnFailed => {
            assert_eq!((run.errno, run.error.as_deref()), (Some(2), Some("no such program")));
        }
        RunOutcome::ProtocolViolation => assert_eq!(run.exit_code, Some(0)),
        RunOutcome::RateLimited => {
            assert_eq!((run.retry_at, run.error.as_deref()), (Some(now + 77), Some("429")));
        }
        RunOutcome::Stopped | RunOutcome::Reclaimed => {
            assert_eq!(run.verdict_by.as_deref(), Some("ada"));
            assert!(run.error.is_some());
        }
        RunOutcome::Lost => assert_eq!(run.error.as_deref(), Some("its shim died")),
    }
}

#[test]
fn every_outcome_does_what_its_row_of_the_table_says() {
    for outcome in RunOutcome::ALL {
        let limit = if outcome == RunOutcome::GaveUp { 1 } else { 5 };
        let policy = Policy { failure_limit: limit, backoff_base_ms: 60_000, ..Policy::default() };
        let mut bench = Bench::with_policy(policy);
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        let now = bench.now;
        bring_about(&mut bench, &order, outcome);
        let rule = rule(outcome);
        let run = bench.runs(&id).remove(0);
        assert_eq!(run.outcome, Some(outcome));
        assert!(run.closed_at.is_some(), "{outcome}");
        assert_evidence(&run, now);

        let task = bench.task(&id);
        let status = match rule.destination {
            Destination::Done => TaskStatus::Done,
            Destination::Blocked => TaskStatus::Blocked,
            Destination::Retry | Destination::AsSaid => TaskStatus::Ready,
        };
        assert_eq!(task.status, status, "{outcome}");
        let counted = match rule.charge {
            Charge::Task | Charge::Start | Charge::Workspace => 1,
            // The failure before the limit was reached is the one that counted.
            Charge::Nobody => u32::from(outcome == RunOutcome::GaveUp),
            Charge::Host => 0,
        };
        assert_eq!(task.spawn_failures, counted, "{outcome}");
        let is_due = |at: i64| (now + 30..=now + 60).contains(&at);
        match rule.back_off {
            BackOff::None => assert_eq!(task.not_before, None, "{outcome}"),
            BackOff::Growing => assert!(is_due(task.not_before.unwrap()), "{outcome}: {task:?}"),
            BackOff::Stated => assert_eq!(task.not_before, Some(now + 77), "{outcome}"),
        }
        let kinds = bench.kinds(&id);
        assert!(kinds.iter().any(|kind| kind == outcome.as_str()), "{kinds:?}");

        let asked = GetContext { id: id.to_string(), board: None };
        let text = bench.ask(&asked).unwrap().context;
        assert!(text.contains(&format!("### Attempt 1 — {outcome} (dev")), "{text}");
        let (summary, error, log) = match rule.next_reads {
            NextReads::Summary => (true, false, false),
            NextReads::Error => (false, true, false),
            NextReads::ErrorAndLog => (false, true, true),
        };
        assert_eq!(text.contains("handed over"), summary, "{text}");
        assert_eq!(text.contains("_error_: "), error, "{outcome}: {text}");
        assert_eq!(text.contains(LOG), log, "{outcome}: {text}");
    }
}

#[test]
fn a_start_without_room_charges_the_host_and_none_of_fifty_tasks() {
    let mut bench = Bench::new();
    let ids: Vec<_> = (0..50).map(|n| bench.create(&format!("t{n}"), "dev", &[])).collect();
    let mut starts = 0;
    // Six hours of a full disk.
    for _ in 0..6 * 60 {
        for order in bench.pass().orders {
            starts += 1;
            let message = "the spec could not be written".to_owned();
            let end =
                ProcessEnd::StartFailed { step: FailedStep::Program, message, errno: Some(28) };
            bench.close(order.run_id, VerdictMode::Report, end);
        }
        bench.now += 60;
    }
    assert!(starts < 40, "{starts} starts");
    for id in &ids {
        let task = bench.task(id);
        assert_eq!((task.status, task.spawn_failures), (TaskStatus::Ready, 0));
        assert_eq!(task.auto_starts, 0, "what never started is not counted");
    }
    let opened: Vec<_> = ids
        .iter()
        .flat_map(|id| bench.events(id))
        .filter(|event| event.kind == "breaker_opened")
        .map(|event| event.payload.unwrap())
        .collect();
    assert_eq!(opened.len(), 1, "told once: {opened:?}");
    assert_eq!(opened[0]["key"], "host");
    // There is room again.
    bench.now += 3600;
    let probe = bench.pass().orders;
    assert_eq!(probe.len(), 1);
    bench.spawned(probe[0].run_id);
    bench.close(probe[0].run_id, VerdictMode::Exit, ProcessEnd::Exited(0));
    assert_eq!(bench.pass().orders.len(), 8);
    assert!(bench.kinds(&probe[0].task.id).iter().any(|kind| kind == "breaker_closed"));
}

#[test]
fn a_worker_that_says_twice_that_it_is_limited_is_told_already_and_nothing_changes() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let limited = wire::<RateLimitTask>(json!({"id": id, "retry_after_seconds": 50}));
    let first = bench.by(&worker(&order), &limited).unwrap();
    assert_eq!((first.retry_at, first.already), (Some(bench.now + 50), false));
    let before = bench.dump();
    bench.now += 10;
    let second = bench.by(&worker(&order), &limited).unwrap();
    assert_eq!((second.retry_at, second.already), (first.retry_at, true));
    assert_eq!(bench.dump(), before);
    let late = wire::<CompleteTask>(json!({"id": id, "summary": "s"}));
    bench.refused_by(&worker(&order), &late);
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    assert!(bench.pass().orders.is_empty());
    bench.now += 40;
    assert_eq!(bench.pass().orders.len(), 1);
}

#[test]
fn a_rate_limit_has_its_bounds_and_a_running_task() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for seconds in [0, -1, 7 * 24 * 3600 + 1] {
        let verb = wire::<RateLimitTask>(json!({"id": id, "retry_after_seconds": seconds}));
        let refusal = bench.refused(&verb).to_string();
        assert!(refusal.contains("between 1 second and 7 days"), "{refusal}");
    }
    let refusal = bench.refused(&wire::<RateLimitTask>(json!({"id": id}))).to_string();
    assert_eq!(refusal, format!("cannot rate limit {id}: status=ready (not running)"));
}

#[test]
fn a_provider_that_never_recovers_ends_at_the_lifetime_cap() {
    let policy = Policy { lifetime_starts: 4, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "dev", &[]);
    let mut starts = 0;
    for _ in 0..100 {
        for order in bench.pass().orders {
            starts += 1;
            bench.close(order.run_id, VerdictMode::Exit, ProcessEnd::Exited(75));
        }
        bench.now += 100;
    }
    assert_eq!((starts, bench.status(&id)), (4, TaskStatus::Blocked));
    assert_eq!(bench.task(&id).spawn_failures, 0, "uncounted");
}
