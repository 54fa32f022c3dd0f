//! What a row costs: in how many indexes a task stands, how much of the file a request writes; and the order of arrival.

use std::path::Path;

use kanband::api::client::request_id::request_id;
use kanband::kernel::queries::ListTasks;
use kanband::kernel::random::{Random as _, SeededRandom};
use kanband::kernel::verbs::{CreateTask, CreateTasks};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::bench_board::{Bench, person};

/// Bytes of a page of the file, and of what stands before each page in the journal.
const FRAME_BYTES: u64 = 4096 + 24;

/// The indexes of `tasks`: their names, and what their rows fulfil.
fn indexes(connection: &Connection) -> Vec<(String, String)> {
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'tasks'")
        .unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))).unwrap();
    rows.map(|row| {
        let (name, sql): (String, Option<String>) = row.unwrap();
        let sql = sql.unwrap_or_default();
        let condition = sql.split_once(" WHERE ").or_else(|| sql.split_once("\n  WHERE "));
        (name, condition.map_or("1", |(_, condition)| condition).to_owned())
    })
    .collect()
}

/// In how many indexes the only task of the file stands.
fn indexes_of_the_task(connection: &Connection) -> Vec<String> {
    let is_in = |condition: &str| -> bool {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM tasks WHERE {condition})");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let all = indexes(connection).into_iter();
    all.filter(|(_, condition)| is_in(condition)).map(|(name, _)| name).collect()
}

#[test]
fn a_task_stands_in_few_indexes_whatever_its_status() {
    let mut bench = Bench::new();
    bench.create("the only one", "dev", &[]);
    let connection = Connection::open(&bench.path).unwrap();
    assert!(indexes(&connection).len() >= 10);
    for (status, columns, most) in [
        ("triage", "", 4),
        ("todo", "", 5),
        ("ready", "ready_at = 5", 5),
        ("ready", "ready_at = 5, not_before = 9", 5),
        ("ready", "ready_at = 5, waits_for = 'path:/x'", 5),
        ("ready", "ready_at = 5, waits_for = 'path:/x', not_before = 9", 5),
        ("running", "started_at = 5, status_since = 5, current_run_id = 1, claim_lock = 'l'", 5),
        ("running", "status_since = 5, current_run_id = 1, claim_lock = 'l', claim_expires = 9", 5),
        ("blocked", "status_since = 5", 5),
        ("scheduled", "start_at = 9", 5),
        ("review", "status_since = 5", 5),
        ("done", "completed_at = 5", 4),
        ("archived", "completed_at = 5, archived_at = 6", 4),
    ] {
        let columns = if columns.is_empty() { String::new() } else { format!(", {columns}") };
        let reset = "ready_at = NULL, not_before = NULL, waits_for = NULL, status_since = NULL, start_at = NULL,
                     current_run_id = NULL, claim_lock = NULL, claim_expires = NULL, completed_at = NULL,
                     archived_at = NULL";
        connection.execute(&format!("UPDATE tasks SET {reset}, status = 'todo'"), []).unwrap();
        connection.execute(&format!("UPDATE tasks SET status = '{status}'{columns}"), []).unwrap();
        let found = indexes_of_the_task(&connection);
        assert!(found.len() <= most, "{status}{columns}: {} > {most}: {found:?}", found.len());
        assert!(found.len() >= 3, "{status}{columns}: {found:?}");
    }
}

fn journal(path: &Path) -> u64 {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    std::fs::metadata(journal).map_or(0, |journal| journal.len())
}

fn empty_journal(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(())).unwrap();
}

/// Frames that each of `count` requests has written, in order.
fn frames_of_each(
    bench: &mut Bench,
    count: u32,
    mut request: impl FnMut(&mut Bench, u32),
) -> Vec<u64> {
    let mut frames = Vec::new();
    for n in 0..count {
        empty_journal(&bench.path);
        request(bench, n);
        frames.push(journal(&bench.path) / FRAME_BYTES);
    }
    frames
}

/// Among how many assignees and priorities tasks are spread.
#[derive(Clone, Copy)]
struct Spread {
    assignees: u32,
    priorities: u32,
}

const ALIKE: Spread = Spread { assignees: 1, priorities: 1 };
const SPREAD: Spread = Spread { assignees: 8, priorities: 3 };

fn create(n: u32, spread: Spread) -> CreateTask {
    CreateTask {
        title: format!("task {n}"),
        assignee: Some(format!("dev{}", n % spread.assignees)),
        priority: i64::from(n / spread.assignees % spread.priorities),
        body: Some("some words about it".into()),
        ..CreateTask::default()
    }
}

