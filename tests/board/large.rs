//! What a page reads of a board costs the same however large the board is: counted in steps of SQLite's virtual machine and in bytes.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use kanband::kernel::queries::GetBoard;
use kanband::kernel::verbs::{
    ArchiveTask, BlockTask, ClaimTask, CompleteTask, CreateTask, LinkTasks, RequestReview,
    ScheduleTask,
};
use rusqlite::StatementStatus;
use serde_json::json;

use crate::bench_board::{Bench, wire};

const KERNEL_TASKS: usize = 1_000;
const SNAPSHOT_BYTES_MAX: usize = 40_000;
/// More steps than at the smallest board, in percent.
const MORE_STEPS_MAX_PERCENT: i64 = 2;

/// Words without much in common, so that compression does not flatter the figure.
fn words(number: usize) -> String {
    let mut state = number as u64 + 1;
    let mut word = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let length = 3 + (state >> 60) as usize % 5;
        format!("{:016x}", state >> 8)[..length].to_owned()
    };
    (0..10).map(|_| word()).collect::<Vec<_>>().join(" ")
}

/// A board of the kernel's own verbs with more cards in each of its nine columns than a page reads.
fn thousand() -> Bench {
    let mut bench = Bench::new();
    let due_at = bench.now + 86_400;
    let parent = bench.create("parent", "worker", &[]);
    for number in 0..KERNEL_TASKS - 1 {
        bench.now += 1;
        let nth = number % 20;
        let fields = json!({
            "title": format!("Task {number} {}", words(number)),
            "priority": number % 5,
            "labels": ["one", "two", "three"],
            "tenant": "acme",
            "assignee": "worker",
            "due_at": due_at + number as i64,
            "triage": nth >= 13,
        });
        let id = bench.do_it(&wire::<CreateTask>(fields)).task.id;
        let one = || json!({ "id": id });
        match nth {
            0 | 1 => {
                let link = json!({ "parent_id": parent, "child_id": id });
                bench.do_it(&wire::<LinkTasks>(link));
            }
            2 | 3 => {
                let start = json!({ "id": id, "start_at": due_at + number as i64 });
                bench.do_it(&wire::<ScheduleTask>(start));
            }
            4 | 5 => {
                drop(bench.do_it(&wire::<BlockTask>(json!({ "id": id, "reason": words(number) }))));
            }
            6 => {
                bench.do_it(&wire::<CompleteTask>(json!({ "id": id, "result": words(number) })));
                bench.do_it(&wire::<RequestReview>(one()));
            }
            7 | 8 => drop(
                bench.do_it(&wire::<CompleteTask>(json!({ "id": id, "result": words(number) }))),
            ),
            9 => {
                bench.do_it(&wire::<CompleteTask>(one()));
                bench.do_it(&wire::<ArchiveTask>(one()));
            }
            10 => drop(bench.do_it(&wire::<ClaimTask>(one()))),
            _ => {}
        }
    }
    bench
}

/// The same board with copies of those tasks that do not run, up to `count`.
fn grown(bench: Bench, count: usize) -> Bench {
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let names: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('tasks')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let number = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    let here = number("SELECT count(*) FROM tasks");
    let copied_at_once = number("SELECT count(*) FROM tasks WHERE status <> 'running'");
    let base = number("SELECT max(seq) FROM tasks");
    let new_seq = format!("t.seq + n.i * {base}");
    let new_id = format!("printf('t_%08x', 536870912 + {new_seq})");
    let values = names.iter().map(|name| match name.as_str() {
        "id" => new_id.clone(),
        "seq" => new_seq.clone(),
        "idempotency_key" | "idempotency_hash" => "NULL".to_owned(),
        _ => format!("t.{name}"),
    });
    let missing = i64::try_from(count).unwrap() - here;
    let copies = missing / copied_at_once + 1;
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies})"
    );
    let copied = "FROM n, tasks t WHERE t.status <> 'running'";
    let (columns, values) = (names.join(", "), values.collect::<Vec<_>>().join(", "));
    let labels = format!(
        "CREATE TEMP TABLE copied AS {numbers} SELECT {new_id} AS id, l.label AS label
           FROM n, tasks t JOIN task_labels l ON l.task_id = t.id WHERE t.status <> 'running'"
    );
    connection.execute(&labels, []).unwrap();
    let tasks = format!("{numbers} INSERT INTO tasks ({columns}) SELECT {values} {copied}");
    connection.execute(&tasks, []).unwrap();
    let insert = "INSERT INTO task_labels (task_id, label) SELECT id, label FROM copied";
    connection.execute(insert, []).unwrap();
    let all = number("SELECT count(*) FROM tasks");
    assert!(all >= here + missing, "{all} of {count} tasks");
    drop(connection);
    bench.reopened()
}

/// What a page begins with: its bytes after gzip, and the steps of its reads.
fn snapshot(bench: &mut Bench) -> (usize, i64) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let remember = move |sql: Option<String>| sink.lock().unwrap().extend(sql);
    bench.board.trace(move |statement| remember(statement.text_with_values())).unwrap();
    let columns = bench.columns(&GetBoard { archived: true, ..GetBoard::default() }).unwrap();
    assert_eq!(columns.columns.len(), 9);
    for column in &columns.columns {
        assert_eq!(column.cards.len(), 30, "{}", column.status);
    }
    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let mut steps = 0;
    for sql in statements.iter().filter(|sql| sql.starts_with("SELECT") || sql.starts_with("WITH"))
    {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.raw_query();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        steps += i64::from(statement.get_status(StatementStatus::VmStep));
    }
    (zipped(&serde_json::to_vec(&columns).unwrap()), steps)
}

/// Number of bytes after gzip.
fn zipped(bytes: &[u8]) -> usize {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output.stdout.len()
}

#[test]
fn the_snapshot_of_a_page_has_at_most_40_kb_and_costs_the_same_at_ten_and_a_hundred_thousand_cards()
{
    let mut bench = thousand();
    let (bytes, few) = snapshot(&mut bench);
    assert!(bytes <= SNAPSHOT_BYTES_MAX, "{bytes} bytes after gzip");
    // Those who are ahead of a ready task are counted up to a limit, which a thousand cards do not reach.
    bench = grown(bench, 10_000);
    let (bytes, steps) = snapshot(&mut bench);
    assert!(bytes <= SNAPSHOT_BYTES_MAX, "{bytes} bytes after gzip");
    bench = grown(bench, 100_000);
    let (bytes, more) = snapshot(&mut bench);
    println!("{bytes} bytes after gzip; steps: {few}, {steps}, {more}");
    assert!(bytes <= SNAPSHOT_BYTES_MAX, "{bytes} bytes after gzip");
    let most = steps + steps * MORE_STEPS_MAX_PERCENT / 100;
    assert!(more <= most, "{more} steps at 100,000 cards, {steps} at 10,000");
}
