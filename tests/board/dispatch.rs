//! Passes: what starts, what counts, and when nobody tries again.

use std::collections::BTreeMap;

use kanband::kernel::caller::Caller;
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    CompleteTask, CreateTask, DispatchSwitch, PassMode, SetDispatch, StartReadyRuns, UnblockTask,
    preview_dispatch,
};

use crate::bench_board::{Bench, worker};

fn no_program() -> ProcessEnd {
    ProcessEnd::StartFailed {
        step: FailedStep::Program,
        message: "program `x` not found".into(),
        errno: Some(2),
    }
}

#[test]
fn caps_are_counted_from_open_runs_until_their_processes_are_gone() {
    let policy = Policy {
        max_running: 3,
        max_running_by_profile: BTreeMap::from([("one".to_owned(), 1)]),
        ..Policy::default()
    };
    let mut bench = Bench::with_policy(policy);
    for n in 0..4 {
        bench.create(&format!("one {n}"), "one", &[]);
        bench.create(&format!("many {n}"), "many", &[]);
    }
    let orders = bench.pass().orders;
    let profiles: Vec<_> = orders.iter().map(|order| order.profile.as_str()).collect();
    assert_eq!(orders.len(), 3);
    assert_eq!(profiles.iter().filter(|profile| **profile == "one").count(), 1);
    assert!(bench.pass().orders.is_empty());

    let first = orders.into_iter().find(|order| order.profile == "one").unwrap();
    bench.spawned(first.run_id);
    let done = CompleteTask {
        id: first.task.id.to_string(),
        summary: Some("s".into()),
        ..CompleteTask::default()
    };
    bench.by(&worker(&first), &done).unwrap();
    let pass = bench.pass();
    assert!(pass.orders.is_empty(), "a verdict frees no slot");
    let wanted = Signal::StopRun { run_id: first.run_id };
    assert!(bench.signals.contains(&wanted), "but ends the linger when the slot is wanted");
    bench.close(first.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    assert_eq!(bench.pass().orders.len(), 1);
}

#[test]
fn a_crash_is_retried_after_a_back_off_and_given_up_at_the_limit() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for failure in 1..=5 {
        bench.now += 3600;
        let order = bench.start_one();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
        assert_eq!(bench.task(&id).spawn_failures, failure);
        assert!(bench.pass().orders.is_empty(), "failure {failure} must not start at once");
    }
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    let outcomes: Vec<_> =
        bench.runs(&id).iter().map(|run| (run.outcome.unwrap(), run.cause)).collect();
    assert_eq!(outcomes[..4], [(RunOutcome::Crashed, None); 4]);
    assert_eq!(outcomes[4], (RunOutcome::GaveUp, Some(RunOutcome::Crashed)));
    let kinds = bench.kinds(&id);
    assert_eq!(kinds[kinds.len() - 3..], ["crashed", "gave_up", "closed"]);
    bench.now += 1_000_000;
    assert!(bench.pass().orders.is_empty(), "blocked waits for a person");
}

#[test]
fn a_lone_task_with_a_missing_program_ends_gave_up_and_its_profile_stays_closed() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for _ in 0..5 {
        bench.now += 3600;
        let orders = bench.pass().orders;
        bench.close(orders[0].run_id, VerdictMode::Report, no_program());
    }
    let outcomes: Vec<_> = bench.runs(&id).iter().map(|run| run.outcome.unwrap()).collect();
    assert_eq!(outcomes[..4], [RunOutcome::SpawnFailed; 4]);
    assert_eq!(outcomes[4], RunOutcome::GaveUp);
    let task = bench.task(&id);
    assert_eq!(task.status, TaskStatus::Blocked);
    assert_eq!(task.last_spawn_error.as_deref(), Some("program `x` not found"));
}

