//! What notifications cost the board, in statements of SQL and steps of SQLite's machine: counts, so the same on every machine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kanband::kernel::ids::TaskId;
use kanband::kernel::rules::notify::Level;
use kanband::kernel::verbs::LeaseOutbox;

use crate::bench_board::Bench;
use crate::outbox::{COURIER, bench, complete, subscribe};

/// By statement, how often it began, and the steps that it had taken before it first did.
type Seen = BTreeMap<String, (u32, i64)>;

fn traced(bench: &mut Bench) -> Arc<Mutex<Seen>> {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let sink = Arc::clone(&seen);
    bench
        .board
        .trace(move |statement| {
            let steps = statement.steps_before();
            let mut seen = sink.lock().unwrap();
            seen.entry(statement.text()).or_insert((0, steps)).0 += 1;
        })
        .unwrap();
    seen
}

/// The statements of the completion of a task.
fn verdict(bench: &mut Bench, seen: &Arc<Mutex<Seen>>, id: &TaskId) -> BTreeMap<String, u32> {
    seen.lock().unwrap().clear();
    complete(bench, id, "done");
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.into_iter().map(|(sql, (count, _))| (sql, count)).collect()
}

/// What stands in one and not in the other, with how much more often.
fn more(of: &BTreeMap<String, u32>, than: &BTreeMap<String, u32>) -> Vec<(String, u32)> {
    let more = of.iter().filter_map(|(sql, count)| {
        let more = count - than.get(sql).copied().unwrap_or(0).min(*count);
        (more > 0).then(|| (sql.split_whitespace().collect::<Vec<_>>().join(" "), more))
    });
    more.collect()
}

#[test]
fn a_verdict_with_many_routes_costs_one_insert_for_each_and_one_look_for_all() {
    let mut bench = bench();
    let [plain, one, many] = [0, 1, 9].map(|routes| {
        let id = bench.create("a", "dev", &[]);
        for route in 0..routes {
            subscribe(&mut bench, &id, "letters", &format!("p{route}@example.org"), Level::Quiet);
        }
        id
    });
    let other = bench.create("warm", "dev", &[]);
    complete(&mut bench, &other, "done");
    let seen = traced(&mut bench);
    let [plain, one, many] = [&plain, &one, &many].map(|id| verdict(&mut bench, &seen, id));
    let for_eight = more(&many, &one);
    let [(insert, count)] = for_eight.as_slice() else { panic!("{for_eight:?}") };
    assert!(insert.starts_with("INSERT INTO outbox") && *count == 8, "{for_eight:?}");
    let for_one = more(&one, &plain);
    let is_insert =
        |(sql, count): &&(String, u32)| sql.starts_with("INSERT INTO outbox") && *count == 1;
    assert_eq!(for_one.iter().filter(is_insert).count(), 1, "{for_one:?}");
    let is_read = |(sql, count): &&(String, u32)| sql.starts_with("SELECT") && *count == 1;
    // Who hears of it, the summary, the files, and the quiet hours the first time.
    assert!(for_one.len() <= 6, "{for_one:?}");
    assert_eq!(for_one.iter().filter(is_read).count(), for_one.len() - 1, "{for_one:?}");
}

/// The steps of a look for what is to be sent, and of a verdict that nobody hears of.
fn steps(bench: &mut Bench, seen: &Arc<Mutex<Seen>>) -> [i64; 2] {
    let lease = |bench: &mut Bench| {
        let now_ms = bench.now * 1_000;
        let verb = LeaseOutbox { max: 64, now_ms };
        assert!(bench.by(&COURIER, &verb).unwrap().leased.rows.is_empty());
    };
    let finish = |bench: &mut Bench| {
        let id = bench.create("a", "dev", &[]);
        complete(bench, &id, "done");
    };
    let of = |bench: &mut Bench, act: &dyn Fn(&mut Bench)| -> i64 {
        let mut round = || {
            act(bench);
            std::mem::take(&mut *seen.lock().unwrap())
        };
        let [_, second, third] = [round(), round(), round()];
        let is_read = |sql: &str| sql.starts_with("SELECT") || sql.starts_with("WITH");
        third
            .iter()
            .filter(|(sql, _)| {
                is_read(sql)
                    && (sql.contains("outbox")
                        || sql.contains("routes")
                        || sql.contains("subs")
                        || sql.contains("chat_messages"))
            })
            .map(|(sql, (_, after))| after - second[sql].1)
            .sum()
    };
    [of(bench, &lease), of(bench, &finish)]
}

#[test]
fn ten_thousand_subscriptions_cost_nothing_while_nothing_happens_to_their_tasks() {
    let mut bench = bench();
    let first = bench.create("first", "dev", &[]);
    subscribe(&mut bench, &first, "letters", "p@example.org", Level::Quiet);
    let seen = traced(&mut bench);
    let few = steps(&mut bench, &seen);
    let ids: Vec<TaskId> =
        (0..100).map(|nth| bench.create(&format!("task {nth}"), "dev", &[])).collect();
    for id in &ids {
        for person in 0..100 {
            subscribe(&mut bench, id, "letters", &format!("p{person}@example.org"), Level::Quiet);
        }
    }
    seen.lock().unwrap().clear();
    let many = steps(&mut bench, &seen);
    assert!(few.iter().all(|steps| *steps > 0), "{few:?}");
    assert_eq!(few, many, "a look and a verdict of another task cost what they did");
}
