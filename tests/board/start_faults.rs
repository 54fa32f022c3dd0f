//! Failed starts charge the one to blame: the host, the profile, the workspace, the task, and none of the others.

use kanband::kernel::breaker::{Breaker, BreakerKey, BreakerState};
use kanband::kernel::caller::Caller;
use kanband::kernel::error::{Fault, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::location::{Location, Look};
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::store;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    BreakerScope, CollectGarbage, CreateTask, ListBreakers, PassMode, PassReply, ResetBreaker,
    StartReadyRuns, StopTask,
};
use kanband::kernel::why::Reason;
use serde_json::json;

use crate::bench_board::{Bench, wire};

fn failed(step: FailedStep, errno: Option<i32>) -> ProcessEnd {
    ProcessEnd::StartFailed { step, message: format!("{step:?} failed"), errno }
}

fn in_repository(bench: &mut Bench, path: &str) -> TaskId {
    let fields = json!({
        "title": "t", "assignee": "dev", "workspace_kind": "worktree", "workspace_path": path,
    });
    bench.do_it(&wire::<CreateTask>(fields)).task.id
}

/// A pass that sees every path as a directory of its own.
fn pass(bench: &mut Bench) -> PassReply {
    let look = |path: &str, inode: u64| {
        let location = Location {
            anchor: path.to_owned(),
            device: 8,
            inode,
            missing: Vec::new(),
            above: Vec::new(),
        };
        (path.to_owned(), Look::Found(location))
    };
    let looks = [look("/bad", 5), look("/good", 6)].into();
    let verb = StartReadyRuns {
        mode: PassMode::Automatic,
        max: None,
        is_disk_low: false,
        looks,
        only: Vec::new(),
    };
    bench.by(&Caller::System { part: "dispatcher" }, &verb).unwrap()
}

fn why(bench: &Bench, id: &TaskId) -> Reason {
    bench.why(id, &Policy::default())
}

fn state(bench: &Bench, key: &BreakerKey) -> BreakerState {
    bench
        .board
        .read::<_, VerbError>(|connection| Ok(store::breakers::get(connection, key)?))
        .unwrap()
        .state
}

fn bad() -> BreakerKey {
    BreakerKey::Workspace("/bad".into())
}

fn dev() -> BreakerKey {
    BreakerKey::Profile("dev".into())
}

/// Ten tasks in one bad repository, until its breaker is open.
fn break_repository(bench: &mut Bench) -> Vec<TaskId> {
    let ids = (0..10).map(|_| in_repository(bench, "/bad")).collect();
    for order in pass(bench).orders.into_iter().take(5) {
        bench.close(order.run_id, VerdictMode::Report, failed(FailedStep::Setup, None));
    }
    ids
}

#[test]
fn a_bad_repository_opens_its_own_breaker_and_holds_up_no_other_task_of_its_profile() {
    let mut bench = Bench::with_policy(Policy { max_running: 5, ..Policy::default() });
    let ids = break_repository(&mut bench);
    assert_eq!(state(&bench, &bad()), BreakerState::Open);
    assert_eq!(state(&bench, &dev()), BreakerState::Closed);
    let held = bench.ask(&ListBreakers::default()).unwrap();
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!((held[0].key.as_str(), held[0].scope), ("workspace:/bad", BreakerScope::Workspace));
    let healthy = in_repository(&mut bench, "/good");
    let plain = bench.create("t", "dev", &[]);
    bench.now += 1;
    let reply = pass(&mut bench);
    let mut started: Vec<_> = reply.orders.iter().map(|order| order.task.id.clone()).collect();
    started.sort();
    let mut expected = [healthy, plain];
    expected.sort();
    assert_eq!(started, expected);
    let Reason::WorkspaceBreaker { path, until: Some(_), error: Some(error) } =
        why(&bench, ids.last().unwrap())
    else {
        panic!("{:?}", why(&bench, ids.last().unwrap()))
    };
    assert_eq!((path.as_str(), error.as_str()), ("/bad", "Setup failed"));
    assert!(ids.iter().all(|id| bench.status(id) == TaskStatus::Ready), "nobody was given up");
    let opened = ids.iter().flat_map(|id| bench.events(id)).find(|e| e.kind == "breaker_opened");
    assert_eq!(opened.unwrap().payload.unwrap()["key"], "workspace:/bad");
}

