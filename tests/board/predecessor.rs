//! What went wrong on the predecessor's board, played again on this one. `docs/predecessor.md` has the whole list.

use std::sync::{Arc, Mutex};

use kanband::kernel::caller::Caller;
use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{GetContext, ListRuns, ListSubscriptions, ListTasks, ShowTask};
use kanband::kernel::run::RunOutcome;
use kanband::kernel::start_fault::FailedStep;
use kanband::kernel::store::{self, Birth, Missing};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    ArchiveTask, BlockTask, ClaimTask, ClampTimes, CompleteTask, CreateTask, EditTask,
    HeartbeatTask, LinkTasks, PromoteTask, ReclaimTask, Subscribe, UnblockTask, preview_dispatch,
};
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

/// How many statements `work` runs.
fn statements(bench: &mut Bench, work: impl FnOnce(&mut Bench)) -> Vec<String> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    bench.board.trace(move |one| sink.lock().unwrap().push(one.text())).unwrap();
    work(bench);
    bench.board.trace(|_| {}).unwrap();
    std::mem::take(&mut *seen.lock().unwrap())
}

#[test]
fn a_worker_whose_task_is_queued_again_completes_blocks_and_renews_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.do_it(&wire::<ReclaimTask>(json!({"id": id})));
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    let stale = worker(&order);
    for refusal in [
        bench.refused_by(&stale, &wire::<CompleteTask>(json!({"id": id, "summary": "late"}))),
        bench.refused_by(&stale, &wire::<BlockTask>(json!({"id": id, "reason": "late"}))),
        bench.refused_by(&stale, &wire::<HeartbeatTask>(json!({"id": id}))),
    ] {
        assert!(matches!(refusal, Refusal::RunOver { .. }), "{refusal}");
    }
}

#[test]
fn every_attempt_has_the_whole_time_of_its_task() {
    let mut bench = Bench::new();
    let limited = json!({"title": "t", "assignee": "dev", "max_runtime_seconds": 60});
    let id = bench.do_it(&wire::<CreateTask>(limited)).task.id;
    for attempt in 1..=3 {
        let order = bench.start_one();
        assert_eq!(order.max_runtime_seconds, Some(60), "attempt {attempt}");
        assert_eq!(bench.runs(&id).pop().unwrap().started_at, bench.now, "its own start");
        let mut evidence = Evidence::of(ProcessEnd::Signalled(15));
        (evidence.timed_out, evidence.elapsed_seconds) = (true, Some(60));
        bench.close_with(order.run_id, VerdictMode::Report, evidence);
        bench.now += 3600;
    }
    let outcomes: Vec<_> = bench.runs(&id).iter().map(|run| run.outcome.unwrap()).collect();
    assert_eq!(outcomes, [RunOutcome::TimedOut; 3]);
}

#[test]
fn whatever_ends_it_a_task_that_fails_at_once_is_not_started_for_ever() {
    let ways = [
        ("exit code", Evidence::of(ProcessEnd::Exited(1))),
        ("signal", Evidence::of(ProcessEnd::Signalled(11))),
        ("time", Evidence { timed_out: true, ..Evidence::of(ProcessEnd::Signalled(15)) }),
        ("silence", Evidence::of(ProcessEnd::Exited(0))),
    ];
    for (way, evidence) in ways {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let mut starts = 0;
        for _pass in 0..100 {
            bench.now += 3600;
            for order in bench.pass().orders {
                starts += 1;
                bench.spawned(order.run_id);
                bench.close_with(order.run_id, VerdictMode::Report, evidence.clone());
            }
        }
        assert!(starts <= 5, "{way}: {starts} starts in 100 passes");
        assert_eq!(bench.status(&id), TaskStatus::Blocked, "{way}");
        assert_eq!(bench.runs(&id).pop().unwrap().outcome, Some(RunOutcome::GaveUp), "{way}");
    }
}

