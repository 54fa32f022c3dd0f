//! `why`: for every reason a board on which it is the true one, asked on the real file.

use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::{RunId, TaskId};
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::assignee::{Assignees, StartedBy};
use kanband::kernel::run::RunState;
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::store;
use kanband::kernel::verbs::{
    ArchiveTask, BlockTask, ClaimTask, CompleteTask, CreateTask, DispatchSwitch, RecordDoubt,
    RecordRunState, SetDispatch, StopTask, UnblockTask,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

fn why(bench: &Bench, id: &TaskId) -> Reason {
    why_with(bench, id, &Policy::default())
}

fn why_with(bench: &Bench, id: &TaskId, policy: &Policy) -> Reason {
    bench.why(id, policy)
}

/// A name per reason, without a wildcard: a new reason does not compile until it has a fixture below.
fn name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Running { .. } => "running",
        Reason::Done => "done",
        Reason::Archived => "archived",
        Reason::Triage { .. } => "triage",
        Reason::Scheduled { .. } => "scheduled",
        Reason::Review { .. } => "review",
        Reason::Dependency { .. } => "dependency",
        Reason::Blocked { .. } => "blocked",
        Reason::Question { .. } => "question",
        Reason::Unassigned => "unassigned",
        Reason::Person { .. } => "person",
        Reason::LookingForProfile { .. } => "looking_for_profile",
        Reason::UnknownProfile { .. } => "unknown_profile",
        Reason::PreviousRunStopping { .. } => "previous_run_stopping",
        Reason::PreviousRunUnkillable { .. } => "previous_run_unkillable",
        Reason::RunUnknown { .. } => "run_unknown",
        Reason::BackOff { .. } => "back_off",
        Reason::StartsUsedUp { .. } => "starts_used_up",
        Reason::RuntimeUsedUp { .. } => "runtime_used_up",
        Reason::DispatchDisabled => "dispatch_disabled",
        Reason::Paused => "paused",
        Reason::Draining => "draining",
        Reason::ProfilePaused { .. } => "profile_paused",
        Reason::BoardPaused { .. } => "board_paused",
        Reason::Disk { .. } => "disk",
        Reason::HostBreaker { .. } => "host_breaker",
        Reason::ProfileBreaker { .. } => "profile_breaker",
        Reason::ProfileCap { .. } => "profile_cap",
        Reason::Cap { .. } => "cap",
        Reason::WorkspaceBusy { .. } => "workspace_busy",
        Reason::WorkspaceUnknown { .. } => "workspace_unknown",
        Reason::WorkspaceUnseen { .. } => "workspace_unseen",
        Reason::WorkspaceBreaker { .. } => "workspace_breaker",
        Reason::Behind { .. } => "behind",
        Reason::StartsNext => "starts_next",
    }
}

#[test]
fn every_reason_has_words_and_is_named_on_the_wire_as_here() {
    let (until, error) = (Some(1), Some("e".to_owned()));
    let all = [
        Reason::Running { run_id: Some(1), by: "x".into(), open_parents: vec![] },
        Reason::Done,
        Reason::Archived,
        Reason::Triage { held: None },
        Reason::Scheduled { until: Some(1) },
        Reason::Review { reviewer: None, why: None },
        Reason::Dependency { open_parents: vec!["t_1".into()] },
        Reason::Blocked { why: None, gave_up: true },
        Reason::Question { question: "q_1".into(), text: "which?".into(), run_id: Some(1) },
        Reason::Unassigned,
        Reason::Person { name: "x".into() },
        Reason::LookingForProfile { assignee: "x".into(), error: None },
        Reason::UnknownProfile { assignee: "x".into(), nearest: None },
        Reason::PreviousRunStopping { run_id: 1 },
        Reason::PreviousRunUnkillable { run_id: 1 },
        Reason::RunUnknown { run_id: 1, error: "e".into() },
        Reason::BackOff { until: 1, error: None },
        Reason::StartsUsedUp { starts: 20 },
        Reason::RuntimeUsedUp { seconds: 9, max_seconds: 8 },
        Reason::DispatchDisabled,
        Reason::Paused,
        Reason::Draining,
        Reason::ProfilePaused { profile: "x".into() },
        Reason::BoardPaused { board: "x".into() },
        Reason::Disk { free_bytes: 1 },
        Reason::HostBreaker { until, error: error.clone() },
        Reason::ProfileBreaker { until, error: error.clone() },
        Reason::ProfileCap { open_runs: 1, max_running: 1 },
        Reason::Cap { open_runs: 1, max_running: 1 },
        Reason::WorkspaceBusy { run_id: 1, task_id: "t_1".into() },
        Reason::WorkspaceUnknown { path: "/x".into(), error: "e".into() },
        Reason::WorkspaceUnseen { path: "/x".into() },
        Reason::WorkspaceBreaker { path: "/x".into(), until, error },
        Reason::Behind { others: 1 },
        Reason::StartsNext,
    ];
    let mut text = std::collections::BTreeSet::new();
    for reason in &all {
        assert_eq!(serde_json::to_value(reason).unwrap()["reason"], name(reason));
        assert_eq!(reason.name(), name(reason));
        text.insert(reason.explanation());
    }
    assert_eq!(text.len(), all.len(), "two reasons have the same words");
}

