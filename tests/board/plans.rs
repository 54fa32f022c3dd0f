//! No statement of a hot operation reads more than it needs: each finds its rows through an index, and sorts nothing.
//!
//! The statements are not listed here by hand: the board tells each one that it runs while the verbs below are used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use kanband::kernel::outcome::{ProcessEnd, VerdictMode};
use kanband::kernel::queries::{GetBoard, GetContext, GetGraph, ListRuns, ListTasks, ShowTask};
use kanband::kernel::store;
use kanband::kernel::verbs::{
    ArchiveTask, AssignTask, AttachFile, BlockTask, ClaimTask, CommentTask, CompleteTask,
    CreateTask, DetachFile, EditTask, HeartbeatTask, LinkTasks, PassMode, PromoteTask,
    ReassignTask, StartReadyRuns, Subscribe, UnblockTask, UnlinkTasks,
};
use rusqlite::config::DbConfig;
use serde_json::json;

use crate::bench_board::{Bench, wire, worker};

/// Steps of a plan that look like a full scan or a sort and are neither, each
/// with the statement that it may be in, and its reason.
const HARMLESS: &[(&str, &str, &str)] = &[
    ("SCAN CONSTANT ROW", "", "no table"),
    ("SCAN lane", "", "one row per assignee with ready work"),
    ("SCAN any_label", "EXISTS (SELECT 1 FROM task_labels any_label)", "whether there is one"),
    ("SCAN wanted", "", "one row per location that is waited for"),
    ("SCAN b", "WITH RECURSIVE below", "the rows found so far"),
    ("SCAN below", "WITH RECURSIVE below", "the rows found so far"),
    ("SCAN breakers", "", "one row per profile that ever failed"),
    ("USING INDEX idx_runs_open", "", "partial: open runs only, as many as the caps allow"),
    ("USING COVERING INDEX idx_runs_open", "", "partial: open runs only"),
    (
        "USE TEMP B-TREE FOR ORDER BY",
        "closed_at IS NULL AND supervised = 1",
        "sorts open runs only",
    ),
    ("USE TEMP B-TREE FOR ORDER BY", "WHERE +t.board = :board", "tasks that a filter named"),
    ("SCAN l", "l.arrived_at IS NOT NULL", "the newest task alone"),
    ("SCAN m", "CROSS JOIN tasks t ON t.seq = m.seq", "the tasks that are listed, merged before"),
    ("SCAN t", "ORDER BY t.seq", "in the order of arrival, as far as the limit goes"),
    ("USE TEMP B-TREE FOR ORDER BY", "WHERE l.parent_id = :id AND c.status", "one task's children"),
    ("USE TEMP B-TREE FOR ORDER BY", "FROM task_links k JOIN tasks", "one task's neighbours"),
    ("SCAN (subquery-2)", "FROM task_links k JOIN tasks", "one task's neighbours"),
    (
        "SCAN t USING INDEX idx_tasks_archived_at",
        "ORDER BY t.archived_at DESC",
        "in the order of archiving, as far as the limit goes",
    ),
    ("SCAN n", "WITH RECURSIVE names", "the names found so far"),
    ("SCAN json_each", "FROM tasks t WHERE", "the names of a filter"),
    ("SCAN kanban_notify_subs", "SELECT EXISTS", "whether there is one, once"),
    (
        "SCAN s",
        "FROM subscriptions s JOIN routes",
        "subscriptions to many tasks: read once, and kept",
    ),
    ("SCAN channel_states", "", "one row per channel"),
    ("SCAN paused_profiles", "", "one row per profile that was paused by hand"),
    ("SCAN o USING INDEX idx_outbox_leased", "", "partial: what is under way, four per channel"),
    (
        "SCAN routes USING INDEX idx_routes_quiet",
        "",
        "partial: addresses with quiet hours of their own, read once after a change of subscriptions",
    ),
    ("USE TEMP B-TREE FOR GROUP BY", "WHERE o.state = 'leased'", "what is under way"),
    ("SCAN open", "WITH RECURSIVE open", "the routes found so far"),
];

/// An id that no task has.
const ID: &str = "t_00000000";