#[test]
fn after_a_person_unblocked_it_the_first_failure_is_a_retry() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let fail = |bench: &mut Bench| {
        bench.now += 3600;
        let order = bench.pass().orders.remove(0);
        let end = ProcessEnd::StartFailed {
            step: FailedStep::Program,
            message: "no such program".into(),
            errno: Some(2),
        };
        bench.close(order.run_id, VerdictMode::Report, end);
    };
    for _ in 0..5 {
        fail(&mut bench);
    }
    assert_eq!(bench.status(&id), TaskStatus::Blocked);
    bench.do_it(&wire::<UnblockTask>(json!({"id": id})));
    assert_eq!(bench.task(&id).spawn_failures, 0);
    fail(&mut bench);
    assert_eq!((bench.status(&id), bench.task(&id).spawn_failures), (TaskStatus::Ready, 1));
}

#[test]
fn a_summary_of_white_space_is_no_summary_and_undoes_nothing() {
    for blank in ["", " ", "\n", " \t\r\n \n"] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        let verb = wire::<CompleteTask>(json!({"id": id, "summary": blank}));
        assert_eq!(bench.refused_by(&worker(&order), &verb), Refusal::SummaryRequired);
        assert_eq!(bench.do_it(&verb).status, TaskStatus::Done, "a person need not say more");
        assert_eq!(bench.runs(&id)[0].summary, None);
        assert_eq!(bench.events(&id).pop().unwrap().payload.unwrap()["summary"], json!(null));
    }
}

#[test]
fn no_request_writes_a_status() {
    for status in ["running", "ready", "todo", "triage", "done"] {
        let fields = json!({"id": "t_1", "title": "t", "status": status});
        assert!(serde_json::from_value::<EditTask>(fields.clone()).is_err());
        assert!(serde_json::from_value::<CreateTask>(fields).is_err());
    }
}

#[test]
fn what_is_done_or_archived_comes_back_by_reopen_and_unarchive_alone() {
    let mut bench = Bench::new();
    let done = bench.create("done", "dev", &[]);
    bench.do_it(&wire::<CompleteTask>(json!({"id": done, "summary": "s"})));
    let archived = bench.create("archived", "dev", &[]);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": archived})));
    for id in [&done, &archived] {
        let id = json!({"id": id});
        bench.refused(&wire::<ClaimTask>(id.clone()));
        bench.refused(&wire::<CompleteTask>(id.clone()));
        bench.refused(&wire::<BlockTask>(id.clone()));
        bench.refused(&wire::<UnblockTask>(id.clone()));
        bench.refused(&wire::<PromoteTask>(json!({"id": id["id"], "force": true})));
        bench.refused(&wire::<ReclaimTask>(id));
    }
    bench.now += 1_000_000;
    assert!(bench.pass().orders.is_empty());
}

#[test]
fn a_start_that_fails_after_its_task_was_archived_tells_of_no_failure() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.pass().orders.remove(0);
    bench.do_it(&wire::<ArchiveTask>(json!({"id": id})));
    let end = ProcessEnd::StartFailed {
        step: FailedStep::Program,
        message: "no such program".into(),
        errno: Some(2),
    };
    bench.close(order.run_id, VerdictMode::Report, end);
    let run = &bench.runs(&id)[0];
    assert_eq!((run.outcome, run.is_open()), (Some(RunOutcome::Reclaimed), false));
    assert_eq!(bench.status(&id), TaskStatus::Archived);
    assert_eq!(bench.task(&id).spawn_failures, 0);
    assert_eq!(bench.kinds(&id), ["created", "claimed", "archived", "closed"]);
}

