//! The history by the hour says what the rows of runs say, and an upgrade counts old runs as they would have been counted.

use std::collections::BTreeMap;
use std::path::Path;

use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::queries::{GetHistory, History};
use kanband::kernel::random::{Random as _, SeededRandom};
use kanband::kernel::verbs::{ClaimTask, CompleteTask, UnblockTask};
use serde_json::json;

use crate::bench_board::{Bench, wire};

/// Some days of work: runs that end in several ways, claims of people, and completions without a run.
fn worked() -> Bench {
    let mut random = SeededRandom::new(11);
    let mut bench = Bench::new();
    bench.now = 1_000_000;
    for number in 0..60 {
        bench.now += i64::try_from(random.next() % 4_000).unwrap();
        let profile = ["dev", "qa"][(random.next() % 2) as usize];
        let id = bench.create(&format!("task {number}"), profile, &[]);
        bench.now += i64::try_from(random.next() % 500).unwrap();
        match random.next() % 4 {
            0 => {
                bench.do_it(&wire::<ClaimTask>(json!({ "id": id })));
                bench.now += 30;
                bench.do_it(&wire::<CompleteTask>(json!({ "id": id, "summary": "s" })));
            }
            1 => drop(bench.do_it(&wire::<CompleteTask>(json!({ "id": id, "summary": "s" })))),
            end => {
                for order in bench.pass().orders {
                    bench.spawned(order.run_id);
                    bench.now += i64::try_from(random.next() % 2_000).unwrap();
                    let code = i32::from(end == 2) * 3;
                    bench.close(order.run_id, VerdictMode::Exit, ProcessEnd::Exited(code));
                }
                let _was_blocked = bench.run(&wire::<UnblockTask>(json!({ "id": id }))).is_ok();
            }
        }
    }
    bench
}

fn history(bench: &Bench) -> History {
    let to = Some(bench.now + 3_600);
    bench.ask(&GetHistory { from: Some(0), to, ..GetHistory::default() }).unwrap()
}

#[test]
fn the_history_is_the_sum_of_the_runs() {
    let bench = worked();
    let found = history(&bench);
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let started: i64 = found.rows.iter().map(|row| row.started).sum();
    let began = "SELECT count(*) FROM task_runs WHERE supervised OR closed_at IS NOT started_at";
    assert_eq!(started, count(began));
    let slots: i64 = found.rows.iter().map(|row| row.slot_seconds).sum();
    assert_eq!(
        slots,
        count(
            "SELECT sum(closed_at - started_at) FROM task_runs WHERE supervised AND closed_at IS NOT NULL"
        )
    );
    let mut finished: BTreeMap<&str, i64> = BTreeMap::new();
    for row in &found.rows {
        for (outcome, number) in &row.finished {
            *finished.entry(outcome).or_default() += number;
        }
        assert_eq!(
            row.cycle.iter().sum::<i64>(),
            row.finished.get("completed").copied().unwrap_or(0)
        );
        assert!(row.queue.iter().sum::<i64>() <= row.started);
    }
    assert!(finished.len() > 1, "{finished:?}");
    for (outcome, number) in finished {
        let sql = format!(
            "SELECT count(*) FROM task_runs WHERE outcome = '{outcome}' AND closed_at IS NOT NULL"
        );
        assert_eq!(number, count(&sql), "{outcome}");
    }
    assert!(found.rows.is_sorted_by_key(|row| row.at));
    let of_dev = GetHistory {
        profile: Some("dev".into()),
        from: Some(0),
        to: Some(bench.now + 3_600),
        ..GetHistory::default()
    };
    assert!(
        bench.ask(&of_dev).unwrap().rows.iter().all(|row| row.profile.as_deref() == Some("dev"))
    );
}

#[test]
fn an_upgrade_counts_old_runs_as_the_verbs_would_have() {
    let bench = worked();
    let rows = |connection: &rusqlite::Connection| -> Vec<String> {
        let sql = "SELECT json_array(board, profile, hour, started, completed, blocked, crashed, gave_up, cycle_seconds, slot_seconds,
                     cycle_0, cycle_1, cycle_2, cycle_3, cycle_4, cycle_5, cycle_6, cycle_7, cycle_8, cycle_9)
                   FROM history ORDER BY board, profile, hour";
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    };
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let counted = rows(&connection);
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kernel/store/migrations/0020_columns.sql");
    let sql = std::fs::read_to_string(file).unwrap();
    let fill = &sql[sql.find("INSERT INTO history").unwrap()..];
    connection.execute_batch("DELETE FROM history").unwrap();
    connection.execute_batch(fill).unwrap();
    assert_eq!(rows(&connection), counted);
    assert!(counted.len() > 10);
}

#[test]
fn a_history_has_few_rows_and_times_in_order() {
    let bench = worked();
    assert!(history(&bench).rows.len() <= 400);
    let backwards = GetHistory { from: Some(10), to: Some(10), ..GetHistory::default() };
    assert!(bench.ask(&backwards).is_err());
}