/// A request id as `kanban` draws them.
fn new_request_id(now: i64, random: &mut SeededRandom) -> String {
    let digits = format!("{:016x}{:08x}", random.next(), random.next() >> 32);
    request_id(now, &digits)
}

/// Frames of a create with its event and its kept reply: what most of them cost. A page that is full is split now and then.
fn frames_of_a_create(bench: &mut Bench, spread: Spread) -> u64 {
    let caller = person();
    let mut random = SeededRandom::new(3);
    let mut frames = frames_of_each(bench, 101, |bench, n| {
        bench.now += 1;
        let (id, verb) = (new_request_id(bench.now, &mut random), create(n, spread));
        bench.board.run_one(bench.now, &caller, Some(&id), &verb).unwrap();
    });
    frames.sort_unstable();
    assert!(frames[50] >= 5, "{frames:?}");
    frames[50]
}

/// Bytes of a create in a batch of a hundred, with its event and its part of the kept reply.
fn bytes_of_a_create_in_a_batch(bench: &mut Bench, spread: Spread) -> u64 {
    let caller = person();
    let mut random = SeededRandom::new(4);
    let mut bytes = 0;
    for batch in 0..10 {
        bench.now += 1;
        empty_journal(&bench.path);
        let tasks = (0..100).map(|n| create(100 * batch + n, spread)).collect();
        let (id, verb) = (new_request_id(bench.now, &mut random), CreateTasks { tasks });
        bench.board.run_one(bench.now, &caller, Some(&id), &verb).unwrap();
        bytes += journal(&bench.path);
    }
    bytes / 1000
}

/// Adds as many tasks as another program's clients might have created, each with its event and its kept reply: with ids all over.
fn fill(bench: &mut Bench, count: u32) {
    let caller = person();
    let verb = create(0, SPREAD);
    bench.board.run_one(bench.now, &caller, Some("first"), &verb).unwrap();
    let connection = Connection::open(&bench.path).unwrap();
    connection.pragma_update(None, "synchronous", false).unwrap();
    connection.pragma_update(None, "cache_size", -200_000).unwrap();
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    );
    // An odd factor: each number has another id.
    let id = "printf('t_%08x', (i * 2654435761) & 0xffffffff)";
    let request = "printf('%08x%08x%016x', (i * 2246822519) & 0xffffffff, i, i * 7)";
    connection
        .execute_batch(&format!(
            "BEGIN;
             {numbers} INSERT INTO tasks (seq, id, title, body, assignee, priority, status, created_by, created_at, arrived_at, ready_at)
               SELECT i, {id}, 'task ' || i, t.body, 'dev' || (i % 8), i / 8 % 3, 'ready', t.created_by, t.created_at, t.arrived_at, t.ready_at
               FROM n JOIN tasks t ON t.seq = 1;
             {numbers} INSERT INTO task_events (id, task_id, kind, payload, created_at, actor)
               SELECT i, {id}, e.kind, e.payload, e.created_at, e.actor FROM n JOIN task_events e ON e.id = 1;
             {numbers} INSERT INTO requests (id, digest, reply, created_at)
               SELECT {request}, r.digest, r.reply, r.created_at FROM n JOIN requests r ON r.id = 'first';
             COMMIT"
        ))
        .unwrap();
    let tasks: u32 =
        connection.query_row("SELECT count(*) FROM tasks", [], |row| row.get(0)).unwrap();
    assert_eq!(tasks, count);
}

#[test]
fn a_create_with_its_event_and_its_reply_writes_at_most_nine_pages() {
    let frames = frames_of_a_create(&mut Bench::new(), ALIKE);
    assert!(frames <= 9, "{frames}");
}

#[test]
fn creates_in_batches_of_a_hundred_write_at_most_three_kilobytes_each() {
    let bytes = bytes_of_a_create_in_a_batch(&mut Bench::new(), ALIKE);
    assert!(bytes <= 3 * 1024, "{bytes} bytes each");
}

#[test]
fn a_create_writes_little_on_a_board_of_a_hundred_thousand_tasks() {
    let mut bench = Bench::new();
    fill(&mut bench, 100_000);
    // A batch that is spread writes a page for each assignee and priority in two of the indexes.
    for (spread, bytes_max) in [(ALIKE, 3 * 1024), (SPREAD, 5 * 1024)] {
        let frames = frames_of_a_create(&mut bench, spread);
        let bytes = bytes_of_a_create_in_a_batch(&mut bench, spread);
        let found = format!("{frames} frames alone, {bytes} bytes in a batch");
        assert!(frames <= 12 && bytes <= bytes_max, "{found}");
    }
}

