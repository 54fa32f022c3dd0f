//! Requests that are safe to repeat: request ids, idempotency keys, and batches that stand or fall together.

use kanband::kernel::error::{Refusal, VerbError};
use kanband::kernel::ids::TaskId;
use kanband::kernel::queries::{GetStats, Snapshot, stats};
use kanband::kernel::store;
use kanband::kernel::task::TaskStatus;
use kanband::kernel::tx::Tx;
use kanband::kernel::verb::Verb;
use kanband::kernel::verbs::{CompleteTask, CreateTask, PassMode, StartReadyRuns};
use serde::Serialize;

use crate::bench_board::{Bench, person};

fn create(title: &str) -> CreateTask {
    CreateTask { title: title.into(), ..CreateTask::default() }
}

#[test]
fn a_repeated_request_id_answers_as_before_and_does_nothing_again() {
    let mut bench = Bench::new();
    let now = bench.now;
    let mut send = |verb: &CreateTask| {
        bench.board.run_one(now, &person(), Some("r-1"), verb).map(|(reply, _)| reply.task.id)
    };
    let first = send(&create("t")).unwrap();
    assert_eq!(send(&create("t")).unwrap(), first);
    let other = send(&create("another"));
    assert!(matches!(other, Err(VerbError::Refused(Refusal::RequestConflict { .. }))));
    assert_eq!(bench.kinds(&first), ["created"]);
}

#[test]
fn a_repeated_pass_answers_with_the_same_runs_and_claims_no_other() {
    let mut bench = Bench::new();
    let now = bench.now;
    bench.create("a", "dev", &[]);
    bench.create("b", "dev", &[]);
    let verb = StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: None },
        max: Some(1),
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    };
    let mut send = || bench.board.run_one(now, &person(), Some("p-1"), &verb).unwrap().0;
    let (first, again) = (send(), send());
    let runs = |reply: &kanband::kernel::verbs::PassReply| -> Vec<_> {
        reply.orders.iter().map(|order| order.run_id).collect()
    };
    assert_eq!(runs(&first).len(), 1);
    assert_eq!(runs(&first), runs(&again));
    assert!(!first.is_repeated && again.is_repeated, "so nobody starts them a second time");
    assert_eq!(bench.pass().orders.len(), 1, "the other one is free");
}

#[test]
fn a_reply_is_remembered_for_a_day() {
    let mut bench = Bench::new();
    let now = bench.now;
    bench.board.run_one(now, &person(), Some("r-1"), &create("t")).unwrap();
    bench.now += 24 * 3600;
    bench.pass();
    assert!(bench.dump().contains("r-1"));
    // Old replies are looked for in rounds, with a rest between them.
    bench.now += 601;
    bench.pass();
    assert!(!bench.dump().contains("r-1"));
}

#[test]
fn an_idempotency_key_finds_the_same_task_until_it_is_archived_and_never_another() {
    let mut bench = Bench::new();
    let keyed = |title: &str| CreateTask { idempotency_key: Some("k".into()), ..create(title) };
    let first = bench.do_it(&keyed("t"));
    assert!(first.created);
    let again = bench.do_it(&keyed("t"));
    assert!(!again.created);
    assert_eq!(again.task.id, first.task.id);
    assert!(matches!(bench.refused(&keyed("u")), Refusal::IdempotencyConflict { .. }));
    let blank = CreateTask { idempotency_key: Some(String::new()), ..create("t") };
    assert_ne!(bench.do_it(&blank).task.id, bench.do_it(&blank).task.id);
}

#[test]
fn a_refusal_stays_private_to_its_request_in_a_batch() {
    let mut bench = Bench::new();
    let mut batch = bench.board.batch(bench.now).unwrap();
    let first = batch.run(&person(), None, &create("one")).unwrap();
    assert!(batch.run(&person(), None, &create(" ")).is_err());
    let third = batch.run(&person(), None, &create("three")).unwrap();
    let effects = batch.commit().unwrap();
    assert_eq!(effects.events.len(), 2);
    assert_eq!(bench.status(&first.task.id), TaskStatus::Ready);
    assert_eq!(bench.status(&third.task.id), TaskStatus::Ready);
}

/// Labels a task, and is refused then when the label is `no`.
#[derive(Serialize)]
struct LabelOrRefuse {
    id: TaskId,
    label: &'static str,
}

impl Verb for LabelOrRefuse {
    type Reply = ();
    const NAME: &'static str = "label";

    fn run(&self, tx: &mut Tx<'_>) -> Result<(), VerbError> {
        store::labels::insert(tx.store(), &self.id, self.label)?;
        if self.label == "no" {
            return Err(Refusal::SummaryRequired.into());
        }
        Ok(())
    }
}

