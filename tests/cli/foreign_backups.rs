//! Files that come in, and are not what they seem: `restore` takes a board and nothing else, and keeps what it replaces.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::harness::Board;

/// A copy of `good` that was changed by these statements.
fn changed(board: &Board, good: &Path, sql: &str) -> PathBuf {
    let file = board.path("changed.db");
    std::fs::copy(good, &file).unwrap();
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    file
}

fn backup(board: &Board) -> PathBuf {
    let file = board.path("good.db");
    board.say(["backup", "--force", file.to_str().unwrap()]).ok();
    file
}

/// Changes to a backup, each with the message about it.
const CHANGES: &[(&str, &str)] = &[
    (
        "CREATE TRIGGER helpful AFTER INSERT ON tasks BEGIN UPDATE tasks SET assignee = 'x' WHERE id = NEW.id; END",
        "the trigger helpful on tasks is not kanband's",
    ),
    ("CREATE VIEW open AS SELECT * FROM tasks", "the view open is not kanband's"),
    ("CREATE TABLE notes (x)", "the table notes is not kanband's"),
    ("CREATE TABLE notes (x AS (zeroblob(9)), y)", "the table notes is not kanband's"),
    ("CREATE INDEX mine ON tasks (length(title))", "the index mine on tasks is not kanband's"),
    ("CREATE VIRTUAL TABLE v USING fts5 (x)", "the table v is not kanband's"),
    ("DROP INDEX idx_runs_open", "the index idx_runs_open is missing"),
    ("DROP TRIGGER leases_end_with_their_run", "is missing"),
    ("ALTER TABLE task_comments ADD COLUMN c INTEGER AS (length(body))", "task_comments was changed"),
    ("ALTER TABLE task_labels ADD COLUMN c TEXT DEFAULT 'x'", "the table task_labels was changed"),
    (
        "PRAGMA writable_schema = on;
         UPDATE sqlite_schema SET sql = replace(sql, 'trim(title)', 'trim(1)') WHERE name = 'tasks'",
        "the table tasks was changed",
    ),
    (
        "PRAGMA writable_schema = on;
         UPDATE sqlite_schema SET sql = replace(sql, 'COLLATE', '') WHERE 0;
         UPDATE sqlite_schema SET sql = replace(sql, 'label)', 'label COLLATE NOCASE)') WHERE name = 'task_labels'",
        "the table task_labels was changed",
    ),
    ("PRAGMA application_id = 1", "its application id is 0x1"),
    ("PRAGMA user_version = -1", "is not a database of kanband"),
    ("PRAGMA user_version = 0", "is not a database of kanband"),
    ("PRAGMA user_version = 1", "does not have the structure of a kanband database"),
    (
        "PRAGMA ignore_check_constraints = on; UPDATE tasks SET status = 'unheard of'",
        "is damaged",
    ),
    ("UPDATE tasks SET spawn_failures = 1 << 40", "cannot read a row of tasks"),
    ("DELETE FROM install", "cannot be opened"),
];

#[test]
fn a_backup_with_a_structure_of_its_own_is_refused_with_and_without_a_daemon() {
    let mut board = Board::quiet();
    let id = board.create("precious", &[]);
    let good = backup(&board);
    let before = board.everything();
    for (sql, phrase) in CHANGES {
        let file = changed(&board, &good, sql);
        let message = board.say(["restore", file.to_str().unwrap(), "--yes"]).failed(1);
        assert!(
            message.contains(phrase) && message.contains("hint: the live database is unchanged"),
            "{sql}: {message}"
        );
    }
    assert_eq!(board.everything(), before);
    board.kill();
    for (sql, phrase) in CHANGES {
        let file = changed(&board, &good, sql);
        let message = board.say(["restore", file.to_str().unwrap(), "--yes"]).failed(1);
        assert!(
            message.contains(phrase) && message.contains("hint: the database is unchanged"),
            "{sql}: {message}"
        );
    }
    board.start();
    assert_eq!(board.everything(), before);
    assert_eq!(board.status(&id), "ready");
}

#[test]
fn what_takes_the_foreign_parts_out_of_a_copy_is_told_and_helps() {
    let board = Board::quiet();
    board.create("kept", &[]);
    let good = backup(&board);
    let file = changed(
        &board,
        &good,
        "CREATE TABLE \"my notes\" (x); CREATE INDEX mine ON tasks (title);",
    );
    let message = board.say(["restore", file.to_str().unwrap(), "--yes"]).failed(1);
    let statements = message.split('\'').find(|part| part.starts_with("DROP ")).unwrap();
    assert!(statements.contains("DROP TABLE \"my notes\";"), "{message}");
    Connection::open(&file).unwrap().execute_batch(statements).unwrap();
    board.say(["restore", file.to_str().unwrap(), "--yes"]).ok();
}