fn is_harmless(step: &str, sql: &str) -> bool {
    HARMLESS.iter().any(|(words, within, _)| step.contains(words) && sql.contains(within))
}

fn use_everything_hot(bench: &mut Bench) {
    let parent = bench.create("parent", "dev", &[]);
    let child = bench.create("child", "dev", &[&parent]);
    let order = bench.start_one();
    let by = worker(&order);
    bench.by(&by, &wire::<HeartbeatTask>(json!({"id": parent}))).unwrap();
    bench.by(&by, &wire::<CommentTask>(json!({"id": parent, "body": "words"}))).unwrap();
    bench.ask_as(&by, &GetContext { id: parent.to_string(), board: None }).unwrap();
    let file = json!({"id": parent, "filename": "f", "size_bytes": 1, "sha256": "0".repeat(64)});
    bench.by(&by, &wire::<AttachFile>(file)).unwrap();
    let made = wire::<CreateTask>(json!({"title": "made", "triage": true}));
    let made = bench.by(&by, &made).unwrap().task.id;
    let done = json!({"id": parent, "summary": "made", "created_cards": [made]});
    bench.by(&by, &wire::<CompleteTask>(done)).unwrap();
    bench.do_it(&wire::<DetachFile>(json!({"id": parent, "filename": "f"})));
    bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
    let second = bench.start_one();
    bench.close(second.run_id, VerdictMode::Report, ProcessEnd::Exited(3));
    bench.now += 1_000;
    bench.do_it(&wire::<ClaimTask>(json!({"id": child})));
    bench.now += 10_000;
    bench.pass();
    let keyed = wire::<CreateTask>(json!({"title": "k", "idempotency_key": "k"}));
    bench.do_it(&keyed);
    bench.do_it(&keyed);
    let other = bench.create("other", "qa", &[]);
    let ends = json!({"parent_id": child, "child_id": other});
    bench.do_it(&wire::<LinkTasks>(ends.clone()));
    bench.do_it(&wire::<UnlinkTasks>(ends));
    bench.do_it(&wire::<BlockTask>(json!({"id": other, "reason": "r"})));
    bench.do_it(&wire::<UnblockTask>(json!({"id": other})));
    bench.do_it(&wire::<EditTask>(json!({"id": other, "priority": 3, "add_labels": ["l"]})));
    bench.do_it(&wire::<AssignTask>(json!({"id": other, "assignee": "dev"})));
    bench.do_it(&wire::<ReassignTask>(json!({"id": other, "assignee": "qa"})));
    bench.do_it(&wire::<Subscribe>(json!({"id": other, "platform": "chat", "chat_id": "1"})));
    let triaged = bench.do_it(&wire::<CreateTask>(json!({"title": "t", "triage": true}))).task.id;
    bench.do_it(&wire::<PromoteTask>(json!({"id": triaged})));
    bench.do_it(&wire::<ArchiveTask>(json!({"id": other})));
    bench.do_it(&StartReadyRuns {
        mode: PassMode::OnRequest { failure_limit: None },
        max: Some(1),
        is_disk_low: false,
        looks: Default::default(),
        only: Vec::new(),
    });
    wait_for_a_place(bench);
    read_everything_hot(bench, child.as_str());
}

/// Two tasks that name one directory: the second waits for the first.
fn wait_for_a_place(bench: &mut Bench) {
    let named =
        json!({"title": "t", "assignee": "dev", "workspace_kind": "dir", "workspace_path": "/x"});
    bench.do_it(&wire::<CreateTask>(named.clone()));
    bench.do_it(&wire::<CreateTask>(named));
    bench.pass();
    for _ in 0..2 {
        let anchor = "/x".to_owned();
        let location = kanband::kernel::location::Location {
            anchor: anchor.clone(),
            device: 8,
            inode: 5,
            missing: Vec::new(),
            above: vec![kanband::kernel::location::DirectoryId { device: 8, inode: 2 }],
        };
        let looks = [(anchor, kanband::kernel::location::Look::Found(location))].into();
        let system = kanband::kernel::caller::Caller::System { part: "dispatcher" };
        let verb = StartReadyRuns {
            mode: PassMode::Automatic,
            max: None,
            is_disk_low: false,
            looks,
            only: Vec::new(),
        };
        for order in bench.by(&system, &verb).unwrap().orders {
            bench.close(order.run_id, VerdictMode::Exit, ProcessEnd::Exited(0));
        }
    }
}