#[test]
fn a_clock_that_goes_back_takes_no_run_away_holds_no_retry_up_and_hides_no_event() {
    let mut bench = Bench::new();
    let failed = bench.create("failed", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
    let claimed = bench.create("claimed", "", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({"id": claimed, "claimer": "ada@desk"})));
    let running = bench.create("running", "qa", &[]);
    bench.start_one();
    bench.now -= 500_000;
    assert!(bench.pass().orders.is_empty(), "a back-off that is left is at most the longest one");
    let policy = Policy::default();
    let longest = i64::try_from(policy.backoff_max_ms / 1000).unwrap().max(300);
    assert!(bench.task(&failed).not_before.unwrap() <= bench.now + longest);
    bench.now += longest;
    assert_eq!(bench.pass().orders.len(), 1, "it did not wait for the clock to catch up");
    assert_eq!(bench.status(&running), TaskStatus::Running);
    assert_eq!(bench.status(&claimed), TaskStatus::Running);
    bench.do_it(&wire::<HeartbeatTask>(json!({"id": claimed, "claimer": "ada@desk"})));
    let ids: Vec<_> = bench.events(&claimed).iter().map(|event| event.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert_eq!(bench.kinds(&claimed), ["created", "claimed", "heartbeat"], "in their order");
    let by_system = Caller::System { part: "start" };
    assert_eq!(bench.by(&by_system, &ClampTimes).unwrap(), 0, "nothing is left to shorten");
}

#[test]
fn a_claim_made_under_another_host_name_is_a_claim_like_any_other() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    assert_eq!(bench.task(&id).claim_lock.as_deref(), Some("kanband/dev"), "names no host");
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Crashed));
    let by_hand = bench.create("by hand", "", &[]);
    let claim = json!({"id": by_hand, "claimer": "ada@gone-host", "ttl_seconds": 10});
    bench.do_it(&wire::<ClaimTask>(claim));
    bench.now += 11;
    assert_eq!(bench.pass().reclaimed, [by_hand]);
}

#[test]
fn a_dry_run_over_an_expired_claim_says_so_and_leaves_it() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<ClaimTask>(json!({"id": id, "ttl_seconds": 10})));
    let parent = bench.create("parent", "", &[]);
    let child = bench.create("child", "dev", &[&parent]);
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.execute("UPDATE tasks SET status = 'done' WHERE title = 'parent'", []).unwrap();
    bench.now += 100;
    let before = bench.dump();
    let (policy, now) = (Policy::default(), bench.now);
    let preview = bench
        .board
        .read::<_, kanband::kernel::error::Fault>(|c| {
            preview_dispatch(c, &policy, now, None, false, &Default::default())
        })
        .unwrap();
    assert_eq!((preview.reclaimed, preview.promoted), (vec![id.clone()], vec![child]));
    assert_eq!(bench.dump(), before);
    assert_eq!(bench.status(&id), TaskStatus::Running);
}

#[test]
fn a_block_that_is_refused_leaves_no_comment() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<CompleteTask>(json!({"id": id, "summary": "s"})));
    let block = wire::<BlockTask>(json!({"id": id, "reason": "too late", "comment": true}));
    assert!(matches!(bench.refused(&block), Refusal::WrongStatus { .. }));
    assert!(!bench.dump().contains("too late"));
}

#[test]
fn no_event_ends_a_subscription() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.do_it(&wire::<Subscribe>(json!({"id": id, "platform": "p", "chat_id": "1"})));
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
    bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": "r"})));
    bench.do_it(&wire::<CompleteTask>(json!({"id": id, "summary": "s"})));
    let left = bench.ask(&ListSubscriptions::default()).unwrap().remove(0);
    let mut unseen = bench.events(&id);
    unseen.retain(|event| event.id > left.last_event_id);
    let kinds: Vec<_> = unseen.iter().map(|event| event.kind.as_str()).collect();
    let of_interest = ["crashed", "blocked", "completed"];
    assert!(of_interest.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}