#[test]
fn a_task_that_could_start_starts_next_and_then_runs() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    assert_eq!(why(&bench, &id), Reason::StartsNext);
    let order = bench.start_one();
    let expected = Reason::Running {
        run_id: Some(order.run_id),
        by: "kanband/dev".to_owned(),
        open_parents: vec![],
    };
    assert_eq!(why(&bench, &id), expected);
}

#[test]
fn a_task_at_its_end_says_so() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&wire::<CompleteTask>(json!({"id": id})));
    assert_eq!(why(&bench, &id), Reason::Done);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
    assert_eq!(why(&bench, &id), Reason::Archived);
}

#[test]
fn a_task_that_waits_for_people_or_parents_says_for_whom() {
    let mut bench = Bench::new();
    let triaged = bench.do_it(&wire::<CreateTask>(json!({"title": "t", "triage": true}))).task.id;
    assert_eq!(why(&bench, &triaged), Reason::Triage { held: None });
    let parent = bench.create("p", "", &[]);
    assert_eq!(why(&bench, &parent), Reason::Unassigned);
    let child = bench.create("c", "dev", &[&parent]);
    let expected = Reason::Dependency { open_parents: vec![parent.to_string()] };
    assert_eq!(why(&bench, &child), expected);
    let blocked = bench.create("b", "dev", &[]);
    let order = bench.start_one();
    let block = wire::<BlockTask>(json!({"id": blocked, "reason": "which colour?"}));
    bench.by(&worker(&order), &block).unwrap();
    let expected = Reason::Blocked { why: Some("which colour?".to_owned()), gave_up: false };
    assert_eq!(why(&bench, &blocked), expected);
}

#[test]
fn a_task_that_was_given_up_says_after_what() {
    let mut bench = Bench::with_policy(Policy { failure_limit: 1, ..Policy::default() });
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    let Reason::Blocked { why: Some(why), gave_up: true } = why(&bench, &id) else {
        panic!("{:?}", why(&bench, &id))
    };
    assert!(why.contains('3'), "{why}");
}

#[test]
fn an_assignee_without_a_profile_is_a_reason_only_when_profiles_are_strict() {
    let mut bench = Bench::new();
    let id = bench.create("t", "ghost", &[]);
    let profiles = [("dev".to_owned(), StartedBy::Itself)].into();
    let assignees = Assignees { profiles, is_strict: true, ..Assignees::default() };
    let policy = Policy { assignees, ..Policy::default() };
    let expected = Reason::UnknownProfile { assignee: "ghost".to_owned(), nearest: None };
    assert_eq!(why_with(&bench, &id, &policy), expected);
    let mut bench = Bench::new();
    bench.create("t", "ghost", &[]);
    bench.board.set_policy(std::sync::Arc::new(policy));
    assert!(bench.pass().orders.is_empty(), "what has a reason does not start");
}

#[test]
fn a_task_whose_last_processes_live_waits_for_them() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let block = wire::<BlockTask>(json!({"id": id, "reason": "r"}));
    bench.by(&worker(&order), &block).unwrap();
    bench.do_it(&wire::<UnblockTask>(json!({"id": id})));
    let run_id: RunId = order.run_id;
    assert_eq!(why(&bench, &id), Reason::PreviousRunStopping { run_id });
    for state in [RunState::Stopping, RunState::Unkillable] {
        let system = kanband::kernel::caller::Caller::System { part: "worker" };
        bench.by(&system, &RecordRunState { run_id, state }).unwrap();
    }
    assert_eq!(why(&bench, &id), Reason::PreviousRunUnkillable { run_id });
}

