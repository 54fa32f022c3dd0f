//! `import`: boards of the predecessor, of every age.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::{Board, until};
use crate::hermes_files::{ODD, OLD, RELEASES, expected, fixture, make};

fn import(board: &Board, file: &Path, arguments: &[&str]) -> Value {
    let words = ["import", "hermes", file.to_str().unwrap(), "--json"];
    board.say(words.iter().chain(arguments)).json()
}

/// An import that leaves something out: exit code 1, and what it did is on stdout all the same.
fn import_in_part(board: &Board, file: &Path, arguments: &[&str]) -> Value {
    let words = ["import", "hermes", file.to_str().unwrap(), "--json"];
    let said = board.say(words.iter().chain(arguments));
    assert_eq!((said.code, said.err.as_str()), (1, ""), "{said:?}");
    serde_json::from_str(&said.out).unwrap()
}

/// What was left out, one line for each.
fn left_out(summary: &Value) -> String {
    let line = |it: &Value| {
        format!(
            "{} {} {}: {}",
            it["rows"],
            it["table"].as_str().unwrap(),
            it["task_id"],
            it["reason"]
        )
    };
    summary["left_out"].as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Rows of the board's file, by table.
fn count(board: &Board, query: &str) -> i64 {
    let file = Connection::open(board.home().join("kanban.db")).unwrap();
    file.query_row(query, [], |row| row.get(0)).unwrap()
}

fn notes(summary: &Value) -> String {
    let notes: Vec<&str> =
        summary["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    notes.join("\n")
}

#[test]
fn each_release_arrives_with_exactly_what_it_held() {
    for release in RELEASES {
        let board = Board::quiet();
        let expected = expected(release);
        let dry = import(&board, &fixture(release), &["--dry-run"]);
        assert_eq!((&dry["imported"], &dry["dry_run"]), (&json!(50), &json!(true)));
        assert_eq!(board.everything().len(), 0, "a dry run changes nothing");
        let summary = import(&board, &fixture(release), &[]);
        for (table, rows) in expected["tables"].as_object().unwrap() {
            let mut rows = rows.as_i64().unwrap();
            if table == "task_attachments" {
                continue; // there is none, and no place for one
            }
            // The task that was in flight.
            rows += i64::from(table == "task_events");
            assert_eq!(summary["tables"][table], rows, "{release} {table}");
            assert_eq!(dry["tables"][table], rows, "{release} {table}");
            assert_eq!(count(&board, &format!("SELECT count(*) FROM {table}")), rows, "{table}");
        }
        let mut by_status: BTreeMap<String, i64> =
            serde_json::from_value(expected["by_status"].clone()).unwrap();
        let running = by_status.remove("running").unwrap();
        *by_status.entry("ready".to_owned()).or_default() += running;
        assert_eq!(summary["by_status"], json!(by_status), "{release}");
        for (status, tasks) in &by_status {
            let listed = board.say(["list", "--archived", "--status", status, "--json"]).json();
            assert_eq!(listed.as_array().unwrap().len() as i64, *tasks, "{release} {status}");
        }
        for (outcome, runs) in expected["outcomes"].as_object().unwrap() {
            let outcome = if outcome == "None" { "reclaimed" } else { outcome };
            let query = format!("SELECT count(*) FROM task_runs WHERE outcome = '{outcome}'");
            assert_eq!(count(&board, &query), runs.as_i64().unwrap(), "{release} {outcome}");
        }
        let in_flight = expected["ids"]["in_flight"].as_str().unwrap();
        assert_eq!(board.status(in_flight), "ready");
        assert_eq!(board.kinds(in_flight).iter().filter(|kind| *kind == "reclaimed").count(), 1);
        assert!(board.say(["doctor", "--json"]).json()["health"] != "fail");
    }
}

#[test]
fn a_second_import_finds_everything_there_whatever_was_edited_since() {
    let board = Board::quiet();
    for release in RELEASES {
        import(&board, &fixture(release), &[]);
        let ids = expected(release)["ids"].clone();
        board.say(["edit", ids["big"].as_str().unwrap(), "--title", "edited since"]).ok();
        board.say(["unblock", ids["blocked"].as_str().unwrap()]).ok();
        let before = board.everything();
        let message = board.say(["import", "hermes", fixture(release).to_str().unwrap()]).ok();
        assert_eq!(message, "Imported 0 task(s) to board default, 50 existing\n");
        assert_eq!(board.everything(), before);
    }
}

#[test]
fn ids_are_kept_where_nothing_is_in_their_way() {
    for release in RELEASES {
        let board = Board::quiet();
        import(&board, &fixture(release), &[]);
        let here = Connection::open(board.home().join("kanban.db")).unwrap();
        let there = Connection::open(copied(&board, &fixture(release))).unwrap();
        for (table, columns) in [
            ("task_runs", "id, task_id, profile, started_at, summary"),
            ("task_comments", "id, task_id, author, body"),
            ("task_events", "id, task_id, run_id, kind, created_at"),
        ] {
            let rows = |file: &Connection| -> Vec<Vec<rusqlite::types::Value>> {
                let sql = format!("SELECT {columns} FROM {table} ORDER BY id LIMIT 106");
                let mut statement = file.prepare(&sql).unwrap();
                let width = statement.column_count();
                let read = |row: &rusqlite::Row<'_>| (0..width).map(|n| row.get(n)).collect();
                statement.query_map([], read).unwrap().map(Result::unwrap).collect()
            };
            assert_eq!(rows(&here), rows(&there), "{release} {table}");
        }
    }
}

/// A copy that a test may open.
fn copied(board: &Board, file: &Path) -> std::path::PathBuf {
    let copy = board.path("copy.db");
    std::fs::copy(file, &copy).unwrap();
    copy
}

#[test]
fn two_boards_come_into_one_home_without_losing_a_reference() {
    let board = Board::quiet();
    for (name, release) in ["a", "b"].iter().zip(RELEASES) {
        board.say(["boards", "create", name]).ok();
        let summary = import(&board, &fixture(release), &["--board", name]);
        assert_eq!((&summary["imported"], &summary["board"]), (&json!(50), &json!(name)));
    }
    for query in [
        "SELECT count(*) FROM task_events e LEFT JOIN task_runs r ON r.id = e.run_id AND r.task_id = e.task_id
         WHERE e.run_id IS NOT NULL AND r.id IS NULL",
        "SELECT count(*) FROM task_links l LEFT JOIN tasks p ON p.id = l.parent_id
         LEFT JOIN tasks c ON c.id = l.child_id WHERE p.board IS NULL OR p.board <> c.board",
        "SELECT count(*) FROM pragma_foreign_key_check",
    ] {
        assert_eq!(count(&board, query), 0, "{query}");
    }
    let here = Connection::open(board.home().join("kanban.db")).unwrap();
    for release in RELEASES {
        let there = Connection::open(copied(&board, &fixture(release))).unwrap();
        let mut seen = 0;
        let mut subscriptions = there
            .prepare("SELECT task_id, platform, last_event_id FROM kanban_notify_subs")
            .unwrap();
        let rows = subscriptions.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
        });
        for (task, platform, heard) in rows.unwrap().map(Result::unwrap) {
            // How many of the task's own events had been heard is what has to be the same.
            let count = "SELECT count(*) FROM task_events WHERE task_id = ?1 AND id <= ?2";
            let before: i64 = there.query_row(count, (&task, heard), |row| row.get(0)).unwrap();
            let cursor: i64 = here
                .query_row(
                    "SELECT last_event_id FROM kanban_notify_subs WHERE task_id = ?1 AND platform = ?2",
                    (&task, &platform),
                    |row| row.get(0),
                )
                .unwrap();
            let after: i64 = here.query_row(count, (&task, cursor), |row| row.get(0)).unwrap();
            assert_eq!(before, after, "{release} {task}");
            seen += 1;
        }
        assert_eq!(seen, 2);
    }
    let counts = "SELECT count(*) FROM task_events WHERE run_id IS NOT NULL";
    let of_sources: i64 = RELEASES
        .iter()
        .map(|release| {
            let there = Connection::open(copied(&board, &fixture(release))).unwrap();
            there.query_row(counts, [], |row| row.get::<_, i64>(0)).unwrap()
        })
        .sum();
    // Each in-flight task's `reclaimed` names its run too.
    assert_eq!(count(&board, counts), of_sources + 2);
}