#[test]
fn one_start_is_tried_when_the_time_has_come_and_a_good_one_lets_all_start() {
    let mut bench = Bench::with_policy(Policy { max_running: 20, ..Policy::default() });
    let ids = break_repository(&mut bench);
    let started = pass(&mut bench).orders;
    let started: Vec<_> = started.iter().map(|order| order.task.id.as_str()).collect();
    assert!(started.is_empty(), "started behind an open breaker: {started:?}");
    let open_runs = ids.iter().flat_map(|id| bench.runs(id)).filter(|run| run.closed_at.is_none());
    let under_way: Vec<_> = open_runs.map(|run| run.id).collect();
    for run_id in under_way {
        bench.close(run_id, VerdictMode::Report, failed(FailedStep::Setup, None));
    }
    bench.now += 3600;
    let probe = pass(&mut bench).orders;
    assert_eq!(probe.len(), 1, "one is tried");
    assert_eq!(state(&bench, &bad()), BreakerState::HalfOpen);
    bench.close(probe[0].run_id, VerdictMode::Report, failed(FailedStep::Setup, None));
    assert_eq!(state(&bench, &bad()), BreakerState::Open);
    bench.now += 7200;
    let probe = pass(&mut bench).orders;
    assert_eq!(probe.len(), 1);
    bench.spawned(probe[0].run_id);
    assert_eq!(state(&bench, &bad()), BreakerState::Closed);
    assert_eq!(pass(&mut bench).orders.len(), 9, "and all the others start");
}

#[test]
fn a_person_resets_it_by_its_key() {
    let mut bench = Bench::with_policy(Policy { max_running: 5, ..Policy::default() });
    break_repository(&mut bench);
    bench.do_it(&ResetBreaker { key: "workspace:/bad".into() });
    bench.now += 3600;
    assert_eq!(pass(&mut bench).orders.len(), 5);
}

#[test]
fn a_breaker_that_no_start_has_moved_for_as_long_as_archived_tasks_are_kept_is_forgotten() {
    let mut bench = Bench::with_policy(Policy { max_running: 5, ..Policy::default() });
    break_repository(&mut bench);
    let now = bench.now;
    bench.do_it(&CollectGarbage { archived_before: now });
    assert_eq!(state(&bench, &bad()), BreakerState::Open, "it has just moved");
    bench.do_it(&CollectGarbage { archived_before: now + 1 });
    assert_eq!(bench.ask(&ListBreakers::default()).unwrap(), []);
}

/// There may be as many as tasks, and status and doctor list what is held back.
#[test]
fn of_held_workspaces_the_first_is_listed_and_the_others_are_counted() {
    let mut bench = Bench::with_policy(Policy { max_running: 5, ..Policy::default() });
    break_repository(&mut bench);
    let held = |bench: &Bench| {
        let read = |connection: &store::Connection| store::breakers::list_held(connection);
        let (held, more) = bench.board.read::<_, Fault>(read).unwrap();
        (held.into_iter().map(|breaker| breaker.key).collect::<Vec<_>>(), more)
    };
    assert_eq!(held(&bench), (vec![bad()], 0));
    for path in ["/worse", "/worst"] {
        let key = BreakerKey::Workspace(path.into());
        let breaker = Breaker { state: BreakerState::Open, ..Breaker::closed(key) };
        let put = |connection: &store::Connection| store::breakers::put(connection, &breaker, 1);
        bench.board.read::<_, Fault>(put).unwrap();
    }
    assert_eq!(held(&bench), (vec![bad()], 2));
}