#[test]
fn a_run_of_which_nobody_can_say_what_became_of_it_is_the_reason_and_may_be_given_up() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let run_id = bench.start_one().run_id;
    let force = wire::<StopTask>(json!({"id": id, "force": true, "then": "hold"}));
    assert!(matches!(bench.refused(&force), Refusal::NotUnkillable { .. }));
    let system = kanband::kernel::caller::Caller::System { part: "crash-detector" };
    let doubt = |doubt: Option<&str>| RecordDoubt { run_id, doubt: doubt.map(str::to_owned) };
    bench.by(&system, &doubt(Some("permission denied"))).unwrap();
    let expected = Reason::RunUnknown { run_id, error: "permission denied".into() };
    assert_eq!(why(&bench, &id), expected);
    assert!(bench.pass().orders.is_empty());
    bench.spawned(run_id);
    assert_eq!(name(&why(&bench, &id)), "running", "it was seen again");
    bench.by(&system, &doubt(Some("permission denied"))).unwrap();
    bench.do_it(&force);
    assert_eq!(name(&why(&bench, &id)), "blocked");
    assert!(bench.runs(&id)[0].closed_at.is_some());
    bench.by(&system, &doubt(Some("late"))).unwrap();
    assert_eq!(name(&why(&bench, &id)), "blocked", "a closed run is in no doubt");
}

#[test]
fn a_failure_makes_it_wait_and_the_reason_tells_which() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    let Reason::BackOff { until, error: Some(error) } = why(&bench, &id) else {
        panic!("{:?}", why(&bench, &id))
    };
    assert!(until > bench.now && error.contains('3'), "{until} {error}");
    bench.now = until;
    assert_eq!(why(&bench, &id), Reason::StartsNext);
}

#[test]
fn used_up_starts_are_a_reason() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let policy = Policy { lifetime_starts: 0, ..Policy::default() };
    assert_eq!(why_with(&bench, &id, &policy), Reason::StartsUsedUp { starts: 0 });
}

#[test]
fn a_task_whose_runs_took_all_their_time_together_is_told_so() {
    let policy = Policy { max_total_runtime_seconds: Some(100), ..Policy::default() };
    let mut bench = Bench::with_policy(policy.clone());
    let id = bench.create("t", "dev", &[]);
    for _ in 0..2 {
        let order = bench.start_one();
        bench.now += 50;
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
        bench.now += 1000;
    }
    let expected = Reason::RuntimeUsedUp { seconds: 100, max_seconds: 100 };
    assert_eq!(why_with(&bench, &id, &policy), expected);
    assert!(bench.pass().orders.is_empty());
    let Reason::Blocked { why: Some(why), gave_up: true } = why_with(&bench, &id, &policy) else {
        panic!("{:?}", why_with(&bench, &id, &policy))
    };
    assert!(why.contains("100s of a maximum of 100s") && why.contains("--more-starts"), "{why}");
    bench.do_it(&wire::<UnblockTask>(json!({"id": id, "more_starts": true})));
    bench.start_one();
}

#[test]
fn processes_of_a_running_task_that_do_not_die_are_its_reason() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let run_id = bench.start_one().run_id;
    for state in [RunState::Stopping, RunState::Unkillable] {
        let system = kanband::kernel::caller::Caller::System { part: "worker" };
        bench.by(&system, &RecordRunState { run_id, state }).unwrap();
    }
    assert_eq!(why(&bench, &id), Reason::PreviousRunUnkillable { run_id });
}

#[test]
fn whatever_stops_the_whole_board_is_the_reason_of_each_ready_task() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for (switch, expected) in
        [(DispatchSwitch::Paused, Reason::Paused), (DispatchSwitch::Draining, Reason::Draining)]
    {
        bench.do_it(&SetDispatch { to: switch });
        assert_eq!(why(&bench, &id), expected);
    }
    bench.do_it(&SetDispatch { to: DispatchSwitch::On });
    let policy = Policy { dispatch_enabled: false, ..Policy::default() };
    assert_eq!(why_with(&bench, &id, &policy), Reason::DispatchDisabled);
}

