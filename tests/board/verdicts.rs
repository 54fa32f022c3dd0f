//! Verdicts: who may give them, what they move, and what they mean when they are given twice.

use kanband::kernel::error::Refusal;
use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::run::{RunOutcome, RunState};
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Signal;
use kanband::kernel::verbs::{
    BlockTask, CommentTask, CompleteTask, CreateTask, HeartbeatTask, LinkTasks, UnblockTask,
};
use serde_json::json;

use crate::bench_board::{Bench, worker};

fn complete(id: &impl ToString, summary: &str) -> CompleteTask {
    CompleteTask {
        id: id.to_string(),
        summary: Some(summary.to_owned()),
        ..CompleteTask::default()
    }
}

#[test]
fn a_workers_verdict_ends_its_run_and_releases_the_children_at_once() {
    let mut bench = Bench::new();
    let parent = bench.create("schema", "dev", &[]);
    let child = bench.create("api", "dev", &[&parent]);
    assert_eq!(bench.status(&child), TaskStatus::Todo);
    let order = bench.start_one();

    let caller = worker(&order);
    let verb = CompleteTask {
        metadata: json!({"files": ["a.rs"]}).as_object().cloned(),
        ..complete(&parent, "tables\nand more")
    };
    let reply = bench.by(&caller, &verb).unwrap();
    assert_eq!((reply.status, reply.released, reply.already), (TaskStatus::Done, 1, false));
    let verdict = Signal::VerdictGiven { run_id: order.run_id, by_worker: true };
    assert!(bench.signals.contains(&verdict), "{:?}", bench.signals);

    assert_eq!(bench.status(&child), TaskStatus::Ready);
    let run = &bench.runs(&parent)[0];
    assert_eq!(run.outcome, Some(RunOutcome::Completed));
    assert_eq!(run.status, "done");
    assert_eq!(run.state, RunState::Finishing);
    assert!(run.is_open(), "its processes may still be there");
    assert_eq!(run.metadata, Some(json!({"files": ["a.rs"]})));
    let event = bench.events(&parent).pop().unwrap();
    assert_eq!(event.kind, "completed");
    assert_eq!(event.payload.unwrap()["summary"], "tables");
    assert_eq!(event.actor.as_deref(), Some("run:1"));

    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let run = &bench.runs(&parent)[0];
    assert_eq!((run.exit_code, run.state), (Some(0), RunState::Closed));
    assert_eq!(run.outcome, Some(RunOutcome::Completed), "a verdict is never overwritten");
    assert_eq!(bench.kinds(&parent), ["created", "claimed", "spawned", "completed", "closed"]);
}

#[test]
fn the_same_verdict_from_the_same_run_answers_already_and_another_one_is_refused() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let caller = worker(&order);
    bench.by(&caller, &complete(&id, "done")).unwrap();
    assert!(bench.by(&caller, &complete(&id, "done")).unwrap().already);
    assert!(matches!(
        bench.refused_by(&caller, &complete(&id, "something else")),
        Refusal::RunOver { .. }
    ));
    let block = BlockTask { id: id.to_string(), reason: Some("no".into()), ..BlockTask::default() };
    assert!(matches!(bench.refused_by(&caller, &block), Refusal::RunOver { .. }));
}

#[test]
fn a_stale_worker_changes_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Signalled(9));
    bench.now += 60;
    let successor = bench.start_one();
    assert_ne!(successor.run_id, order.run_id);

    let stale = worker(&order);
    let text = id.to_string();
    let over = |refusal| matches!(refusal, Refusal::RunOver { .. });
    assert!(over(bench.refused_by(&stale, &complete(&id, "done"))));
    let block = BlockTask { id: text.clone(), reason: Some("no".into()), ..BlockTask::default() };
    assert!(over(bench.refused_by(&stale, &block)));
    let beat = HeartbeatTask { id: text.clone(), note: None, claimer: None, board: None };
    assert!(over(bench.refused_by(&stale, &beat)));
    let comment = CommentTask { id: text.clone(), body: "hello".into(), author: None, board: None };
    assert!(over(bench.refused_by(&stale, &comment)));
    let create = CreateTask { title: "more".into(), ..CreateTask::default() };
    assert!(over(bench.refused_by(&stale, &create)));
}

#[test]
fn a_worker_acts_on_its_own_task_only_and_under_its_own_name() {
    let mut bench = Bench::new();
    let id = bench.create("mine", "dev", &[]);
    let order = bench.start_one();
    let other = bench.create("other", "qa", &[]);
    let caller = worker(&order);
    assert!(matches!(bench.refused_by(&caller, &complete(&other, "x")), Refusal::NotYours { .. }));
    let unblock = UnblockTask { id: id.to_string(), more_starts: false, board: None };
    assert!(matches!(bench.refused_by(&caller, &unblock), Refusal::Forbidden { .. }));
    let forged = CommentTask {
        id: other.to_string(),
        body: "approve".into(),
        author: Some("boss".into()),
        board: None,
    };
    assert!(matches!(bench.refused_by(&caller, &forged), Refusal::Forbidden { .. }));
    let honest = CommentTask { author: None, ..forged };
    assert_eq!(bench.by(&caller, &honest).unwrap().author, "dev");
    let made = bench
        .by(&caller, &CreateTask { title: "follow-up".into(), ..CreateTask::default() })
        .unwrap();
    assert_eq!(made.task.created_by.as_deref(), Some("dev"));
}