#[test]
fn the_source_is_only_read_even_where_nothing_may_be_written() {
    let board = Board::quiet();
    let dir = board.path("source");
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("kanban.db");
    std::fs::copy(fixture(RELEASES[0]), &file).unwrap();
    // A writer that has not checkpointed: the newest task stands in the journal only.
    let writer = Connection::open(&file).unwrap();
    writer.pragma_update(None, "journal_mode", "WAL").unwrap();
    writer
        .execute_batch("INSERT INTO tasks (id, title, status, created_at) VALUES ('t_abc', 'newest', 'todo', 1)")
        .unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o555)).unwrap();
    let look = || {
        let mut seen = Vec::new();
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            let meta = entry.metadata().unwrap();
            let bytes = std::fs::read(entry.path()).unwrap();
            seen.push((entry.file_name(), meta.mtime(), meta.mtime_nsec(), meta.ino(), bytes));
        }
        seen.sort();
        seen
    };
    let before = look();
    assert_eq!(before.len(), 3, "the file, its journal and its shared memory");
    let summary = import(&board, &file, &[]);
    assert_eq!(summary["imported"], 51);
    assert_eq!(board.task("t_abc")["title"], "newest");
    assert!(look() == before, "something was written beside the source, or into it");
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_oldest_files_come_in_with_what_they_have() {
    let board = Board::quiet();
    let file = board.path("old.db");
    make(&file, OLD);
    let summary = import(&board, &file, &[]);
    assert_eq!(summary["by_status"], json!({"done": 1, "ready": 2, "todo": 1}));
    assert_eq!(summary["tables"]["task_events"], 6);
    assert_eq!(board.kinds("t_02"), ["promoted", "gave_up", "danced", "reclaimed"]);
    assert_eq!(board.kinds("t_03"), ["reprioritized"]);
    assert_eq!(board.runs("t_02"), [] as [Value; 0]);
    assert_eq!((board.status("t_02"), board.status("t_03")), ("ready".into(), "todo".into()));
    assert_eq!(board.task("t_04")["title"], "(untitled)");
    assert!(notes(&summary).contains("t_04 had no title"), "{summary}");
    board.say(["complete", "t_02"]).ok();
    assert_eq!(board.status("t_03"), "ready");
    assert_eq!(import(&board, &file, &[])["existing"], 4);
}

