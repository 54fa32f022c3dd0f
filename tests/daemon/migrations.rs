//! A migration that is cut off: the file is the old one or the new one, never something between.

use kanband::api::client::ClientError;
use kanband::kernel::error::ErrorCode;
use rusqlite::Connection;

use crate::harness::{Daemon, config};

const FIRST_SCHEMA: &str = include_str!("../../src/kernel/store/migrations/0001_initial.sql");

/// A board as the first version of the schema wrote it.
fn write_old_board(daemon: &Daemon) {
    let connection = Connection::open(daemon.home().join("kanban.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.execute_batch(FIRST_SCHEMA).unwrap();
    connection
        .execute_batch(
            "INSERT INTO install VALUES (1, 'old', 'first', 1);
             INSERT INTO boards VALUES ('default', 1);
             INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'parent', 'done', 1);
             INSERT INTO tasks (id, title, status, created_at, ready_at) VALUES ('t_2', 'child', 'ready', 2, 2);
             INSERT INTO task_links VALUES ('t_1', 't_2');
             INSERT INTO task_comments (task_id, author, body, created_at) VALUES ('t_2', 'ada', 'hello', 3);
             INSERT INTO task_events (task_id, kind, created_at) VALUES ('t_1', 'created', 1), ('t_2', 'created', 2);
             PRAGMA user_version = 1;",
        )
        .unwrap();
}

/// Version, schema and every row.
fn content(path: &std::path::Path) -> (i64, String) {
    let connection = Connection::open(path).unwrap();
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let mut text = schema(&connection);
    for table in ["tasks", "task_links", "task_comments", "task_events", "boards", "install"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for index in 0..width {
                text.push_str(&format!("|{:?}", row.get_ref(index).unwrap()));
            }
            text.push('\n');
        }
    }
    (version, text)
}

fn schema(connection: &Connection) -> String {
    let mut statement = connection
        .prepare("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY type, name")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

/// Kills the daemon at every point of its migration in turn, until one start gets through. Returns how often it died.
fn die_at_every_point(daemon: &mut Daemon, mut look: impl FnMut(&Daemon)) -> usize {
    for nth in 1.. {
        daemon.arm(Some(&format!("migrate-statement=kill@{nth}")));
        daemon.spawn();
        if daemon.came_up() {
            return nth - 1;
        }
        look(daemon);
    }
    0
}

#[test]
fn an_interrupted_migration_leaves_the_old_file_and_the_next_start_makes_the_new_one() {
    let mut daemon = Daemon::prepare(&config(&[]));
    write_old_board(&daemon);
    let path = daemon.home().join("kanban.db");
    let old = content(&path);
    assert_eq!(old.0, 1);
    daemon.arm(Some("migrate-before-commit=kill"));
    daemon.spawn();
    daemon.wait_killed();
    assert_eq!(content(&path), old);
    let deaths = die_at_every_point(&mut daemon, |daemon| {
        assert_eq!(content(&daemon.home().join("kanban.db")), old);
    });
    assert!(deaths >= 5, "only {deaths} statements");
    assert_eq!(daemon.show("t_2")["task"]["title"], "child");
    assert_eq!(daemon.show("t_2")["comments"][0]["body"], "hello");
    assert_eq!(daemon.show("t_2")["parents"][0], "t_1");
    daemon.kill_9();
    let copy = content(&daemon.home().join("kanban.db.v1"));
    assert_eq!(copy, old, "the copy that is kept is the old file");
}

#[test]
fn a_copy_that_was_kept_earlier_stays_and_the_new_one_is_whole_or_not_there() {
    let mut daemon = Daemon::prepare(&config(&[]));
    write_old_board(&daemon);
    let home = daemon.home();
    let old = content(&home.join("kanban.db"));
    std::fs::write(home.join("kanban.db.v1"), "of an earlier upgrade").unwrap();
    daemon.arm(Some("migrate-copied=kill"));
    daemon.spawn();
    daemon.wait_killed();
    assert!(home.join("kanban.db.v1.new").exists() && !home.join("kanban.db.v1.2").exists());
    daemon.arm(Some("migrate-before-commit=kill"));
    daemon.spawn();
    daemon.wait_killed();
    daemon.restart();
    assert_eq!(std::fs::read(home.join("kanban.db.v1")).unwrap(), b"of an earlier upgrade");
    assert_eq!(content(&home.join("kanban.db.v1.2")), old);
    for name in ["kanban.db.v1.new", "kanban.db.v1.3"] {
        assert!(!home.join(name).exists(), "{name}: two starts, one copy");
    }
}

#[test]
fn a_backup_of_an_old_version_is_restored_and_one_with_a_trigger_is_refused_before_it_is_migrated()
{
    let source = Daemon::prepare(&config(&[]));
    write_old_board(&source);
    let file = source.home().join("kanban.db");
    let daemon = Daemon::start(&config(&[]));
    let restore = || -> Result<serde_json::Value, ClientError> {
        daemon.client().upload("/v1/restore", std::fs::File::open(&file).unwrap())
    };
    restore().unwrap();
    assert_eq!(daemon.show("t_2")["comments"][0]["body"], "hello");
    Connection::open(&file)
        .unwrap()
        .execute_batch(
            "CREATE TRIGGER mine AFTER UPDATE ON tasks BEGIN DELETE FROM task_comments; END;",
        )
        .unwrap();
    match restore().unwrap_err() {
        ClientError::Refused(detail) => assert_eq!(detail.code, ErrorCode::BadBackup, "{detail:?}"),
        other => panic!("{other}"),
    }
    assert_eq!(daemon.show("t_2")["comments"][0]["body"], "hello");
    let left = std::fs::read_dir(daemon.home()).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".restore")), "{left:?}");
}

#[test]
fn a_migrated_file_has_the_schema_of_a_fresh_one() {
    let fresh = Daemon::start(&config(&[]));
    let mut migrated = Daemon::prepare(&config(&[]));
    write_old_board(&migrated);
    migrated.spawn();
    migrated.wait_until_up();
    let of = |daemon: &Daemon| schema(&Connection::open(daemon.home().join("kanban.db")).unwrap());
    assert_eq!(of(&migrated), of(&fresh));
}

#[test]
fn a_home_whose_making_is_cut_off_is_made_by_the_next_start() {
    let mut daemon = Daemon::prepare(&config(&[]));
    let deaths = die_at_every_point(&mut daemon, |_| {});
    assert!(deaths >= 30, "only {deaths} statements");
    let id = daemon.create(serde_json::json!({}));
    assert_eq!(daemon.status(&id), "ready");
}