#[test]
fn after_its_verdict_a_worker_may_comment_until_its_run_is_closed() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    let caller = worker(&order);
    bench.by(&caller, &complete(&id, "done")).unwrap();
    let comment =
        CommentTask { id: id.to_string(), body: "p.s.".into(), author: None, board: None };
    bench.by(&caller, &comment).unwrap();
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    assert!(matches!(bench.refused_by(&caller, &comment), Refusal::RunOver { .. }));
}

#[test]
fn people_complete_ready_and_blocked_tasks_and_a_run_keeps_the_handoff() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let block =
        BlockTask { id: id.to_string(), reason: Some("key?".into()), ..BlockTask::default() };
    bench.do_it(&block);
    bench.do_it(&complete(&id, "did it by hand"));
    let runs = bench.runs(&id);
    let seen: Vec<_> = runs
        .iter()
        .map(|run| (run.status.as_str(), run.outcome.unwrap(), run.started_at == bench.now))
        .collect();
    assert_eq!(
        seen,
        [("blocked", RunOutcome::Blocked, true), ("completed", RunOutcome::Completed, true)]
    );
    assert!(runs.iter().all(|run| !run.is_open() && run.ended_at == Some(run.started_at)));
    assert_eq!(bench.status(&id), TaskStatus::Done);
}

#[test]
fn completing_without_a_handoff_leaves_no_run_behind() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let blank = CompleteTask {
        id: id.to_string(),
        summary: Some("  \n ".into()),
        metadata: Some(serde_json::Map::new()),
        ..CompleteTask::default()
    };
    assert_eq!(bench.do_it(&blank).run_id, None);
    assert!(bench.runs(&id).is_empty());
}

#[test]
fn a_persons_verdict_on_a_running_task_leaves_no_time_to_linger() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let order = bench.start_one();
    bench.do_it(&complete(&id, "by hand"));
    let verdict = Signal::VerdictGiven { run_id: order.run_id, by_worker: false };
    assert!(bench.signals.contains(&verdict), "{:?}", bench.signals);
    assert_eq!(bench.runs(&id)[0].verdict_by.as_deref(), Some("ada"));
}

#[test]
fn a_block_keeps_its_reason_as_comment_only_when_it_happened() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    let block = BlockTask {
        id: id.to_string(),
        reason: Some("which key?".into()),
        comment: true,
        ..BlockTask::default()
    };
    bench.do_it(&block);
    assert_eq!(bench.kinds(&id), ["created", "blocked", "commented"]);
    assert!(matches!(bench.refused(&block), Refusal::WrongStatus { .. }));
}

#[test]
fn unblock_lands_in_todo_when_parents_are_open_and_resets_the_counters() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "dev", &[]);
    let child = bench.create("c", "dev", &[]);
    bench.do_it(&BlockTask { id: child.to_string(), ..BlockTask::default() });
    bench.do_it(&LinkTasks {
        parent_id: parent.to_string(),
        child_id: child.to_string(),
        board: None,
    });
    let unblock = UnblockTask { id: child.to_string(), more_starts: false, board: None };
    assert_eq!(bench.do_it(&unblock).status, TaskStatus::Todo);
    bench.do_it(&complete(&parent, "p"));
    assert_eq!(bench.status(&child), TaskStatus::Ready);
    assert!(matches!(bench.refused(&unblock), Refusal::WrongStatus { .. }));
}

#[test]
fn a_new_parent_sends_a_ready_child_back_to_todo_with_an_event() {
    let mut bench = Bench::new();
    let parent = bench.create("p", "dev", &[]);
    let child = bench.create("c", "dev", &[]);
    let link =
        LinkTasks { parent_id: parent.to_string(), child_id: child.to_string(), board: None };
    let reply = bench.do_it(&link);
    assert_eq!((reply.linked, reply.child_status), (true, TaskStatus::Todo));
    assert!(!bench.do_it(&link).linked, "a second time is a success that changes nothing");
    assert_eq!(bench.kinds(&child), ["created", "linked", "demoted"]);
}

#[test]
fn links_to_nothing_to_itself_and_in_circles_are_refused() {
    let mut bench = Bench::new();
    let a = bench.create("a", "dev", &[]);
    let b = bench.create("b", "dev", &[&a]);
    let c = bench.create("c", "dev", &[&b]);
    let link = |parent: &str, child: &str| LinkTasks {
        parent_id: parent.to_owned(),
        child_id: child.to_owned(),
        board: None,
    };
    for (parent, child, phrase) in [
        (a.as_str(), a.as_str(), "depend on itself"),
        (c.as_str(), a.as_str(), "create a cycle"),
        (b.as_str(), a.as_str(), "create a cycle"),
        (a.as_str(), "t_ffffffff", "unknown task"),
        ("nonsense", "../x", "unknown task"),
    ] {
        let refusal = bench.refused(&link(parent, child)).to_string();
        assert!(refusal.contains(phrase), "{parent} -> {child}: {refusal}");
    }
}