#[test]
fn random_damage_never_becomes_a_board() {
    use kanband::kernel::random::{Random as _, SeededRandom, below};
    let board = Board::quiet();
    for n in 0..20 {
        board.create(&format!("task {n}"), &["--body", &"text ".repeat(300)]);
    }
    let good = std::fs::read(backup(&board)).unwrap();
    let before = board.everything();
    let mut random = SeededRandom::new(77);
    let below = |random: &mut SeededRandom, bound: usize| {
        usize::try_from(below(random, bound as u64)).unwrap()
    };
    for _ in 0..40 {
        let mut bytes = good.clone();
        for _ in 0..1 + below(&mut random, 200) {
            let at = below(&mut random, bytes.len());
            bytes[at] = random.next().to_le_bytes()[0];
        }
        bytes.truncate(1 + below(&mut random, 2 * good.len()));
        let file = board.path("damaged.db");
        std::fs::write(&file, bytes).unwrap();
        let said = board.say(["restore", file.to_str().unwrap(), "--yes"]);
        match said.code {
            // Damage to the text of a row is no damage to SQLite.
            0 => assert_ne!(board.say(["doctor", "--json"]).json()["health"], "fail"),
            1 => assert_eq!(board.say(["stats"]).code, 0),
            other => panic!("{other}: {said:?}"),
        }
        if said.code == 0 {
            let file = board.path("good.db");
            std::fs::write(&file, &good).unwrap();
            board.say(["restore", file.to_str().unwrap(), "--yes"]).ok();
        }
        assert_eq!(board.everything(), before);
    }
}

#[test]
fn what_somebody_added_to_the_live_board_is_told_and_stays() {
    let mut board = Board::quiet();
    board.create("t", &[]);
    board.kill();
    Connection::open(board.home().join("kanban.db"))
        .unwrap()
        .execute_batch("CREATE TRIGGER mine AFTER INSERT ON tasks BEGIN SELECT 1; END;")
        .unwrap();
    board.start();
    board.create("it is written all the same", &[]);
    let doctor = board.say(["doctor"]);
    assert!(doctor.code == 0 && doctor.out.contains("warn  schema"), "{doctor:?}");
    assert!(doctor.out.contains("the trigger mine on tasks is not kanband's"), "{doctor:?}");
    assert!(doctor.out.contains("DROP TRIGGER \"mine\";"), "{doctor:?}");
    let log = std::fs::read_to_string(board.path("kanband.log")).unwrap();
    assert!(log.contains("the trigger mine on tasks"), "{log}");
    let file = board.path("with_trigger.db");
    let said = board.say(["backup", file.to_str().unwrap()]);
    assert!(said.code == 1 && said.err.contains("would refuse this backup"), "{said:?}");
    assert!(said.out.contains("Backup written: ") && file.exists(), "{said:?}");
}

#[test]
fn a_backup_with_a_journal_beside_it_is_restored_with_what_the_journal_holds() {
    let board = Board::quiet();
    board.create("in the journal", &[]);
    // As copied by hand.
    for suffix in ["", "-wal"] {
        let name = format!("kanban.db{suffix}");
        std::fs::copy(board.home().join(&name), board.path(&name)).unwrap();
    }
    let file = board.path("kanban.db");
    assert!(std::fs::metadata(board.path("kanban.db-wal")).unwrap().len() > 0);
    let other = Board::quiet();
    other.say(["restore", file.to_str().unwrap(), "--yes"]).ok();
    assert_eq!(other.everything().len(), 1);
    assert!(board.path("kanban.db-wal").exists(), "what was given is left as it was");
}

#[test]
fn every_replaced_board_is_kept_whole_under_a_name_of_its_own() {
    let mut board = Board::quiet();
    board.create("first", &[]);
    let file = backup(&board);
    let restore = |board: &Board| {
        let json = board.say(["restore", file.to_str().unwrap(), "--yes", "--json"]).json();
        json["kept"].as_str().unwrap().to_owned()
    };
    board.create("second", &[]);
    let kept = restore(&board);
    board.create("third", &[]);
    board.kill();
    let of_killed = restore(&board);
    board.start();
    let last = restore(&board);
    let names: std::collections::BTreeSet<&String> = [&kept, &of_killed, &last].into();
    assert_eq!(names.len(), 3, "{names:?}");
    for (kept, expected) in [(&kept, "second"), (&of_killed, "third")] {
        board.say(["restore", kept, "--yes"]).ok();
        let titles: Vec<_> =
            board.everything().iter().map(|task| task["task"]["title"].clone()).collect();
        assert!(titles.contains(&expected.into()), "{kept}: {titles:?}");
    }
}

#[test]
fn copies_that_a_killed_daemon_left_on_their_way_are_removed_and_nothing_else() {
    let mut board = Board::quiet();
    board.kill();
    let unfinished =
        [".backup-0123456789abcdef", ".restore-0123456789abcdef", ".restore-0123456789abcdef-wal"];
    let others = [".backup-of-mine", "mine.db", ".restore-0123456789abcdef.keep"];
    for name in unfinished.iter().chain(&others) {
        std::fs::write(board.home().join(name), "x").unwrap();
    }
    board.start();
    for name in unfinished {
        assert!(!board.home().join(name).exists(), "{name}");
    }
    for name in others {
        assert!(board.home().join(name).exists(), "{name}");
    }
}