#[test]
fn a_request_that_is_refused_after_it_wrote_has_its_batch_run_again_and_leaves_nothing() {
    let mut bench = Bench::new();
    let id = bench.create("a", "", &[]);
    let label = |label| LabelOrRefuse { id: id.clone(), label };
    let mut batch = bench.board.batch(bench.now).unwrap();
    batch.run(&person(), None, &label("yes")).unwrap();
    assert!(!batch.wants_savepoints());
    assert!(matches!(
        batch.run(&person(), None, &label("no")),
        Err(VerbError::Refused(Refusal::SummaryRequired))
    ));
    assert!(batch.wants_savepoints());
    assert!(batch.run(&person(), None, &label("more")).is_err(), "nothing is added to it");
    assert!(batch.commit().is_err(), "and nothing of it is committed");

    let mut batch = bench.board.batch_with_savepoints(bench.now).unwrap();
    batch.run(&person(), None, &label("yes")).unwrap();
    batch.run(&person(), None, &label("no")).unwrap_err();
    batch.run(&person(), None, &label("more")).unwrap();
    assert!(!batch.wants_savepoints());
    batch.commit().unwrap();
    assert_eq!(bench.task(&id).labels, ["more", "yes"]);

    let alone = bench.board.run_one(bench.now, &person(), None, &label("no"));
    assert!(matches!(alone, Err(VerbError::Refused(Refusal::SummaryRequired))));
    assert_eq!(bench.task(&id).labels, ["more", "yes"], "a request alone neither");
}

#[test]
fn a_batch_that_is_not_committed_leaves_nothing() {
    let mut bench = Bench::new();
    let before = bench.dump();
    let mut batch = bench.board.batch(bench.now).unwrap();
    batch.run(&person(), None, &create("one")).unwrap();
    drop(batch);
    assert_eq!(bench.dump(), before);
}

#[test]
fn counts_in_memory_equal_the_rows() {
    let mut bench = Bench::new();
    let a = bench.create("a", "dev", &[]);
    bench.create("b", "dev", &[&a]);
    bench.create("c", "", &[]);
    bench.start_one();
    bench.do_it(&CompleteTask { id: a.to_string(), ..CompleteTask::default() });
    let counted = bench
        .board
        .read::<_, VerbError>(|connection| Ok(kanband::kernel::store::counts::read(connection)?))
        .unwrap();
    assert_eq!(*bench.board.counts(), counted);
    let caller = person();
    let local_time = kanband::kernel::context::LocalTime::new(jiff::tz::TimeZone::UTC);
    let answer = bench
        .board
        .read(|connection| {
            let snapshot = Snapshot {
                connection,
                now: bench.now + 5,
                caller: &caller,
                local_time: &local_time,
            };
            stats(&GetStats::default(), &snapshot, &counted)
        })
        .unwrap();
    assert_eq!(answer.by_status["done"], 1);
    assert_eq!(answer.by_status["ready"], 2);
    assert_eq!(answer.by_assignee["dev"]["ready"], 1);
    assert_eq!(answer.oldest_ready_age_seconds, Some(5));
}

#[test]
fn bad_fields_are_refused_with_their_key_phrase() {
    let mut bench = Bench::new();
    let big = "x".repeat(1024 * 1024 + 1);
    for (verb, phrase) in [
        (create(""), "title is required"),
        (create(" \t"), "title is required"),
        (
            CreateTask { workspace_kind: Some("attic".into()), ..create("t") },
            "workspace_kind must be one of",
        ),
        (CreateTask { parents: vec!["t_ffffffff".into()], ..create("t") }, "unknown parent"),
        (CreateTask { parents: vec!["../x".into()], ..create("t") }, "unknown parent"),
        (CreateTask { assignee: Some("--help".into()), ..create("t") }, "cannot begin with a dash"),
        (CreateTask { skills: Some(vec!["-x".into()]), ..create("t") }, "cannot begin with a dash"),
        (CreateTask { skills: Some(vec!["a,b".into()]), ..create("t") }, "cannot contain comma"),
        (CreateTask { body: Some(big), ..create("t") }, "too large"),
        (CreateTask { body: Some("a\0b".into()), ..create("t") }, "NUL"),
        (CreateTask { max_runtime_seconds: Some(0), ..create("t") }, "max_runtime"),
        (CreateTask { board: Some("nowhere".into()), ..create("t") }, "unknown board"),
    ] {
        let refusal = bench.refused(&verb).to_string();
        assert!(refusal.contains(phrase), "{refusal}");
        assert!(refusal.len() < 300, "one short line: {refusal}");
    }
    let unknown = CompleteTask { id: "nope".into(), ..CompleteTask::default() };
    assert!(bench.refused(&unknown).to_string().contains("no such task: nope"));
}
