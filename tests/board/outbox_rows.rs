//! Rows of the outbox: written with their event or not at all, handed out once, gone with their task; and what they cost.

use std::sync::{Arc, Mutex};

use kanband::kernel::caller::Caller;
use kanband::kernel::ids::TaskId;
use kanband::kernel::notice::{
    ChannelReport, ChannelState, Class, Outcome, RateScope, Row, Settled,
};
use kanband::kernel::policy::Policy;
use kanband::kernel::rules::notify::Level;
use kanband::kernel::transfer::import::ImportTasks;
use kanband::kernel::verbs::{
    ArchiveTask, CollectGarbage, CompleteTask, EditTask, LeaseOutbox, PassMode, ReopenTask,
    ReportChannel, SetDispatch, SettleOutbox, StartReadyRuns, WatchTasks,
};
use serde_json::json;

use crate::bench_board::{Bench, wire};
use crate::outbox::{
    COURIER, bench, complete, lease, messages, policy, sent, settle, subscribe, temporary, watch,
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

fn headlines(bench: &mut Bench) -> Vec<(Class, String)> {
    lease(bench).rows.into_iter().map(|row| (row.notice.class, row.notice.headline)).collect()
}

#[test]
fn who_subscribes_to_all_tasks_hears_of_the_disk_once_and_when_it_has_room_again() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    let only_qa = json!({ "platform": "letters", "chat_id": "qa@example.org", "assignee": "qa" });
    bench.do_it(&wire::<WatchTasks>(only_qa));
    let pass = |bench: &mut Bench, is_disk_low: bool| {
        let verb = StartReadyRuns {
            mode: PassMode::Automatic,
            max: None,
            is_disk_low,
            looks: Default::default(),
            only: Vec::new(),
        };
        bench.by(&Caller::System { part: "dispatcher" }, &verb).unwrap();
    };
    for _ in 0..3 {
        pass(&mut bench, true);
    }
    let low = lease(&mut bench).rows;
    assert_eq!(low.len(), 1, "{low:?}");
    assert_eq!((low[0].channel.as_str(), low[0].notice.class), ("hook", Class::Ask));
    sent(&mut bench, &low[0]);
    assert_eq!(headlines(&mut bench), []);
    pass(&mut bench, false);
    let again = "The disk has room again: tasks are started.".to_owned();
    assert_eq!(headlines(&mut bench), [(Class::News, again)]);
}

#[test]
fn a_change_of_dispatch_is_news_and_none_is_not() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    for to in ["paused", "paused"] {
        bench.do_it(&wire::<SetDispatch>(json!({ "to": to })));
    }
    let found = headlines(&mut bench);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.ends_with("has paused dispatch: nothing is started."), "{found:?}");
}

#[test]
fn a_channel_that_breaks_is_reported_once_by_the_others() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    watch(&mut bench, "letters", "ada@example.org");
    let (channel, now_ms) = ("letters".to_owned(), bench.now * 1_000);
    for reason in ["wrong password", "wrong password still"] {
        let report = ChannelReport {
            channel: channel.clone(),
            state: ChannelState::Broken,
            reason: Some(reason.into()),
        };
        bench.by(&COURIER, &ReportChannel { report, now_ms }).unwrap();
    }
    let rows = lease(&mut bench).rows;
    let found: Vec<_> =
        rows.iter().map(|row| (row.channel.as_str(), row.notice.headline.as_str())).collect();
    assert_eq!(found, [("hook", "The channel letters cannot be used: wrong password")]);
}

#[test]
fn a_change_that_a_paused_channel_holds_back_wakes_nobody_before_the_pause_ends() {
    let mut bench = bench();
    for title in ["a", "b"] {
        let id = bench.create(title, "dev", &[]);
        subscribe(&mut bench, &id, "chat", "4711", Level::Normal);
        bench.do_it(&wire::<EditTask>(json!({ "id": id, "priority": 3 })));
    }
    let now_ms = bench.now * 1_000;
    let ask = LeaseOutbox { max: 1, now_ms };
    let edit = bench.by(&COURIER, &ask).unwrap().leased.edits.remove(0);
    let outcome = Outcome::Rate { after_ms: 60_000, scope: RateScope::Channel };
    let settled = Settled { id: edit.id, is_edit: true, lease: edit.lease, outcome };
    bench.by(&COURIER, &SettleOutbox { results: vec![settled], now_ms }).unwrap();
    let reply = bench.by(&COURIER, &ask).unwrap();
    assert_eq!(reply.leased.edits, []);
    assert_eq!(reply.next_ms, Some(now_ms + 60_000));
}

#[test]
fn a_row_behind_one_that_waits_wakes_nobody_before_that_goes() {
    let mut bench = bench();
    watch(&mut bench, "hook", "https://example.org/kanban");
    let id = bench.create("a", "dev", &[]);
    complete(&mut bench, &id, "done");
    let row = lease(&mut bench).rows.remove(0);
    settle(&mut bench, &row, temporary());
    bench.do_it(&wire::<ReopenTask>(json!({ "id": id })));
    let now_ms = bench.now * 1_000;
    let reply = bench.by(&COURIER, &LeaseOutbox { max: 9, now_ms }).unwrap();
    assert_eq!(reply.leased.rows, []);
    assert_eq!(reply.next_ms, Some(now_ms + 5_000), "the first retry of a webhook");
}
