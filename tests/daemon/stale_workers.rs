//! A worker whose run was ended by another caller goes on talking: nothing of it reaches the board.

use serde_json::json;

use crate::harness::{Daemon, config, until};

/// Waits for its turn in spite of TERM, then says everything that a worker can say, each with its exit code.
const STALE: &str = "trap '' TERM; touch ready; while [ ! -e go ]; do sleep 0.02; done; \
     say() { \"$@\" >> said 2>&1; echo \"code $?\" >> said; }; \
     say kanban complete $KANBAN_TASK --summary late; \
     say kanban block $KANBAN_TASK late; \
     say kanban comment $KANBAN_TASK late; \
     say kanban heartbeat $KANBAN_TASK --note late; \
     say kanban rate-limited $KANBAN_TASK; \
     touch through; while :; do sleep 0.05; done";

/// Every row of every table.
fn dump(daemon: &Daemon) -> String {
    let connection = rusqlite::Connection::open(daemon.home().join("kanban.db")).unwrap();
    let mut out = String::new();
    let tables: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            out.push_str(&table);
            for index in 0..width {
                out.push_str(&format!("|{:?}", row.get_ref(index).unwrap()));
            }
            out.push('\n');
        }
    }
    out
}

#[test]
fn what_a_worker_says_after_its_run_was_ended_is_refused_and_changes_not_a_byte_of_the_board() {
    for (verb, fields) in [
        ("stop", json!({ "then": "hold" })),
        ("reclaim", json!({})),
        ("archive", json!({})),
        ("complete", json!({ "summary": "a person did it" })),
    ] {
        let text = config(&[("sh", "report", STALE)]).with("supervision.grace", "10m");
        let daemon = Daemon::start(&text);
        let id = daemon.create(json!({ "assignee": "sh" }));
        let workspace = daemon.home().join("workspaces").join(&id);
        until("the worker", || workspace.join("ready").exists().then_some(()));
        // Its start is recorded at the same time.
        daemon.worker_pid(&id);
        daemon.post(&format!("/v1/tasks/{id}/{verb}"), &fields);
        until("the ladder to begin", || (daemon.runs(&id)[0]["state"] == "stopping").then_some(()));
        let before = dump(&daemon);
        std::fs::write(workspace.join("go"), "").unwrap();
        until("the worker's words", || workspace.join("through").exists().then_some(()));
        assert_eq!(dump(&daemon), before, "after {verb}");
        let said = std::fs::read_to_string(workspace.join("said")).unwrap();
        assert_eq!(said.matches("code 1\n").count(), 5, "after {verb}: {said}");
        assert_eq!(said.matches("error: run 1 is over").count(), 5, "after {verb}: {said}");
        assert_eq!(daemon.runs(&id).len(), 1);
    }
}
