//! Imports: records, lines of an export, databases of the predecessor. Each is accepted or refused; what was accepted can be read
//! and keeps the invariants of the board.

use std::path::Path;
use std::process::Command;

use kanband::kernel::error::VerbError;
use kanband::kernel::ids::TaskId;
use kanband::kernel::queries::{GetContext, ListTasks, ShowTask};
use kanband::kernel::random::{Random, below};
use kanband::kernel::store;
use kanband::kernel::transfer::export::record as exported;
use kanband::kernel::transfer::hermes;
use kanband::kernel::transfer::import::ImportTasks;
use kanband::kernel::transfer::record::TaskRecord;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::bench_board::Bench;
use crate::harness::{Daemon, config};
use crate::oracles::json_value;
use crate::text::{hostile, mutate, once_in, pick};
use crate::{case, cases, seeds};

const FIXTURES: [&str; 2] = ["hermes-0.19.db", "hermes-2026-04.db"];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// A record with a value in every field.
fn whole_record(id: &str) -> Value {
    json!({
        "task": {
            "id": id, "title": "t", "body": "b", "assignee": "dev", "status": "done", "priority": 1, "created_by": "ann",
            "created_at": 5, "started_at": 6, "completed_at": 7, "archived_at": null, "workspace_kind": "dir",
            "workspace_path": "/tmp/x", "claim_lock": "a:1", "claim_expires": 9, "tenant": "acme", "result": "r",
            "idempotency_key": "k", "spawn_failures": 1, "last_spawn_error": "e", "max_runtime_seconds": 60,
            "last_heartbeat_at": 6, "current_run_id": 1, "skills": "[\"git\"]", "model": "m", "effort": "high",
            "args": ["--x"],
        },
        "parents": [], "labels": ["l"],
        "runs": [{
            "id": 1, "profile": "dev", "status": "completed", "outcome": "completed", "summary": "s",
            "metadata": "{\"a\":1.5}", "error": "e", "worker_pid": 7, "started_at": 6, "ended_at": 7, "closed_at": 7,
            "argv": "[\"true\"]", "artifacts": "[]", "created_cards": "[]", "log_tail": "l", "verdict_by": "run:1",
        }],
        "comments": [{"id": 1, "author": "ann", "body": "c", "created_at": 6}],
        "events": [{"id": 1, "run_id": 1, "kind": "completed", "payload": {"a": 1}, "created_at": 7}],
        "attachments": [{"filename": "f", "size_bytes": 1, "sha256": "0", "uploaded_by": "ann", "created_at": 6}],
        "subscriptions": [{"platform": "p", "chat_id": "c", "created_at": 6, "last_event_id": 1}],
    })
}

/// Replaces a random part of a value.
fn change(random: &mut dyn Random, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !once_in(random, 12) => {
            let name = fields.keys().nth(pick(random, fields.len())).cloned().unwrap();
            if once_in(random, 20) {
                fields.remove(&name);
            } else {
                change(random, &mut fields[&name]);
            }
        }
        Value::Array(items) if !items.is_empty() && !once_in(random, 12) => {
            let at = pick(random, items.len());
            if once_in(random, 6) {
                let copy = items[at].clone();
                items.push(copy);
            } else {
                change(random, &mut items[at]);
            }
        }
        value => {
            *value = match (&value, below(random, 4)) {
                (Value::String(_), 0..3) => hostile(random, 4).into(),
                (Value::Number(_), 0) => i64::MAX.into(),
                (Value::Number(_), 1) => i64::MIN.into(),
                (Value::Number(_), 2) => (-1).into(),
                _ => json_value(random, 2),
            };
        }
    }
}

/// Every task can be read in every way, and no invariant is broken.
fn check_board(bench: &Bench) {
    let problems = bench
        .board
        .read::<_, VerbError>(|connection| Ok(store::check::broken_invariants(connection)?))
        .unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let tasks = bench.ask(&ListTasks { archived: true, ..ListTasks::default() }).unwrap();
    for task in tasks {
        let id = task.id.to_string();
        let show: ShowTask = serde_json::from_value(json!({ "id": id })).unwrap();
        bench.ask(&show).unwrap();
        bench.ask(&GetContext { id: id.clone(), board: None }).unwrap();
        read_record(bench, &task.id);
    }
}

fn read_record(bench: &Bench, id: &TaskId) {
    let local_time = kanband::kernel::context::LocalTime::new(jiff::tz::TimeZone::UTC);
    let caller = crate::bench_board::person();
    let read = bench.board.read(|connection| {
        let snapshot = kanband::kernel::queries::Snapshot {
            connection,
            now: bench.now,
            caller: &caller,
            local_time: &local_time,
        };
        exported(&snapshot, id)
    });
    assert!(read.unwrap().is_some(), "{id}");
}

