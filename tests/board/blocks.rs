//! Kinds of blocks: where each leads, how often a transient one is tried again, and when blocks are a loop.

use kanband::kernel::counts::CountKey;
use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::{BoardName, TaskId};
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::policy::Policy;
use kanband::kernel::queries::{Snapshot, WaitingFacts, waiting_tasks};
use kanband::kernel::rules::inbox::Kind;
use kanband::kernel::run::RunOutcome;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{
    AnswerTask, BlockTask, ClampTimes, CompleteTask, CreateTask, RunOrder, UnblockTask,
    VerdictReply,
};
use kanband::kernel::why::Reason;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::bench_board::{Bench, person, wire, worker};

/// Blocks the task of a run as its worker, and lets its processes end.
fn block(bench: &mut Bench, order: &RunOrder, fields: Value) -> VerdictReply {
    let mut fields = fields;
    fields["id"] = json!(order.task.id);
    let reply = bench.by(&worker(order), &wire::<BlockTask>(fields)).unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    reply
}

/// The kinds of rows in the inbox, each with its first line.
pub(crate) fn inbox(bench: &Bench) -> Vec<(Kind, String)> {
    let local_time = kanband::kernel::context::LocalTime::new(jiff::tz::TimeZone::UTC);
    let counts: BTreeMap<CountKey, i64> =
        bench.board.counts().all().map(|(key, count)| (key.clone(), count)).collect();
    let read = |connection: &kanband::kernel::store::Connection| {
        let caller = person();
        let snapshot =
            Snapshot { connection, now: bench.now, caller: &caller, local_time: &local_time };
        let (policy, unusable) = (Policy::default(), BTreeMap::new());
        let facts = WaitingFacts { policy: &policy, counts: &counts, unusable: &unusable };
        waiting_tasks(&snapshot, facts, &[BoardName::default()], None)
    };
    let waiting = bench.board.read::<_, VerbError>(read).unwrap();
    let rows = kanband::kernel::rules::inbox::rows(waiting);
    rows.into_iter().map(|row| (row.kind, row.message)).collect()
}

fn unblock(bench: &mut Bench, id: &TaskId) {
    let verb = UnblockTask { id: id.to_string(), more_starts: false, board: None };
    bench.do_it(&verb);
}

#[test]
fn a_block_without_a_kind_needs_input_and_its_kind_is_on_task_and_run() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let reply = block(&mut bench, &order, json!({"reason": "which key?"}));
    assert_eq!((reply.status, reply.question), (TaskStatus::Blocked, None));
    assert_eq!(bench.task(&id).block_kind.as_deref(), Some("needs_input"));
    assert_eq!(bench.runs(&id)[0].block_kind.as_deref(), Some("needs_input"));
    unblock(&mut bench, &id);
    assert_eq!(bench.task(&id).block_kind, None, "it is of the block, not of the task");
}

#[test]
fn a_run_does_not_carry_the_kind_of_the_block_before_it() {
    let mut bench = Bench::with_policy(crate::reviews::policy());
    let create = json!({"title": "t", "assignee": "dev", "review": "qa"});
    let id = bench.do_it(&wire::<CreateTask>(create)).task.id;
    let parent = bench.do_it(&wire::<CreateTask>(json!({"title": "p", "triage": true}))).task.id;
    let work = bench.start_one();
    bench.by(&worker(&work), &wire::<CompleteTask>(json!({"id": id, "summary": "s"}))).unwrap();
    bench.close(work.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let review = bench.start_one();
    let reply =
        block(&mut bench, &review, json!({"reason": "r", "kind": "dependency", "on": [parent]}));
    assert_eq!(reply.status, TaskStatus::Review, "the round is open, so its reviewer comes again");
    assert_eq!(bench.task(&id).block_kind.as_deref(), Some("dependency"));
    bench.start_one();
    let task = bench.task(&id);
    assert_eq!((task.status, task.block_kind), (TaskStatus::Running, None));
}

#[test]
fn a_dependency_links_its_parent_waits_for_it_and_needs_no_person() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let parent = bench.create("schema", "nobody", &[]);
    let reply = block(
        &mut bench,
        &order,
        json!({"reason": "needs the schema", "kind": "dependency", "on": [parent]}),
    );
    assert_eq!(reply.status, TaskStatus::Todo);
    assert_eq!(bench.runs(&id)[0].outcome, Some(RunOutcome::Blocked));
    assert_eq!(bench.runs(&id)[0].block_kind.as_deref(), Some("dependency"));
    let open_parents = vec![parent.to_string()];
    assert_eq!(bench.why(&id, &Policy::default()), Reason::Dependency { open_parents });
    assert!(!inbox(&bench).iter().any(|(_, message)| message.contains(id.as_str())));
    let kinds = bench.kinds(&id);
    assert_eq!(kinds, ["created", "claimed", "spawned", "linked", "blocked", "closed"]);
    let done = CompleteTask { id: parent.to_string(), ..CompleteTask::default() };
    bench.do_it(&done);
    assert_eq!(bench.status(&id), TaskStatus::Ready);
}