#[test]
fn ten_tasks_of_a_broken_profile_open_its_breaker_and_none_is_blocked() {
    let mut bench = Bench::new();
    let ids: Vec<_> = (0..10).map(|n| bench.create(&format!("t{n}"), "dev", &[])).collect();
    let other = bench.create("other", "qa", &[]);
    let mut starts = 0;
    for _ in 0..40 {
        for order in bench.pass().orders {
            if order.task.id == other {
                bench.spawned(order.run_id);
                bench.close(order.run_id, VerdictMode::Exit, ProcessEnd::Exited(0));
            } else {
                starts += 1;
                bench.close(order.run_id, VerdictMode::Report, no_program());
            }
        }
        bench.now += 1;
    }
    assert!(starts <= 10, "{starts} starts in 40 seconds of an open breaker");
    assert!(ids.iter().all(|id| bench.status(id) == TaskStatus::Ready));
    assert_eq!(bench.status(&other), TaskStatus::Done, "another profile is not held back");

    // The program is there again: one probe succeeds, then everything starts.
    bench.now += 3600;
    let probe = bench.pass().orders;
    assert_eq!(probe.len(), 1);
    bench.spawned(probe[0].run_id);
    assert!(bench.signals.contains(&Signal::DispatchDue));
    assert_eq!(bench.pass().orders.len(), 7, "eight slots, one is the probe's");
}

#[test]
fn a_clean_exit_without_a_verdict_gets_one_retry_then_a_person() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for _ in 0..2 {
        bench.now += 3600;
        let order = bench.start_one();
        let mut evidence = Evidence::of(ProcessEnd::Exited(0));
        evidence.log_tail = Some("I am done, I think".into());
        bench.close_with(order.run_id, VerdictMode::Report, evidence);
    }
    let runs = bench.runs(&id);
    assert_eq!(runs[0].outcome, Some(RunOutcome::ProtocolViolation));
    assert_eq!(runs[0].log_tail.as_deref(), Some("I am done, I think"));
    assert_eq!(runs[1].outcome, Some(RunOutcome::GaveUp));
    assert_eq!(runs[1].cause, Some(RunOutcome::ProtocolViolation));
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
}

#[test]
fn exit_codes_are_the_verdict_of_a_command() {
    let mut bench = Bench::new();
    for (end, outcome, status) in [
        (ProcessEnd::Exited(0), RunOutcome::Completed, TaskStatus::Done),
        (ProcessEnd::Exited(75), RunOutcome::RateLimited, TaskStatus::Ready),
        (ProcessEnd::Exited(1), RunOutcome::Crashed, TaskStatus::Ready),
    ] {
        let id = bench.create("t", "sh", &[]);
        let order = bench.start_one();
        let mut evidence = Evidence::of(end);
        evidence.log_tail = Some("first\nall 12 tests pass\n".into());
        bench.close_with(order.run_id, VerdictMode::Exit, evidence);
        let run = &bench.runs(&id)[0];
        assert_eq!((run.outcome, bench.status(&id)), (Some(outcome), status));
        let is_done = outcome == RunOutcome::Completed;
        assert_eq!(run.summary.as_deref(), is_done.then_some("all 12 tests pass"));
        assert_eq!(
            bench.task(&id).not_before.is_some(),
            !is_done,
            "failures wait, success does not"
        );
    }
}

#[test]
fn a_lost_shim_charges_the_host_and_requeues_the_task_uncharged() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let lost = || ProcessEnd::Lost { message: "its shim died".into(), is_host_fault: true };
    for _ in 0..3 {
        let order = bench.start_one();
        bench.close(order.run_id, VerdictMode::Report, lost());
    }
    let task = bench.task(&id);
    assert_eq!((task.status, task.spawn_failures), (TaskStatus::Ready, 0));
    assert!(bench.pass().orders.is_empty(), "the host's breaker is open");
    bench.now += 3600;
    bench.start_one();
}

#[test]
fn nothing_is_counted_for_a_run_that_was_never_started() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.pass().orders.remove(0);
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::NotStarted);
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::SpawnFailed));
    assert_eq!(bench.task(&id).spawn_failures, 0);
    assert_eq!(bench.pass().orders.len(), 1, "it starts at once");
}

#[test]
fn the_lifetime_cap_survives_unblocking_until_a_person_says_more() {
    let policy = Policy { lifetime_starts: 4, failure_limit: 2, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "dev", &[]);
    let unblock = |more_starts| UnblockTask { id: id.to_string(), more_starts, board: None };
    let mut starts = 0;
    for _ in 0..50 {
        bench.now += 3600;
        for order in bench.pass().orders {
            starts += 1;
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
        }
        if bench.status(&id) == TaskStatus::Blocked {
            bench.do_it(&unblock(false));
        }
    }
    assert_eq!(starts, 4);
    bench.now += 3600;
    bench.pass();
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    let error = bench.task(&id).last_spawn_error.unwrap();
    assert!(error.contains("--more-starts"), "{error}");
    bench.do_it(&unblock(true));
    assert_eq!(bench.pass().orders.len(), 1);
}