/// What is written with events, handed out, settled and changed.
fn send_and_change(bench: &mut Bench) {
    use crate::outbox::{lease, sent, settle, subscribe, temporary};
    use kanband::kernel::rules::notify::Level;
    let id = bench.create("sent", "dev", &[]);
    subscribe(bench, &id, "chat", "1", Level::Normal);
    for kind in ["needs_input", "approval"] {
        bench.do_it(&wire::<BlockTask>(json!({"id": id, "reason": "r", "kind": kind})));
        bench.do_it(&wire::<UnblockTask>(json!({"id": id})));
    }
    for row in lease(bench).rows {
        settle(bench, &row, temporary());
    }
    bench.now += 3_600;
    for row in lease(bench).rows {
        sent(bench, &row);
    }
    lease(bench);
    bench.now += 3_600;
    lease(bench);
}

fn read_everything_hot(bench: &Bench, id: &str) {
    let all = GetBoard { archived: true, ..GetBoard::default() };
    bench.columns(&all).unwrap();
    bench.columns(&GetBoard { assignee: Some("dev,-".to_owned()), ..all.clone() }).unwrap();
    bench.columns(&GetBoard { label: Some("l".to_owned()), ..all }).unwrap();
    bench.ask(&GetGraph { id: id.to_owned(), ..GetGraph::default() }).unwrap();
    let id = || id.to_owned();
    bench.ask(&ShowTask { id: id(), ..ShowTask::default() }).unwrap();
    bench.ask(&ListRuns { id: id(), board: None }).unwrap();
    bench.ask(&GetContext { id: id(), board: None }).unwrap();
    let some = |text: &str| Some(text.to_owned());
    for query in [
        ListTasks::default(),
        ListTasks { status: some("ready"), ..ListTasks::default() },
        ListTasks { assignee: some("dev"), ..ListTasks::default() },
        ListTasks { tenant: some("shop"), ..ListTasks::default() },
        ListTasks { label: some("l"), ..ListTasks::default() },
        ListTasks { parent: Some(id()), ..ListTasks::default() },
        ListTasks { created_after: Some(7), sort: some("created"), ..ListTasks::default() },
        ListTasks { created_before: Some(7), updated_since: Some(7), ..ListTasks::default() },
        ListTasks { sort: some("created"), ..ListTasks::default() },
        ListTasks { sort: some("-created"), ..ListTasks::default() },
        ListTasks { limit: Some(5), cursor: Some(id()), ..ListTasks::default() },
    ] {
        bench.ask(&query).unwrap();
    }
    bench
        .board
        .read::<_, kanband::kernel::error::VerbError>(|connection| {
            store::events::page_after(connection, 1, 100, usize::MAX)?;
            store::events::newest_id(connection)?;
            store::due::next(connection)?;
            store::runs::list_open_supervised(connection)?;
            store::runs::list_lingering(connection, 10)?;
            store::leases::list_ready_paths(connection, 10)?;
            store::leases::wait_of(connection, &kanband::kernel::ids::TaskId::parse(ID).unwrap())?;
            Ok(())
        })
        .unwrap();
}

/// A connection that makes the plans that the product's make: whatever the bound values are.
fn planner(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    connection
}

