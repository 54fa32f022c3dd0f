//! What a migration that rebuilds tables under new columns must keep.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::MIGRATIONS;

/// The version that put the columns of `tasks` and `task_runs` in another order.
const NARROW_ROWS: i64 = 26;

/// An empty board of `version`.
fn board_of(version: i64) -> Connection {
    let board = Connection::open_in_memory().unwrap();
    board.pragma_update(None, "foreign_keys", false).unwrap();
    for migration in MIGRATIONS.iter().filter(|migration| migration.version <= version) {
        board.execute_batch(migration.sql).unwrap();
    }
    board
}

/// The columns of a table that are written, and their types.
fn columns(board: &Connection, table: &str) -> Vec<(String, String)> {
    let sql = "SELECT name, type FROM pragma_table_xinfo(?1) WHERE hidden = 0";
    let mut statement = board.prepare(sql).unwrap();
    let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// A value that no other column of the row has, where the schema lets it choose.
fn value(table: &str, nth: usize, name: &str, of_type: &str) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    match name {
        "id" if of_type == "TEXT" => text("t_beef"),
        "task_id" => text("t_beef"),
        // Of all statuses this one may have what the checks tie to some.
        "status" if table == "tasks" => text("review"),
        "status" | "outcome" => text("completed"),
        "workspace_kind" => text("worktree"),
        "state" => text("closed"),
        "role" => text("review"),
        "skills" | "args" | "metadata" | "artifacts" | "created_cards" | "workspace_notes" => {
            Value::Text(format!("[\"{name}\"]"))
        }
        "no_max_runtime" | "parked" | "review_open" | "reviewer_chosen" | "supervised"
        | "automatic" => Value::Integer(1),
        _ if of_type == "INTEGER" => Value::Integer(1_000 + i64::try_from(nth).unwrap()),
        _ => text(name),
    }
}

/// The only row of a table, by the names of its columns.
fn row(board: &Connection, table: &str, names: &[String]) -> Vec<Value> {
    let sql = format!("SELECT {} FROM {table}", names.join(", "));
    let read = |row: &rusqlite::Row<'_>| (0..names.len()).map(|nth| row.get(nth)).collect();
    board.query_row(&sql, [], read).unwrap()
}

#[test]
fn each_column_of_a_rebuilt_row_has_its_own_value() {
    let board = board_of(NARROW_ROWS - 1);
    let mut before = Vec::new();
    for table in ["tasks", "task_runs"] {
        let columns = columns(&board, table);
        let values: Vec<Value> = columns
            .iter()
            .enumerate()
            .map(|(nth, (name, of_type))| value(table, nth, name, of_type))
            .collect();
        let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT INTO {table} ({}) VALUES ({marks})", names.join(", "));
        board.execute(&sql, rusqlite::params_from_iter(&values)).unwrap();
        assert!(row(&board, table, &names).iter().all(|value| *value != Value::Null));
        before.push((table, row(&board, table, &names), names));
    }
    let rebuild = MIGRATIONS.iter().find(|migration| migration.version == NARROW_ROWS).unwrap();
    board.execute_batch(rebuild.sql).unwrap();
    for (table, expected, names) in before {
        assert!(names.len() > 50, "{table}");
        assert_eq!(row(&board, table, &names), expected, "{table}: {names:?}");
        assert_eq!(columns(&board, table).len(), names.len(), "{table}");
    }
}

#[test]
fn no_id_of_a_run_that_was_removed_is_used_again_after_a_rebuild() {
    let board = board_of(NARROW_ROWS - 1);
    board
        .execute_batch(
            "INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'a', 'todo', 1);
             INSERT INTO task_runs (id, task_id, status, started_at) VALUES (77, 't_1', 'running', 1);
             DELETE FROM task_runs;
             INSERT INTO task_runs (id, task_id, status, started_at) VALUES (1, 't_1', 'running', 1)",
        )
        .unwrap();
    let rebuild = MIGRATIONS.iter().find(|migration| migration.version == NARROW_ROWS).unwrap();
    board.execute_batch(rebuild.sql).unwrap();
    let sql = "DELETE FROM task_runs; INSERT INTO task_runs (task_id, status, started_at) VALUES ('t_1', 'running', 1)";
    board.execute_batch(sql).unwrap();
    assert_eq!(board.last_insert_rowid(), 78);
}