#[test]
fn a_persons_dispatch_does_not_wait_for_a_back_off_and_uses_its_own_limit() {
    let policy = Policy { backoff_base_ms: 600_000, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    assert!(bench.pass().orders.is_empty());
    let verb = StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: Some(2) },
        max: Some(1),
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    };
    let pass = bench.do_it(&verb);
    assert_eq!(pass.orders.len(), 1);
    bench.spawned(pass.orders[0].run_id);
    bench.close(pass.orders[0].run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
}

#[test]
fn a_preview_says_what_would_start_and_writes_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let unassigned = bench.create("u", "", &[]);
    let before = bench.dump();
    let policy = Policy::default();
    let now = bench.now;
    let preview = bench
        .board
        .read::<_, kanband::kernel::error::Fault>(|c| {
            preview_dispatch(c, &policy, now, None, false, &Default::default())
        })
        .unwrap();
    assert_eq!(preview.spawned, [(id, "dev".to_owned())]);
    assert_eq!(preview.skipped_unassigned, [unassigned]);
    assert_eq!(bench.dump(), before);
}

#[test]
fn with_dispatch_disabled_only_a_persons_pass_starts_something() {
    let policy = Policy { dispatch_enabled: false, ..Policy::default() };
    let mut bench = Bench::with_policy(policy);
    bench.create("t", "dev", &[]);
    assert!(bench.pass().orders.is_empty());
    let caller = Caller::Operator { name: "ada".into() };
    let verb = StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: None },
        max: None,
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    };
    assert_eq!(bench.by(&caller, &verb).unwrap().orders.len(), 1);
}

#[test]
fn a_run_has_the_time_limit_of_its_task_else_of_its_profile_else_the_default() {
    let policy = Policy {
        max_runtime_by_profile: BTreeMap::from([("slow".to_owned(), 50)]),
        ..Policy::default()
    };
    let mut bench = Bench::with_policy(policy);
    for (assignee, own, lifted, expected) in [
        ("dev", None, false, Some(86_400)),
        ("slow", None, false, Some(50)),
        ("slow", Some(7), false, Some(7)),
        ("slow", None, true, None),
    ] {
        bench.do_it(&CreateTask {
            title: "t".into(),
            assignee: Some(assignee.into()),
            max_runtime_seconds: own,
            no_max_runtime: lifted,
            ..CreateTask::default()
        });
        let order = bench.start_one();
        assert_eq!(order.max_runtime_seconds, expected, "{assignee} {own:?} {lifted}");
    }
}

#[test]
fn named_tasks_start_as_far_as_limits_and_pause_let_them_and_each_other_one_says_why() {
    let policy = Policy {
        max_running: 2,
        max_running_by_profile: [("capped".to_owned(), 1)].into(),
        ..Policy::default()
    };
    let mut bench = Bench::with_policy(policy);
    let first = bench.create("first in the queue", "dev", &[]);
    let parent = bench.create("parent", "", &[]);
    let waiting = bench.create("waiting", "dev", &[&parent]);
    let capped = [1, 2].map(|_| bench.create("capped", "capped", &[]));
    let others = [1, 2].map(|_| bench.create("other", "dev", &[]));
    let named = |only: Vec<TaskId>| StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: None },
        max: None,
        is_disk_low: false,
        looks: Default::default(),
        only,
    };
    bench.do_it(&SetDispatch { to: DispatchSwitch::Paused });
    let reply = bench.do_it(&named(vec![others[0].clone()]));
    assert_eq!((reply.orders.len(), reply.not_started[0].reason.as_str()), (0, "paused"));
    bench.do_it(&SetDispatch { to: DispatchSwitch::On });
    let all = [&waiting, &parent, &capped[0], &capped[1], &others[0], &others[1]];
    let reply = bench.do_it(&named(all.map(Clone::clone).to_vec()));
    let started: Vec<_> = reply.orders.iter().map(|order| &order.task.id).collect();
    assert_eq!(started, [&capped[0], &others[0]]);
    let reasons: Vec<_> = reply.not_started.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["dependency", "unassigned", "profile_cap", "cap"]);
    assert_eq!(bench.status(&first), TaskStatus::Ready, "nobody named it");
}
