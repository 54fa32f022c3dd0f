//! Rows of the outbox: written with their event or not at all, handed out once, gone with their task; and what they cost.

use std::sync::{Arc, Mutex};

use kanband::kernel::ids::TaskId;
use kanband::kernel::notice::Row;
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::notify::Level;
use kanband::kernel::transfer::import::ImportTasks;
use kanband::kernel::verbs::{ArchiveTask, CollectGarbage, CompleteTask};
use serde_json::json;

use crate::bench_board::{Bench, wire};
use crate::outbox::{
    bench, complete, lease, messages, policy, sent, settle, subscribe, temporary, watch,
};

#[test]
fn a_refused_verb_leaves_no_message_and_a_row_is_there_with_its_event() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    let id = bench.create("a", "dev", &[]);
    let rows = |bench: &Bench| -> Vec<(Option<i64>, i64)> {
        let file = rusqlite::Connection::open(&bench.path).unwrap();
        let mut rows = file
            .prepare(
                "SELECT o.event_id, (SELECT count(*) FROM task_events e WHERE e.id = o.event_id) FROM outbox o",
            )
            .unwrap();
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().flatten().collect()
    };
    let wrong = CompleteTask { id: "t_00000000".into(), ..CompleteTask::default() };
    bench.refused(&wrong);
    assert_eq!(rows(&bench), []);
    complete(&mut bench, &id, "done");
    let found = rows(&bench);
    assert!(matches!(found.as_slice(), [(Some(_), 1)]), "{found:?}");
}

#[test]
fn a_verdict_that_nobody_subscribes_to_costs_no_statement_more() {
    let statements = |policy: Policy| {
        let mut bench = Bench::with_policy(policy);
        let ids: Vec<TaskId> = ["a", "b"].map(|title| bench.create(title, "dev", &[])).into();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        // The first one reads whether anybody subscribes.
        complete(&mut bench, &ids[0], "done");
        bench.board.trace(move |statement| sink.lock().unwrap().push(statement.text())).unwrap();
        complete(&mut bench, &ids[1], "done");
        std::mem::take(&mut *seen.lock().unwrap())
    };
    assert_eq!(statements(policy()), statements(Policy::default()));
}

#[test]
fn a_task_costs_the_same_however_many_others_are_subscribed_to() {
    let statements = |others: usize| {
        let mut bench = bench();
        let id = bench.create("a", "dev", &[]);
        subscribe(&mut bench, &id, "letters", "ada@example.org", Level::Quiet);
        for number in 0..others {
            let other = bench.create(&format!("other {number}"), "dev", &[]);
            subscribe(&mut bench, &other, "letters", "bob@example.org", Level::Quiet);
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        bench.board.trace(move |statement| sink.lock().unwrap().push(statement.text())).unwrap();
        complete(&mut bench, &id, "done");
        std::mem::take(&mut *seen.lock().unwrap()).len()
    };
    assert_eq!(statements(1), statements(40));
}

#[test]
fn a_row_is_leased_once_and_a_lease_settles_once() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    let id = bench.create("a", "dev", &[]);
    complete(&mut bench, &id, "done");
    let row = lease(&mut bench).rows.remove(0);
    assert!(lease(&mut bench).rows.is_empty(), "it is under way");
    let forged = Row { lease: "another".into(), ..row.clone() };
    let reply = settle(&mut bench, &forged, temporary());
    assert_eq!((reply.taken, reply.ignored), (0, 1));
    sent(&mut bench, &row);
    let reply = settle(&mut bench, &row, temporary());
    assert_eq!((reply.taken, reply.ignored), (0, 1), "it was settled");
}

#[test]
fn an_import_sends_nothing_and_a_purge_takes_the_messages_of_its_task() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    let id = bench.create("a", "dev", &[]);
    complete(&mut bench, &id, "done");
    let record = json!({
        "task": { "id": "t_0000abcd", "title": "came along", "status": "done", "created_at": 4 },
        "events": [{ "id": 1, "kind": "completed", "created_at": 5 }],
    });
    let tasks = json!({ "source": "kanban", "records": [record] });
    assert_eq!(bench.do_it(&wire::<ImportTasks>(tasks)).tasks.len(), 1);
    assert_eq!(messages(&bench).len(), 1, "of the task that was done here");
    bench.do_it(&ArchiveTask { id: id.to_string(), ..ArchiveTask::default() });
    assert!(!messages(&bench).is_empty());
    bench.do_it(&CollectGarbage { archived_before: bench.now + 1 });
    assert_eq!(messages(&bench), []);
}
