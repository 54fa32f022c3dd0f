//! What reads cost, in steps of SQLite's machine: a count, so the same on every machine.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kanband::kernel::dispatch::QueueKey;
use kanband::kernel::error::VerbError;
use kanband::kernel::queries::{GetStats, ListTasks, SearchTasks, Snapshot, stats};
use kanband::kernel::store::{self, search, search::SearchIndex};
use kanband::kernel::verbs::{BlockTask, CompleteTask, CreateTask};
use serde_json::json;

use crate::bench_board::{Bench, person, wire};

/// What a read does.
type Read<'a> = &'a dyn Fn(&Bench);

/// A board like one that has been worked on: of ten tasks five are done, two are ready, one waits for another, one is blocked, one is in
/// triage.
fn board() -> Bench {
    let mut bench = Bench::new();
    for group in 0..30 {
        bench.now += 1;
        let mut create = |nth: usize, more: serde_json::Value| {
            let mut fields = json!({
                "title": format!("Part {nth} of the work"), "assignee": format!("dev{}", group % 8), "priority": group % 3,
            });
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            bench.do_it(&wire::<CreateTask>(fields)).task.id
        };
        let done: Vec<_> = (0..5).map(|nth| create(nth, json!({}))).collect();
        let ready = [5, 6].map(|nth| create(nth, json!({})));
        create(7, json!({"parents": [ready[0]]}));
        let blocked = create(8, json!({}));
        create(9, json!({"triage": true}));
        for id in &done {
            bench.do_it(&wire::<CompleteTask>(json!({"id": id, "summary": "s"})));
        }
        bench.do_it(&wire::<BlockTask>(json!({"id": blocked, "reason": "r"})));
    }
    let mut index = SearchIndex::open(&bench.path, "n").unwrap();
    bench.board.read::<_, VerbError>(|c| Ok(search::attach(c, &bench.path)?)).unwrap();
    index.catch_up(&store::open_reader(&bench.path).unwrap()).unwrap();
    bench
}

/// The steps of each read: what its statements have taken from one time to the next.
fn steps(bench: &mut Bench, reads: &[(&'static str, Read<'_>, i64)]) -> Vec<(&'static str, i64)> {
    // By statement, what it had taken when it was first used in this round.
    let seen: Arc<Mutex<BTreeMap<String, i64>>> = Arc::default();
    let sink = Arc::clone(&seen);
    bench
        .board
        .trace(move |statement| {
            let steps = statement.steps_before();
            sink.lock().unwrap().entry(statement.text()).or_insert(steps);
        })
        .unwrap();
    let round = |read: Read<'_>| {
        read(bench);
        std::mem::take(&mut *seen.lock().unwrap())
    };
    let of = |read: Read<'_>| -> i64 {
        let [_, second, third] = [round(read), round(read), round(read)];
        let is_work = |sql: &str| sql.starts_with("SELECT") || sql.starts_with("WITH");
        third.iter().filter(|(sql, _)| is_work(sql)).map(|(sql, after)| after - second[sql]).sum()
    };
    reads.iter().map(|(name, read, _)| (*name, of(*read))).collect()
}

fn list(sort: Option<&str>, limit: u32) -> impl Fn(&Bench) {
    let query =
        ListTasks { sort: sort.map(str::to_owned), limit: Some(limit), ..ListTasks::default() };
    move |bench| assert_eq!(bench.ask(&query).unwrap().len(), limit as usize)
}

fn read_stats(bench: &Bench) {
    let (caller, now) = (person(), bench.now);
    let local_time = kanband::kernel::context::LocalTime::new(jiff::tz::TimeZone::UTC);
    let read = |connection: &store::Connection| {
        let snapshot = Snapshot { connection, now, caller: &caller, local_time: &local_time };
        stats(&GetStats::default(), &snapshot, bench.board.counts())
    };
    assert!(bench.board.read(read).unwrap().oldest_ready_age_seconds.is_some());
}

fn read_search(bench: &Bench) {
    let query = SearchTasks { text: "part".into(), limit: Some(5), ..SearchTasks::default() };
    assert_eq!(bench.ask(&query).unwrap().len(), 5);
}

#[test]
fn a_read_takes_no_more_steps_than_its_bound() {
    let (few, many, newest) = (list(None, 3), list(None, 50), list(Some("-created"), 50));
    let reads: [(&'static str, Read<'_>, i64); 5] = [
        ("list by priority, 3", &few, 430),
        ("list by priority, 50", &many, 4_900),
        ("list newest, 50", &newest, 3_320),
        ("stats", &read_stats, 85),
        ("search, 5", &read_search, 9_800),
    ];
    let found = steps(&mut board(), &reads);
    for ((name, steps), (_, _, bound)) in found.iter().zip(&reads) {
        assert!(*steps > 0 && steps <= bound, "{name}: {steps} > {bound} steps; all: {found:?}");
    }
}

#[test]
fn the_next_of_a_queue_costs_the_same_wherever_the_walk_stands() {
    let mut bench = Bench::new();
    let ids: Vec<_> =
        (0..300).map(|nth| bench.create(&format!("Part {nth}"), "dev", &[])).collect();
    let behind = |nth: usize| {
        let id = ids[nth].clone();
        move |bench: &Bench| {
            let read = |connection: &store::Connection| -> Result<_, VerbError> {
                let task = store::tasks::get(connection, &id)?.unwrap();
                let after =
                    QueueKey { priority: Reverse(task.priority), seq: task.seq, id: task.id };
                Ok(store::queue::next(connection, "dev", Some(&after), false)?)
            };
            assert!(bench.board.read(read).unwrap().is_some());
        }
    };
    let (early, late) = (behind(1), behind(290));
    let reads: [(&'static str, Read<'_>, i64); 2] = [("early", &early, 0), ("late", &late, 0)];
    let found = steps(&mut bench, &reads);
    assert!(found[0].1 > 0 && found[0].1 == found[1].1, "{found:?}");
}