#[test]
fn a_probe_that_says_nothing_about_the_workspace_lets_the_next_one_be_tried() {
    for end in [
        Some(failed(FailedStep::Program, Some(2))),
        Some(failed(FailedStep::Fork, Some(11))),
        Some(failed(FailedStep::Task, None)),
        Some(ProcessEnd::NotStarted),
        None,
    ] {
        let mut bench = Bench::with_policy(Policy { max_running: 5, ..Policy::default() });
        break_repository(&mut bench);
        bench.now += 3600;
        let probe = pass(&mut bench).orders.remove(0);
        match &end {
            Some(end) => drop(bench.close(probe.run_id, VerdictMode::Report, end.clone())),
            // A person stops it before its worker was seen.
            None => {
                bench.do_it(&wire::<StopTask>(json!({"id": probe.task.id, "then": "hold"})));
                bench.close(probe.run_id, VerdictMode::Report, ProcessEnd::Signalled(15));
            }
        }
        assert_eq!(state(&bench, &bad()), BreakerState::HalfOpen, "{end:?}");
        bench.now += 3600;
        assert_eq!(pass(&mut bench).orders.len(), 1, "{end:?}");
    }
}

#[test]
fn a_lone_task_in_a_bad_workspace_is_given_up_and_opens_no_breaker() {
    let mut bench = Bench::new();
    let id = in_repository(&mut bench, "/bad");
    for _ in 0..5 {
        bench.now += 3600;
        let order = pass(&mut bench).orders.remove(0);
        bench.close(order.run_id, VerdictMode::Report, failed(FailedStep::Workspace, Some(13)));
    }
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    assert_eq!(state(&bench, &bad()), BreakerState::Closed);
    assert_eq!(state(&bench, &dev()), BreakerState::Closed);
}

#[test]
fn what_the_host_lacks_charges_neither_task_nor_profile_nor_workspace() {
    for (step, errno) in [
        (FailedStep::Fork, Some(11)),
        (FailedStep::Supervisor, Some(12)),
        (FailedStep::Supervisor, None),
        (FailedStep::RunFiles, Some(30)),
        (FailedStep::Containment, None),
        (FailedStep::Program, Some(5)),
        (FailedStep::Setup, Some(24)),
        (FailedStep::SetupHost, None),
        (FailedStep::UserLookUp, None),
        (FailedStep::Randomness, None),
    ] {
        let policy = Policy { failure_limit: 1, max_running: 20, ..Policy::default() };
        let mut bench = Bench::with_policy(policy);
        let ids: Vec<_> = (0..6).map(|_| in_repository(&mut bench, "/bad")).collect();
        for order in pass(&mut bench).orders {
            bench.close(order.run_id, VerdictMode::Report, failed(step, errno));
        }
        for id in &ids {
            let task = bench.task(id);
            let counts = (task.status, task.spawn_failures, task.auto_starts);
            assert_eq!(counts, (TaskStatus::Ready, 0, 0), "{step:?} {errno:?}");
        }
        let held = bench.ask(&ListBreakers::default()).unwrap();
        let keys: Vec<_> = held.iter().map(|breaker| breaker.key.as_str()).collect();
        assert_eq!(keys, ["host"], "{step:?} {errno:?}");
    }
}

#[test]
fn what_a_task_asks_for_charges_that_task_alone() {
    let mut bench = Bench::with_policy(Policy { max_running: 20, ..Policy::default() });
    let ids: Vec<_> = (0..6).map(|_| in_repository(&mut bench, "/bad")).collect();
    for order in pass(&mut bench).orders {
        bench.close(order.run_id, VerdictMode::Report, failed(FailedStep::Task, None));
    }
    assert!(ids.iter().all(|id| bench.task(id).spawn_failures == 1));
    assert!(bench.ask(&ListBreakers::default()).unwrap().is_empty());
}

#[test]
fn a_scratch_directory_that_its_own_workers_have_replaced_charges_the_task() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = pass(&mut bench).orders.remove(0);
    bench.close(order.run_id, VerdictMode::Report, failed(FailedStep::Workspace, None));
    assert_eq!(bench.task(&id).spawn_failures, 1);
    assert!(bench.ask(&ListBreakers::default()).unwrap().is_empty());
}