#[test]
fn what_should_not_be_in_a_file_is_taken_by_the_rules_and_told() {
    let board = Board::quiet();
    let file = board.path("odd.db");
    make(&file, ODD);
    let summary = import_in_part(&board, &file, &[]);
    let message = format!("{}\n{}", notes(&summary), left_out(&summary));
    for note in [
        "the idempotency key \"key\" of t_a1 was dropped",
        "t_a5 has no unfinished parents and is now ready",
        "skipped 1 row(s) of task_comments without a task",
        "skipped 1 row(s) of task_events without a task",
        "run 4 had outcome exploded and is now reclaimed",
        "skipped link t_dead -> t_a5: a task is missing",
        "skipped link t_a1 -> t_a1: it would create a cycle",
        "skipped link nonsense -> t_a1",
    ] {
        assert!(message.contains(note), "{note:?} is not in {message}");
    }
    // Of two links that make a circle the first one stays.
    assert_eq!(message.matches(": it would create a cycle").count(), 2, "{message}");
    assert_eq!(summary["tables"]["task_links"], 1);
    assert_eq!(board.task("t_a1")["idempotency_key"], json!(null));
    assert_eq!(board.task("t_a2")["idempotency_key"], "key");
    let again = board.say(["create", "newer twin", "--idempotency-key", "key", "--json"]).json();
    assert_eq!((&again["id"], &again["created"]), (&json!("t_a2"), &json!(false)));
    let (reviewed, parked) = (board.task("t_a3"), board.task("t_a4"));
    assert_eq!((&reviewed["status"], &reviewed["reviewer"]), (&json!("review"), &json!("human")));
    assert_eq!((&parked["status"], &parked["parked"]), (&json!("scheduled"), &json!(true)));
    let runs = board.runs("t_a1");
    assert_eq!((&runs[0]["id"], &runs[0]["outcome"]), (&json!(3), &json!("reclaimed")));
    assert_eq!((&runs[0]["metadata"], &runs[1]["metadata"]), (&json!(null), &json!({"n": 1})));
    let ids: Vec<Value> = board.say(["show", "t_a6", "--json"]).json()["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| comment["id"].clone())
        .collect();
    assert_eq!(ids, [json!(9)], "a comment that the import wrote has not taken its id");
    until("the index", || board.say(["search", "needle"]).out.contains("t_a6").then_some(()));
    assert!(board.say(["doctor", "--json"]).json()["health"] != "fail");
}

#[test]
fn nothing_starts_because_of_an_import() {
    let board = Board::with(&format!(
        "[profiles.dev]\nargv = {}\nverdict = \"exit\"\n",
        json!(["/bin/sh", "-c", "true"])
    ));
    let file = board.path("odd.db");
    make(&file, ODD);
    let message = board.say(["import", "hermes", file.to_str().unwrap()]).out;
    assert!(
        message.lines().last().unwrap().contains("Dispatch is paused")
            && message.contains("`kanban resume`"),
        "{message}"
    );
    assert_eq!(board.say(["why", "t_a1", "--json"]).json()["reason"], "paused");
    assert_eq!(board.say(["why", "t_a5", "--json"]).json()["reason"], "paused");
    board.say(["resume"]).ok();
    board.say(["wait", "t_a1", "t_a5", "--status", "done"]).ok();
}

#[test]
fn a_clash_is_refused_by_name_and_leaves_nothing_half_imported() {
    let board = Board::quiet();
    let file = board.path("mine.db");
    make(&file, OLD);
    import(&board, &file, &[]);
    let other = board.path("other.db");
    // The last of many tasks is the one that clashes.
    let many: String = (1000..1500)
        .map(|n| format!("INSERT INTO tasks VALUES ('t_{n:x}', 'one of many', 'done', {n});"))
        .collect();
    let table = OLD.split("INSERT").next().unwrap();
    make(
        &other,
        &format!("{table}{many}INSERT INTO tasks VALUES ('t_03', 'another', 'done', 9999);"),
    );
    let before = board.everything().len();
    let message = board.say(["import", "hermes", other.to_str().unwrap()]).failed(1);
    assert!(
        message.contains("t_03 already exists and differs from the task to import"),
        "{message}"
    );
    assert_eq!(board.everything().len(), before);
    let dry = board.say(["import", "hermes", other.to_str().unwrap(), "--dry-run"]).failed(1);
    assert!(dry.contains("t_03"), "{dry}");
}

#[test]
fn many_tasks_arrive_in_batches_while_others_work_on_the_board() {
    let board = Board::quiet();
    let file = board.path("many.db");
    // Every tenth is in flight: the event that the import adds must not take an id that a later batch brings.
    let rows: String = (1..=1200)
        .map(|n| {
            let status = if n % 10 == 0 { "running" } else { "done" };
            format!(
                "INSERT INTO tasks VALUES ('t_{n:x}', 'task {n}', '{status}', {n});
                 INSERT INTO task_events VALUES ({n}, 't_{n:x}', 'created', NULL, {n});"
            )
        })
        .collect();
    let tables = OLD.split("INSERT").next().unwrap();
    make(&file, &format!("{tables}BEGIN; {rows} COMMIT;"));
    let mut command = board.command(["import", "hermes", file.to_str().unwrap(), "--json"]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut made = Vec::new();
    until("the import to have begun", || {
        made.push(board.create("meanwhile", &[]));
        (count(&board, "SELECT count(*) FROM imports") > 0).then_some(())
    });
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let summary: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(
        (&summary["imported"], &summary["tables"]["task_events"]),
        (&json!(1200), &json!(1320))
    );
    let expected = i64::try_from(1200 + made.len()).unwrap();
    assert_eq!(count(&board, "SELECT count(*) FROM tasks"), expected);
    assert!(board.say(["doctor", "--json"]).json()["health"] != "fail");
}
