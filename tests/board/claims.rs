//! Manual claims: their end, their renewal, and that supervision has no end of that kind.

use kanband::kernel::error::Refusal;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{BlockTask, ClaimTask, HeartbeatTask, UnblockTask};

use crate::bench_board::{Bench, worker};

fn claim(id: &impl ToString, claimer: &str, ttl_seconds: Option<i64>) -> ClaimTask {
    ClaimTask {
        id: id.to_string(),
        ttl_seconds,
        claimer: Some(claimer.to_owned()),
        board: None,
        workspace: "/work".to_owned(),
        location: None,
        repository: None,
        branch: None,
    }
}

fn beat(id: &impl ToString, claimer: Option<&str>) -> HeartbeatTask {
    HeartbeatTask {
        id: id.to_string(),
        note: Some("halfway".into()),
        claimer: claimer.map(str::to_owned),
        board: None,
    }
}

#[test]
fn one_claim_wins_and_says_who_holds_it() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let reply = bench.do_it(&claim(&id, "ada@here", None));
    assert_eq!(reply.task.status, TaskStatus::Running);
    assert_eq!(reply.task.claim_lock.as_deref(), Some("ada@here"));
    assert_eq!(reply.task.claim_expires, Some(bench.now + 900));
    assert_eq!(reply.task.workspace_path.as_deref(), Some("/work"));
    let refusal = bench.refused(&claim(&id, "bob@here", None)).to_string();
    assert_eq!(refusal, format!("cannot claim {id}: status=running lock=ada@here"));
}

#[test]
fn an_expired_claim_goes_back_to_ready_in_the_next_pass_and_not_before() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&claim(&id, "ada@here", Some(10)));
    bench.now += 10;
    assert!(bench.pass().reclaimed.is_empty(), "its last second counts");
    bench.now += 1;
    let pass = bench.pass();
    assert_eq!(pass.reclaimed, std::slice::from_ref(&id));
    let run = &bench.runs(&id)[0];
    assert_eq!(run.outcome, Some(RunOutcome::Reclaimed));
    assert_eq!(run.error.as_deref(), Some("stale_lock=ada@here"));
    assert!(!run.is_open());
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    assert_eq!(bench.task(&id).spawn_failures, 0);
}

#[test]
fn a_heartbeat_renews_the_claim_even_after_its_end_but_only_for_its_owner() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&claim(&id, "ada@here", Some(10)));
    bench.now += 100;
    let refusal = bench.refused(&beat(&id, Some("bob@here")));
    assert!(matches!(refusal, Refusal::OtherClaimer { .. }), "{refusal}");
    let reply = bench.do_it(&beat(&id, Some("ada@here")));
    assert_eq!(reply.claim_expires, Some(bench.now + 900));
    assert!(bench.pass().reclaimed.is_empty());
    assert_eq!(bench.task(&id).last_heartbeat_at, Some(bench.now));
}

#[test]
fn a_heartbeat_never_shortens_a_longer_claim() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    bench.do_it(&claim(&id, "ada@here", Some(7200)));
    let end = bench.now + 7200;
    assert_eq!(bench.do_it(&beat(&id, None)).claim_expires, Some(end));
}

#[test]
fn a_supervised_run_has_no_end_by_the_clock() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    assert_eq!(bench.task(&id).claim_expires, None);
    bench.now += 1_000_000;
    assert!(bench.pass().reclaimed.is_empty());
    let caller = worker(&order);
    assert_eq!(bench.by(&caller, &beat(&id, None)).unwrap().claim_expires, None);
    assert_eq!(bench.status(&id), TaskStatus::Running);
}

#[test]
fn a_task_whose_last_run_is_still_stopping_cannot_be_claimed() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let block = BlockTask { id: id.to_string(), reason: Some("x".into()), ..BlockTask::default() };
    bench.by(&worker(&order), &block).unwrap();
    bench.do_it(&UnblockTask { id: id.to_string(), more_starts: false, board: None });
    assert_eq!(bench.status(&id), TaskStatus::Ready);
    assert!(bench.pass().orders.is_empty(), "a second worker must never run beside the first");
    assert!(matches!(
        bench.refused(&claim(&id, "ada@here", None)),
        Refusal::PreviousRunOpen { .. }
    ));
}

#[test]
fn times_to_live_that_make_no_sense_are_refused() {
    let mut bench = Bench::new();
    let id = bench.create("t", "", &[]);
    for ttl in [0, -1, i64::MAX] {
        assert!(matches!(
            bench.refused(&claim(&id, "ada@here", Some(ttl))),
            Refusal::InvalidValue { field: "ttl_seconds", .. }
        ));
    }
}