#[test]
fn a_dependency_without_an_unfinished_parent_is_refused_and_leaves_no_link() {
    let mut bench = Bench::new();
    let done = bench.create("done", "dev", &[]);
    bench.do_it(&CompleteTask { id: done.to_string(), ..CompleteTask::default() });
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    for (on, is_expected) in [
        (
            json!([]),
            (|refusal| matches!(refusal, Refusal::NoOpenParent { .. })) as fn(&Refusal) -> bool,
        ),
        (json!([done]), |refusal| matches!(refusal, Refusal::NoOpenParent { .. })),
        (json!([id]), |refusal| matches!(refusal, Refusal::SelfLink { .. })),
        (json!(["t_dead"]), |refusal| matches!(refusal, Refusal::UnknownLinkEnds { .. })),
    ] {
        let fields = json!({"id": id, "reason": "r", "kind": "dependency", "on": on});
        let refusal = bench.refused_by(&worker(&order), &wire::<BlockTask>(fields));
        assert!(is_expected(&refusal), "{on}: {refusal}");
    }
}

#[test]
fn a_transient_block_is_tried_again_three_times_in_a_row_and_then_it_is_for_a_person() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let fields = json!({"reason": "registry down", "kind": "transient", "retry_in_seconds": 600});
    for _ in 0..3 {
        let order = bench.start_one();
        let reply = block(&mut bench, &order, fields.clone());
        let retry_at = bench.now + 600;
        assert_eq!((reply.status, reply.retry_at), (TaskStatus::Ready, Some(retry_at)));
        assert_eq!(bench.task(&id).not_before, Some(retry_at));
        let system = kanband::kernel::caller::Caller::System { part: "dispatcher" };
        bench.by(&system, &ClampTimes).unwrap();
        assert_eq!(bench.task(&id).not_before, Some(retry_at), "it is no back-off to be clamped");
        bench.now = retry_at - 1;
        assert!(bench.pass().orders.is_empty(), "not before its time");
        bench.now = retry_at;
    }
    let order = bench.start_one();
    let reply = block(&mut bench, &order, fields.clone());
    assert_eq!((reply.status, reply.retry_at), (TaskStatus::Blocked, None));
    assert_eq!(bench.task(&id).block_kind.as_deref(), Some("transient"));
    unblock(&mut bench, &id);
    let order = bench.start_one();
    let reply = block(&mut bench, &order, fields);
    assert_eq!(reply.status, TaskStatus::Ready, "a person began a new row");
}

#[test]
fn another_end_between_them_begins_a_new_row_of_retries() {
    let mut bench = Bench::new();
    bench.create("t", "dev", &[]);
    let fields = json!({"reason": "down", "kind": "transient", "retry_in_seconds": 1});
    for attempt in 0..6 {
        let order = bench.start_one();
        if attempt == 2 {
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
        } else {
            let reply = block(&mut bench, &order, fields.clone());
            assert_eq!(reply.status, TaskStatus::Ready, "attempt {attempt}");
        }
        bench.now += 1000;
    }
}

#[test]
fn three_blocks_of_one_kind_are_one_row_and_a_persons_answer_ends_it() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let loops = |bench: &Bench| {
        inbox(bench).into_iter().filter(|(kind, _)| *kind == Kind::BlockLoop).count()
    };
    for blocks in 1..=4 {
        let order = bench.start_one();
        block(&mut bench, &order, json!({"reason": "which key?"}));
        assert_eq!(loops(&bench), usize::from(blocks >= 3), "after {blocks} blocks");
        assert_eq!(bench.status(&id), TaskStatus::Blocked, "nothing moves it");
        unblock(&mut bench, &id);
    }
    assert_eq!(loops(&bench), 1, "an unblock is no answer");
    let order = bench.start_one();
    block(&mut bench, &order, json!({"question": "which key?"}));
    let answer = AnswerTask { id: id.to_string(), answer: "mine".into(), ..AnswerTask::default() };
    bench.do_it(&answer);
    assert_eq!(loops(&bench), 0);
    for blocks in 1..=2 {
        let order = bench.start_one();
        block(&mut bench, &order, json!({"reason": "which key?"}));
        assert_eq!(loops(&bench), 0, "{blocks} blocks after the answer");
        unblock(&mut bench, &id);
    }
}

#[test]
fn another_kind_another_end_and_completion_end_a_loop() {
    for ends in ["kind", "crash", "done"] {
        let mut bench = Bench::new();
        let id = bench.create("t", "dev", &[]);
        for _ in 0..3 {
            let order = bench.start_one();
            block(&mut bench, &order, json!({"reason": "r"}));
            unblock(&mut bench, &id);
        }
        assert!(inbox(&bench).iter().any(|(kind, _)| *kind == Kind::BlockLoop), "{ends}");
        let order = bench.start_one();
        match ends {
            "kind" => drop(block(&mut bench, &order, json!({"reason": "r", "kind": "capability"}))),
            "crash" => {
                bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(1));
            }
            _ => {
                bench.do_it(&CompleteTask { id: id.to_string(), ..CompleteTask::default() });
            }
        }
        assert!(!inbox(&bench).iter().any(|(kind, _)| *kind == Kind::BlockLoop), "{ends}");
    }
}

#[test]
fn a_default_answer_is_no_persons_word_about_a_loop() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    for _ in 0..3 {
        let order = bench.start_one();
        let fields = json!({"question": "which?", "default": "this", "deadline_seconds": 600});
        block(&mut bench, &order, fields);
        bench.now += 600;
        // The answer comes in this pass, the start in the next.
        let orders = bench.pass().orders;
        for order in orders {
            bench
                .by(&worker(&order), &wire::<BlockTask>(json!({"id": id, "reason": "r"})))
                .unwrap();
            bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
            unblock(&mut bench, &id);
        }
    }
    assert!(inbox(&bench).iter().any(|(kind, _)| *kind == Kind::BlockLoop));
}