#[test]
fn a_crash_tells_its_exit_code_or_its_signal() {
    for (end, exit_code, signal) in [
        (ProcessEnd::Exited(3), json!(3), json!(null)),
        (ProcessEnd::Signalled(9), json!(null), json!(9)),
    ] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        let order = bench.start_one();
        bench.close(order.run_id, VerdictMode::Report, end);
        let event = bench.events(&id).into_iter().find(|event| event.kind == "crashed").unwrap();
        let payload = event.payload.unwrap();
        assert_eq!((&payload["exit_code"], &payload["signal"]), (&exit_code, &signal));
        assert_eq!(payload["pid"], 1000 + order.run_id);
        assert_eq!(payload["claimer"], "kanband/dev");
        let keys: Vec<&str> = payload.keys().map(String::as_str).collect();
        assert_eq!(keys, ["claimer", "error", "exit_code", "pid", "signal"]);
    }
}

/// A board with a parent of one child, a chain of `depth` tasks, and `waiting` tasks in `todo`.
fn board_of(depth: usize, waiting: usize) -> (Bench, TaskId, [TaskId; 2]) {
    let mut bench = Bench::new();
    let open = bench.create("open", "", &[]);
    for n in 0..waiting {
        bench.create(&format!("waiting {n}"), "other", &[&open]);
    }
    let first = bench.create("first", "", &[]);
    let mut last = first.clone();
    for n in 0..depth {
        last = bench.create(&format!("link {n}"), "", &[&last]);
    }
    let parent = bench.create("parent", "", &[]);
    bench.create("child", "", &[&parent]);
    (bench, parent, [first, last])
}

#[test]
fn a_completion_and_a_link_cost_as_many_statements_on_a_large_board_as_on_a_small_one() {
    let cost = |depth, waiting| {
        let (mut bench, parent, [first, last]) = board_of(depth, waiting);
        let complete = wire::<CompleteTask>(json!({"id": parent, "summary": "s"}));
        let completing = statements(&mut bench, |bench| {
            assert_eq!(bench.do_it(&complete).released, 1);
        });
        let circle = wire::<LinkTasks>(json!({"parent_id": last, "child_id": first}));
        let linking = statements(&mut bench, |bench| {
            let refused = bench.run(&circle);
            assert!(matches!(refused, Err(VerbError::Refused(Refusal::Cycle { .. }))));
        });
        (completing, linking)
    };
    assert_eq!(cost(2, 0), cost(60, 300));
}

#[test]
fn a_pass_is_one_transaction_however_much_it_starts() {
    let mut bench = Bench::new();
    for n in 0..8 {
        bench.create(&format!("t{n}"), "dev", &[]);
    }
    let report = statements(&mut bench, |bench| {
        assert_eq!(bench.pass().orders.len(), 8);
    });
    let count = |word: &str| report.iter().filter(|sql| sql.starts_with(word)).count();
    assert_eq!((count("BEGIN"), count("COMMIT")), (1, 1), "{report:#?}");
}

#[test]
fn looking_writes_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]).to_string();
    let report = statements(&mut bench, |bench| {
        bench.ask(&ListTasks::default()).unwrap();
        bench.ask(&ShowTask { id: id.clone(), ..ShowTask::default() }).unwrap();
        bench.ask(&ListRuns { id: id.clone(), board: None }).unwrap();
        bench.ask(&GetContext { id: id.clone(), board: None }).unwrap();
    });
    let is_write = |sql: &&String| {
        ["INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE"].iter().any(|word| sql.starts_with(word))
    };
    assert!(report.len() > 4 && !report.iter().any(|sql| is_write(&sql)), "{report:#?}");
}

#[test]
fn opening_a_board_that_is_up_to_date_changes_no_byte() {
    let mut bench = Bench::new();
    for n in 0..50 {
        bench.create(&format!("t{n}"), "dev", &[]);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kanban.db");
    rusqlite::Connection::open(&bench.path)
        .unwrap()
        .execute("VACUUM INTO ?1", [path.to_str().unwrap()])
        .unwrap();
    let birth = Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 };
    let open = || drop(store::open_writer(&path, Missing::Refuse, &birth).unwrap());
    open(); // The first one makes it a file with a WAL.
    let before = std::fs::read(&path).unwrap();
    open();
    assert!(std::fs::read(&path).unwrap() == before);
}