#[test]
fn every_statement_of_a_hot_operation_uses_an_index_and_sorts_nothing() {
    let mut bench = Bench::with_policy(crate::outbox::policy());
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let sink = Arc::clone(&seen);
    bench
        .board
        .trace(move |statement| {
            sink.lock().unwrap().insert(statement.text());
        })
        .unwrap();
    use_everything_hot(&mut bench);
    send_and_change(&mut bench);
    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let is_plannable = |sql: &&String| {
        ["SELECT", "WITH", "UPDATE", "INSERT", "DELETE"].iter().any(|verb| sql.starts_with(verb))
    };
    let connection = planner(&bench.path);
    let mut bad = Vec::new();
    let mut count = 0;
    for sql in statements.iter().filter(is_plannable) {
        count += 1;
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for index in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(index, 1).unwrap();
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            let is_suspect = step.starts_with("SCAN") || step.contains("TEMP B-TREE");
            if is_suspect && !is_harmless(&step, sql) {
                bad.push(format!("{step}\n    in {sql}"));
            }
        }
    }
    assert!(count > 60, "only {count} statements were seen");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn tasks_of_an_assignee_in_a_status_are_found_by_both() {
    let mut bench = Bench::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let remember = move |sql: String| sink.lock().unwrap().push(sql);
    bench.board.trace(move |statement| remember(statement.text())).unwrap();
    let some = |text: &str| Some(text.to_owned());
    let query = ListTasks { status: some("ready"), assignee: some("dev"), ..ListTasks::default() };
    bench.ask(&query).unwrap();
    let statements = std::mem::take(&mut *seen.lock().unwrap());
    let sql = statements.into_iter().find(|sql| sql.contains("t.assignee = :assignee")).unwrap();
    let connection = planner(&bench.path);
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for index in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(index, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let step: String = rows.next().unwrap().unwrap().get("detail").unwrap();
    assert!(step.contains("(board=? AND assignee=? AND status=?)"), "{step}");
}

#[test]
fn a_list_looks_its_board_up_once_and_reads_its_tasks_by_one_statement() {
    let mut bench = Bench::new();
    bench.create("task", "dev", &[]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let remember = move |sql: String| sink.lock().unwrap().push(sql);
    bench.board.trace(move |statement| remember(statement.text())).unwrap();
    let some = |text: &str| Some(text.to_owned());
    for (query, expected) in [
        (ListTasks::default(), 2),
        (ListTasks { status: some("ready"), assignee: some("dev"), ..ListTasks::default() }, 2),
        // Whether the order of arrival is that of creation.
        (ListTasks { sort: some("-created"), ..ListTasks::default() }, 3),
    ] {
        bench.ask(&query).unwrap();
        let statements = std::mem::take(&mut *seen.lock().unwrap());
        let reads: Vec<&String> = statements.iter().filter(|s| s.starts_with("SELECT")).collect();
        assert_eq!(reads.len(), expected, "{reads:#?}");
        let of_boards = reads.iter().filter(|sql| sql.contains("boards")).count();
        assert_eq!(of_boards, 1, "{reads:#?}");
    }
}

#[test]
fn a_statement_is_prepared_once_however_often_it_is_used() {
    let mut bench = Bench::new();
    let prepared_anew = Arc::new(Mutex::new(BTreeMap::new()));
    let uses = Arc::new(Mutex::new(0));
    let (sink, counter) = (Arc::clone(&prepared_anew), Arc::clone(&uses));
    bench
        .board
        .trace(move |statement| {
            *counter.lock().unwrap() += 1;
            if statement.prepared_anew() > 0 {
                sink.lock().unwrap().insert(statement.text(), statement.prepared_anew());
            }
        })
        .unwrap();
    for nth in 0..3 {
        let parent = bench.create(&format!("parent {nth}"), "dev", &[]);
        let child = bench.create(&format!("child {nth}"), "dev", &[&parent]);
        let order = bench.start_one();
        bench
            .by(&worker(&order), &wire::<CompleteTask>(json!({"id": parent, "summary": "s"})))
            .unwrap();
        bench.close(order.run_id, VerdictMode::Report, ProcessEnd::Exited(0));
        read_everything_hot(&bench, child.as_str());
        bench.do_it(&wire::<BlockTask>(json!({"id": child, "reason": "r"})));
        bench.do_it(&wire::<UnblockTask>(json!({"id": child})));
        bench.do_it(&wire::<ArchiveTask>(json!({"id": child})));
    }
    assert!(*uses.lock().unwrap() > 300);
    assert_eq!(*prepared_anew.lock().unwrap(), BTreeMap::new());
}
