//! The file itself: what the schema refuses, and that its words are those of the code.

use kanband::kernel::breaker::BreakerState;
use kanband::kernel::run::{RunOutcome, RunState};
use kanband::kernel::task::{TaskStatus, WorkspaceKind};

use crate::bench_board::Bench;

fn schema(bench: &Bench) -> String {
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join(";\n")
}

/// The quoted words of the constraint `name`.
fn words(schema: &str, name: &str) -> Vec<String> {
    let after = schema.split(&format!("CONSTRAINT {name} ")).nth(1).unwrap();
    let list = after.split(" IN (").nth(1).unwrap().split(')').next().unwrap();
    list.split(',').map(|word| word.trim().trim_matches('\'').to_owned()).collect()
}

#[test]
fn each_check_lists_exactly_the_words_of_its_enum() {
    let bench = Bench::new();
    let schema = schema(&bench);
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words
    };
    let texts = |words: Vec<&str>| sorted(words.into_iter().map(str::to_owned).collect());
    for (constraint, expected) in [
        ("tasks_status_valid", TaskStatus::ALL.map(TaskStatus::as_str).to_vec()),
        ("tasks_workspace_kind_valid", WorkspaceKind::ALL.map(WorkspaceKind::as_str).to_vec()),
        ("runs_outcome_valid", RunOutcome::ALL.map(RunOutcome::as_str).to_vec()),
        ("runs_state_valid", RunState::ALL.map(RunState::as_str).to_vec()),
        ("breakers_state_valid", BreakerState::ALL.map(BreakerState::as_str).to_vec()),
    ] {
        assert_eq!(sorted(words(&schema, constraint)), texts(expected), "{constraint}");
    }
    let mut statuses: Vec<&str> = RunOutcome::ALL.map(RunOutcome::run_status).to_vec();
    statuses.extend(["running", "completed"]);
    assert_eq!(sorted(words(&schema, "runs_status_valid")), texts(statuses));
}

#[test]
fn all_tables_are_strict_and_all_checks_have_names() {
    let bench = Bench::new();
    let schema = schema(&bench);
    let is_ours = |sql: &&str| sql.starts_with("CREATE TABLE") && !sql.contains("sqlite_sequence");
    let tables: Vec<&str> = schema.split(";\n").filter(is_ours).collect();
    assert!(tables.len() >= 10);
    for table in tables {
        assert!(table.contains(") STRICT"), "{table}");
        assert_eq!(
            table.matches("CHECK (").count(),
            table.matches("CONSTRAINT ").count(),
            "{table}"
        );
    }
}

#[test]
fn the_schema_refuses_what_the_rules_forbid() {
    let mut bench = Bench::new();
    let id = bench.create("t", "dev", &[]);
    bench.start_one();
    let connection = rusqlite::Connection::open(&bench.path).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    for (sql, constraint) in [
        ("UPDATE tasks SET status = 'paused'", "tasks_status_valid"),
        ("UPDATE tasks SET parked = 2", "tasks_parked_bool"),
        ("UPDATE tasks SET status = 'ready'", "tasks_lock_implies_work"),
        ("UPDATE tasks SET title = ' '", "tasks_title_not_blank"),
        ("UPDATE task_runs SET outcome = 'completed'", "runs_outcome_with_end"),
        ("UPDATE task_runs SET closed_at = 1, state = 'closed'", "runs_closed_implies_ended"),
        (
            "INSERT INTO task_runs (task_id, status, started_at) SELECT id, 'running', 1 FROM tasks",
            "task_runs.task_id",
        ),
        ("INSERT INTO task_links VALUES ('t_1', 't_2')", "FOREIGN KEY"),
        ("DELETE FROM tasks", "FOREIGN KEY"),
    ] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains(constraint), "{sql} for {id}: {error}");
    }
}