/// Imports them; a refusal is fine, a fault is not.
fn import(bench: &mut Bench, random: &mut dyn Random, records: Vec<TaskRecord>) {
    let verb = ImportTasks {
        source: "kanban".to_owned(),
        records,
        keep_ids: once_in(random, 2),
        ids_reserved: once_in(random, 2),
        ..ImportTasks::default()
    };
    match bench.run(&verb) {
        Ok(_) | Err(VerbError::Refused(_)) => {}
        Err(VerbError::Failed(fault)) => panic!("{fault}: {}", json!(verb.records)),
    }
}

#[test]
fn records_are_taken_or_refused_and_what_was_taken_can_be_read() {
    let mut taken = 0;
    cases(150, |random| {
        let mut bench = Bench::new();
        let records: Vec<TaskRecord> = (0..1 + below(random, 4))
            .filter_map(|n| {
                let mut record = whole_record(&format!("t_{n}"));
                for _ in 0..below(random, 5) {
                    change(random, &mut record);
                }
                serde_json::from_value(record).ok()
            })
            .collect();
        import(&mut bench, random, records);
        check_board(&bench);
        taken += usize::from(!bench.ask(&ListTasks::default()).unwrap().is_empty());
    });
    assert!(taken > 0, "nothing was ever taken");
}

#[test]
fn board_files_of_the_predecessor_are_read_or_refused_however_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("board.db");
    let mut read_whole = 0;
    cases(60, |random| {
        let mut bytes = fixture(FIXTURES[pick(random, 2)]);
        if once_in(random, 2) {
            for _ in 0..below(random, 30) {
                let at = pick(random, bytes.len());
                bytes[at] = below(random, 256) as u8;
            }
            if once_in(random, 8) {
                mutate(random, &mut bytes);
            }
            std::fs::write(&path, &bytes).unwrap();
        } else {
            std::fs::write(&path, &bytes).unwrap();
            scramble(random, &path);
        }
        if let Ok(board) = hermes::read(&path, Path::new("board.db")) {
            read_whole += 1;
            let mut bench = Bench::new();
            import(&mut bench, random, board.records);
            check_board(&bench);
        }
    });
    assert!(read_whole > 0, "no file could be read");
}

/// Writes random values into the rows of a database.
fn scramble(random: &mut dyn Random, path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    connection.pragma_update(None, "foreign_keys", false).unwrap();
    for _ in 0..1 + below(random, 8) {
        let tables = [
            "tasks",
            "task_runs",
            "task_comments",
            "task_events",
            "task_links",
            "kanban_notify_subs",
        ];
        let table = tables[pick(random, tables.len())];
        let Ok(statement) = connection.prepare(&format!("SELECT * FROM {table}")) else { continue };
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let column = &columns[pick(random, columns.len())];
        let value = match below(random, 6) {
            0 => rusqlite::types::Value::Null,
            1 => rusqlite::types::Value::Integer(random.next() as i64),
            2 => rusqlite::types::Value::Real(f64::from_bits(random.next())),
            3 => rusqlite::types::Value::Blob(crate::text::bytes(random, 3)),
            _ => rusqlite::types::Value::Text(hostile(random, 4)),
        };
        let update = format!("UPDATE {table} SET \"{column}\" = ?1 WHERE rowid % 3 = ?2");
        // The file itself may refuse the value.
        let _is_taken =
            connection.execute(&update, rusqlite::params![value, below(random, 3) as i64]).is_ok();
    }
}

#[test]
fn the_command_refuses_what_it_cannot_import_in_words() {
    let daemon = Daemon::start(&config(&[]).with("dispatch.enabled", false));
    let file = daemon.scratch().join("file");
    let header =
        json!({"kanban_export": 1, "board": "default", "source": "s", "tasks": 2}).to_string();
    for seed in seeds(40) {
        case(seed, |random| {
            let is_hermes = once_in(random, 3);
            let mut bytes = if is_hermes {
                fixture(FIXTURES[pick(random, 2)])
            } else {
                let records =
                    (0..2).map(|n| whole_record(&format!("t_{}", seed * 2 + n)).to_string());
                let lines: Vec<String> = std::iter::once(header.clone()).chain(records).collect();
                lines.join("\n").into_bytes()
            };
            for _ in 0..below(random, 6) {
                mutate(random, &mut bytes);
            }
            std::fs::write(&file, &bytes).unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_kanban"));
            command.arg("import").args(is_hermes.then_some("hermes")).arg(&file);
            let message = command.env_clear().env("KANBAN_HOME", daemon.home()).output().unwrap();
            let words = String::from_utf8_lossy(&message.stderr);
            assert!(matches!(message.status.code(), Some(0..=2)), "{message:?}");
            assert!(!words.contains("panicked"), "{words}");
            let report = String::from_utf8_lossy(&message.stdout);
            let is_told = words.starts_with("error: ") || report.contains("skipped: ");
            assert!(message.status.success() || is_told, "{message:?}");
        });
    }
    assert!(!daemon.log().contains("panicked"), "{}", daemon.log());
    daemon.create(json!({"title": "still there"}));
}
