//! One verb for many tasks in one request.

use kanband::kernel::error::ErrorCode;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::verbs::{BlockTask, BulkReply, BulkTasks, CreateTask};
use serde_json::{Value, json};

use crate::bench_board::{Bench, person, wire, worker};

fn refused(reply: &BulkReply) -> Vec<Option<ErrorCode>> {
    reply.results.iter().map(|one| one.refused.as_ref().map(|refused| refused.code)).collect()
}

#[test]
fn each_task_is_answered_on_its_own_and_a_refused_one_leaves_nothing() {
    let mut bench = Bench::new();
    let (ready, done) = (bench.create("r", "", &[]), bench.create("d", "", &[]));
    bench.do_it(&wire::<BulkTasks>(json!({"verb": "complete", "ids": [done]})));
    let before = bench.events(&done).len();
    let reply = bench.do_it(&wire::<BulkTasks>(json!({
        "verb": "block", "ids": [ready, done, "t_0"], "fields": {"reason": "why?"},
    })));
    assert_eq!(refused(&reply), [None, Some(ErrorCode::WrongStatus), Some(ErrorCode::UnknownTask)]);
    assert_eq!(reply.results[0].reply.as_ref().unwrap()["status"], "blocked");
    assert_eq!(bench.status(&ready), TaskStatus::Blocked);
    assert_eq!(bench.events(&done).len(), before);
    let counted = bench.board.counts().clone();
    let rows = bench.board.read(kanband::kernel::store::counts::read).unwrap();
    assert_eq!(counted, rows);
}

/// The edit writes an event and has the task wait, before its last parent is refused.
#[test]
fn what_a_refused_task_did_before_is_neither_counted_nor_published() {
    let mut bench = Bench::new();
    let (task, other) = (bench.create("t", "dev", &[]), bench.create("o", "", &[]));
    let counted = bench.board.counts().clone();
    let verb = wire::<BulkTasks>(json!({
        "verb": "edit", "ids": [task], "fields": {"title": "u", "add_parents": [other, task]},
    }));
    let now = bench.now;
    let (reply, effects) = bench.board.run_one(now, &person(), None, &verb).unwrap();
    assert_eq!(refused(&reply), [Some(ErrorCode::SelfLink)]);
    assert!(effects.events.is_empty(), "{:?}", effects.events);
    assert_eq!(bench.board.counts(), &counted);
    assert_eq!((bench.status(&task), bench.task(&task).title.as_str()), (TaskStatus::Ready, "t"));
}

#[test]
fn a_filter_means_the_tasks_of_that_moment_and_says_something() {
    let mut bench = Bench::new();
    let ids: Vec<_> = (0..3).map(|n| bench.create(&format!("t {n}"), "dev", &[])).collect();
    bench.create("other", "qa", &[]);
    bench.do_it(&wire::<BlockTask>(json!({"id": ids[0], "reason": "r"})));
    let verb = json!({"verb": "cancel", "where": {"assignee": "dev", "status": "ready"}});
    let reply = bench.do_it(&wire::<BulkTasks>(verb));
    let answered: Vec<&str> = reply.results.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(answered, [ids[1].as_str(), ids[2].as_str()]);
    assert_eq!(bench.status(&ids[0]), TaskStatus::Blocked);
    let of_acme = wire(json!({"title": "t", "tenant": "acme", "labels": ["db"]}));
    let of_acme = bench.do_it::<CreateTask>(&of_acme).task.id;
    for filter in [json!({"tenant": "acme"}), json!({"label": "db"})] {
        let verb = json!({"verb": "comment", "where": filter, "fields": {"body": "b"}});
        let reply = bench.do_it(&wire::<BulkTasks>(verb));
        let answered: Vec<&str> = reply.results.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(answered, [of_acme.as_str()], "{filter}");
    }
    for wrong in [
        json!({"verb": "cancel", "where": {}}),
        json!({"verb": "cancel", "where": {"status": "odd"}}),
        json!({"verb": "cancel", "where": {"status": "ready"}, "ids": [ids[0]]}),
        json!({"verb": "create", "ids": [ids[0]]}),
        json!({"verb": "cancel", "ids": [ids[0]], "fields": {"id": ids[1]}}),
        json!({"verb": "cancel", "ids": vec!["t_1"; 501]}),
    ] {
        bench.refused(&wire::<BulkTasks>(wrong));
    }
    let wrong_field = json!({"verb": "cancel", "ids": [ids[0]], "fields": {"colour": "red"}});
    let reply = bench.do_it(&wire::<BulkTasks>(wrong_field));
    assert_eq!(refused(&reply), [Some(ErrorCode::InvalidValue)]);
}

#[test]
fn one_request_id_is_enough_for_all_of_them() {
    let mut bench = Bench::new();
    let ids: Vec<_> = (0..2).map(|_| bench.create("t", "", &[])).collect();
    let verb = wire::<BulkTasks>(json!({"verb": "triage", "ids": ids}));
    let now = bench.now;
    let mut send = || bench.board.run_one(now, &person(), Some("b-1"), &verb).unwrap().0;
    let replies = |reply: BulkReply| -> Vec<Option<Value>> {
        reply.results.into_iter().map(|one| one.reply).collect()
    };
    let (first, again) = (replies(send()), replies(send()));
    assert_eq!(first, again);
    assert!(first.iter().all(Option::is_some));
}

#[test]
fn a_worker_does_in_bulk_what_it_may_do_alone() {
    let mut bench = Bench::new();
    let own = bench.create("own", "dev", &[]);
    let order = bench.start_one();
    let other = bench.create("other", "", &[]);
    let by = worker(&order);
    let comment = json!({"verb": "comment", "ids": [own, other], "fields": {"body": "b"}});
    let reply = bench.by(&by, &wire::<BulkTasks>(comment)).unwrap();
    assert_eq!(refused(&reply), [None, None]);
    let complete = json!({"verb": "complete", "ids": [other, own], "fields": {"summary": "s"}});
    let reply = bench.by(&by, &wire::<BulkTasks>(complete)).unwrap();
    assert_eq!(refused(&reply), [Some(ErrorCode::NotYours), None]);
    let reply = bench.by(&by, &wire::<BulkTasks>(json!({"verb": "archive", "ids": [other]})));
    assert_eq!(refused(&reply.unwrap()), [Some(ErrorCode::Forbidden)]);
}