fn titles(bench: &Bench, sort: Option<&str>) -> Vec<String> {
    let query = ListTasks { sort: sort.map(str::to_owned), ..ListTasks::default() };
    bench.ask(&query).unwrap().into_iter().map(|task| task.title).collect()
}

#[test]
fn tasks_of_one_second_are_listed_and_started_in_the_order_of_their_arrival() {
    let mut bench = Bench::new();
    let expected: Vec<String> = (0..20).map(|n| format!("task {n}")).collect();
    for title in &expected {
        bench.create(title, "dev", &[]);
    }
    assert_eq!(titles(&bench, None), expected);
    assert_eq!(titles(&bench, Some("created")), expected);
    let newest_first: Vec<String> = expected.iter().rev().cloned().collect();
    assert_eq!(titles(&bench, Some("-created")), newest_first);
    let started: Vec<String> =
        bench.pass().orders.into_iter().map(|order| order.task.title).collect();
    assert!(started.len() > 2);
    assert_eq!(started, expected[..started.len()]);
}

#[test]
fn a_task_that_was_created_before_others_and_arrived_after_them_is_sorted_by_its_time() {
    let mut bench = Bench::new();
    bench.create("first", "dev", &[]);
    bench.now -= 100;
    bench.create("of a clock that was set back", "dev", &[]);
    bench.now += 200;
    bench.create("last", "dev", &[]);
    assert_eq!(titles(&bench, None), ["first", "of a clock that was set back", "last"]);
    let by_time = ["of a clock that was set back", "first", "last"];
    assert_eq!(titles(&bench, Some("created")), by_time);
    let newest_first: Vec<&str> = by_time.into_iter().rev().collect();
    assert_eq!(titles(&bench, Some("-created")), newest_first);
}

#[test]
fn a_row_that_was_inserted_by_hand_without_a_number_is_taken() {
    let mut bench = Bench::new();
    bench.create("ours", "dev", &[]);
    Connection::open(&bench.path)
        .unwrap()
        .execute_batch(
            "INSERT INTO tasks (id, title, status, created_at) VALUES ('t_beef', 'by hand', 'todo', 7)",
        )
        .unwrap();
    bench.create("ours too", "dev", &[]);
    assert_eq!(titles(&bench, None), ["ours", "by hand", "ours too"]);
    assert_eq!(titles(&bench, Some("created")), ["by hand", "ours", "ours too"]);
    let board = &bench.task(&kanband::kernel::ids::TaskId::parse("t_beef").unwrap()).board;
    assert_eq!(board.as_str(), "default");
}

#[test]
fn every_order_that_is_offered_is_read_from_an_index_or_merged_from_some() {
    let bench = Bench::new();
    let connection = Connection::open(&bench.path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    for (order, sql, index) in [
        (
            "a column by priority",
            "SELECT id FROM tasks WHERE board = ?1 AND status = ?2 ORDER BY priority DESC, seq LIMIT 50",
            "idx_tasks_status",
        ),
        (
            "an assignee's part of a column",
            "SELECT id FROM tasks WHERE board = ?1 AND assignee = ?3 AND status = ?2 ORDER BY priority DESC, seq LIMIT 50",
            "idx_tasks_assignee",
        ),
        (
            "done by completion",
            "SELECT id FROM tasks WHERE board = ?1 AND status = 'done' ORDER BY completed_at DESC, seq DESC LIMIT 50",
            "idx_tasks_completed_at",
        ),
        (
            "blocked since",
            "SELECT id FROM tasks WHERE board = ?1 AND status = 'blocked' AND status_since IS NOT NULL
             ORDER BY status_since, seq LIMIT 50",
            "idx_tasks_status_since",
        ),
        (
            "running since",
            "SELECT id FROM tasks WHERE board = ?1 AND status = 'running' AND status_since IS NOT NULL
             ORDER BY status_since, seq LIMIT 50",
            "idx_tasks_status_since",
        ),
        (
            "scheduled by start",
            "SELECT id FROM tasks WHERE status = 'scheduled' AND start_at > 0 ORDER BY start_at, seq LIMIT 50",
            "idx_tasks_start_at",
        ),
        ("arrival", "SELECT id FROM tasks WHERE +board = ?1 ORDER BY seq DESC LIMIT 50", "SCAN tasks"),
    ] {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for index in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(index, 1).unwrap();
        }
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>("detail").unwrap());
        }
        assert!(plan.iter().any(|step| step.contains(index)), "{order}: {plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{order}: {plan:?}");
    }
}