#[test]
fn what_only_the_host_knows_is_told_from_its_facts() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let policy = Policy::default();
    let reason = bench.why_on_disk(&id, &policy, Some(7));
    assert_eq!(reason, Reason::Disk { free_bytes: 7 });
}

#[test]
fn an_open_breaker_is_a_reason_with_its_last_error() {
    let mut bench = Bench::new();
    for number in 0..6 {
        bench.create(&format!("t{number}"), "dev", &[]);
    }
    let missing = || ProcessEnd::StartFailed {
        step: FailedStep::Program,
        errno: Some(2),
        message: "no such program".into(),
    };
    for order in bench.pass().orders.into_iter().take(5) {
        bench.close_with(order.run_id, VerdictMode::Report, Evidence::of(missing()));
    }
    let id = bench.create("last", "dev", &[]);
    let Reason::ProfileBreaker { until: Some(_), error: Some(error) } = why(&bench, &id) else {
        panic!("{:?}", why(&bench, &id))
    };
    assert!(error.contains("no such program"), "{error}");
}

#[test]
fn a_host_that_loses_its_shims_is_the_reason_of_every_task() {
    let mut bench = Bench::new();
    for number in 0..9 {
        bench.create(&format!("t{number}"), &format!("p{number}"), &[]);
    }
    let id = bench.create("waits", "other", &[]);
    let breaker_is_open = |bench: &Bench| {
        let read = |c: &store::Connection| {
            Ok(store::breakers::get(c, &kanband::kernel::breaker::BreakerKey::Host)?)
        };
        bench.board.read::<_, VerbError>(read).unwrap().state
            == kanband::kernel::breaker::BreakerState::Open
    };
    let mut lost = 0;
    while !breaker_is_open(&bench) {
        for order in bench.pass().orders {
            let end = ProcessEnd::Lost { message: "shim died".into(), is_host_fault: true };
            bench.close(order.run_id, VerdictMode::Report, end);
        }
        lost += 1;
        assert!(lost < 20, "the host's breaker never opens");
    }
    assert_eq!(name(&why(&bench, &id)), "host_breaker");
}

#[test]
fn a_full_profile_and_a_full_host_are_told_with_their_numbers() {
    let mut policy = Policy { max_running: 2, ..Policy::default() };
    policy.max_running_by_profile.insert("dev".into(), 1);
    let mut bench = Bench::with_policy(policy.clone());
    bench.create("a", "dev", &[]);
    bench.start_one();
    let second = bench.create("b", "dev", &[]);
    let expected = Reason::ProfileCap { open_runs: 1, max_running: 1 };
    assert_eq!(why_with(&bench, &second, &policy), expected);
    bench.create("c", "qa", &[]);
    bench.start_one();
    let third = bench.create("d", "qa", &[]);
    let expected = Reason::Cap { open_runs: 2, max_running: 2 };
    assert_eq!(why_with(&bench, &third, &policy), expected);
}

#[test]
fn a_claim_by_hand_is_running_and_names_its_owner() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({"id": id, "claimer": "bob@desk"})));
    let Reason::Running { by, .. } = why(&bench, &id) else { panic!() };
    assert_eq!(by, "bob@desk");
}

#[test]
fn a_task_is_told_how_many_come_before_it() {
    let mut policy = Policy { max_running: 3, ..Policy::default() };
    policy.max_running_by_profile.insert("dev".into(), 1);
    let bench = &mut Bench::with_policy(policy.clone());
    let [mine, next, last] = ["a", "b", "c"].map(|title| {
        bench.now += 1;
        bench.create(title, "dev", &[])
    });
    let others: Vec<TaskId> = (0..3)
        .map(|number| {
            bench.now += 1;
            bench.create(&format!("q{number}"), "qa", &[])
        })
        .collect();
    assert_eq!(why_with(bench, &mine, &policy), Reason::StartsNext);
    assert_eq!(why_with(bench, &next, &policy), Reason::Behind { others: 1 }, "of its profile");
    assert_eq!(why_with(bench, &last, &policy), Reason::Behind { others: 2 });
    assert_eq!(why_with(bench, &others[1], &policy), Reason::StartsNext);
    let expected = Reason::Behind { others: 3 };
    assert_eq!(why_with(bench, &others[2], &policy), expected, "one of a full profile counts");
    let reason = why_with(bench, &last, &policy);
    assert_eq!(reason.explanation(), "behind 2 other tasks");
}
