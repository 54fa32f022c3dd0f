//! Schema versions: numbered files, applied in order, in one transaction.
//!
//! Two nevers: a migration that was released is never edited, and none is removed. A file that has a newer version than
//! this program knows is refused unchanged. Before an existing file is migrated a copy is kept beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;

use super::foreign;
use super::open_error::{Birth, Missing, OpenError};
use super::private_file::create_private;

#[cfg(test)]
mod rebuilt;

struct Migration {
    version: i64,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, sql: include_str!("migrations/0001_initial.sql") },
    Migration { version: 2, sql: include_str!("migrations/0002_whole_board.sql") },
    Migration { version: 3, sql: include_str!("migrations/0003_leases.sql") },
    Migration { version: 4, sql: include_str!("migrations/0004_stopping.sql") },
    Migration { version: 5, sql: include_str!("migrations/0005_containment.sql") },
    Migration { version: 6, sql: include_str!("migrations/0006_listing.sql") },
    Migration { version: 7, sql: include_str!("migrations/0007_handoff.sql") },
    Migration { version: 8, sql: include_str!("migrations/0008_launching.sql") },
    Migration { version: 9, sql: include_str!("migrations/0009_worktrees.sql") },
    Migration { version: 10, sql: include_str!("migrations/0010_comment_totals.sql") },
    Migration { version: 11, sql: include_str!("migrations/0011_footing.sql") },
    Migration { version: 12, sql: include_str!("migrations/0012_application.sql") },
    Migration { version: 13, sql: include_str!("migrations/0013_rows.sql") },
    Migration { version: 14, sql: include_str!("migrations/0014_people.sql") },
    Migration { version: 15, sql: include_str!("migrations/0015_review.sql") },
    Migration { version: 16, sql: include_str!("migrations/0016_questions.sql") },
    Migration { version: 17, sql: include_str!("migrations/0017_overdue.sql") },
    Migration { version: 18, sql: include_str!("migrations/0018_times.sql") },
    Migration { version: 19, sql: include_str!("migrations/0019_schedules.sql") },
    Migration { version: 20, sql: include_str!("migrations/0020_columns.sql") },
    Migration { version: 21, sql: include_str!("migrations/0021_outbox.sql") },
    Migration { version: 22, sql: include_str!("migrations/0022_chat.sql") },
    Migration { version: 23, sql: include_str!("migrations/0023_quiet.sql") },
    Migration { version: 24, sql: include_str!("migrations/0024_pauses.sql") },
    Migration { version: 25, sql: include_str!("migrations/0025_worker_tasks.sql") },
    Migration { version: 26, sql: include_str!("migrations/0026_narrow_rows.sql") },
];

/// The schema version that this program writes.
pub fn newest_version() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}

/// Refuses files that this program must not touch: newer ones, databases that are not boards, and an empty file in the place of
/// a board that must be there.
pub(super) fn refuse_unknown(
    connection: &Connection,
    path: &Path,
    missing: Missing,
) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let found = version(connection).map_err(at)?;
    let known = newest_version();
    if found > known {
        let kept = (1..=known).rev().find_map(|version| copies(path, version).pop());
        return Err(OpenError::Newer { path: path.to_owned(), found, known, kept });
    }
    if found < 0 {
        let detail = format!("its schema version is {found}");
        return Err(OpenError::NotABoard { path: path.to_owned(), detail });
    }
    if found == 0 && has_tables(connection).map_err(at)? {
        let detail = "it has tables but no schema version; use `kanban import hermes` for a database of the predecessor";
        return Err(OpenError::NotABoard { path: path.to_owned(), detail: detail.to_owned() });
    }
    if found == 0 && missing == Missing::Refuse {
        let detail = "it is empty".to_owned();
        return Err(OpenError::NotABoard { path: path.to_owned(), detail });
    }
    Ok(())
}

/// What the upgrade of a large file needs from the host, and tells it.
pub trait MigrationWatch: Send + Sync {
    /// Bytes that are free beside the file; none when that is unknown.
    fn free_bytes(&self, file: &Path) -> Option<u64>;

    /// So many of the statements are done. Called often, also within a long one.
    fn progress(&self, done: usize, of: usize);
}

/// Nobody watches: for new files and for copies of a moment.
pub struct Unwatched;

impl MigrationWatch for Unwatched {
    fn free_bytes(&self, _file: &Path) -> Option<u64> {
        None
    }

    fn progress(&self, _done: usize, _of: usize) {}
}

/// Files of the size of the board that an upgrade may take: the kept copy, the new tables, the journal with both.
const FILES_NEEDED: u64 = 4;

/// Steps of SQLite's machine between two reports of progress.
const STEPS_PER_REPORT: i32 = 1_000_000;

/// Applies what is missing. A new file also gets its birth certificate and the board `default`.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    birth: &Birth,
    (copy, watch): (KeepCopy, &Arc<dyn MigrationWatch>),
) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let found = version(connection).map_err(at)?;
    if found == newest_version() {
        return Ok(());
    }
    if found > 0 && copy == KeepCopy::Yes {
        refuse_without_room(connection, path, found, watch.as_ref())?;
        keep_copy(connection, path, found)?;
    }
    // Tables that are rebuilt are referred to. The setting has no effect inside a transaction.
    connection.pragma_update(None, "foreign_keys", false).map_err(at)?;
    migrate(connection, found, birth, watch).map_err(at)?;
    connection.progress_handler(0, None::<fn() -> bool>).map_err(at)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(at)
}

/// Refuses an upgrade that the disk cannot hold, before anything is written.
fn refuse_without_room(
    connection: &Connection,
    path: &Path,
    found: i64,
    watch: &dyn MigrationWatch,
) -> Result<(), OpenError> {
    let bytes: i64 = connection
        .query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    let needed_bytes = bytes.unsigned_abs().saturating_mul(FILES_NEEDED);
    match watch.free_bytes(path) {
        Some(free_bytes) if free_bytes < needed_bytes => {
            Err(OpenError::NoRoom { path: path.to_owned(), found, free_bytes, needed_bytes })
        }
        Some(_) | None => Ok(()),
    }
}

fn migrate(
    connection: &mut Connection,
    found: i64,
    birth: &Birth,
    watch: &Arc<dyn MigrationWatch>,
) -> rusqlite::Result<()> {
    let missing = || MIGRATIONS.iter().filter(|migration| migration.version > found);
    let done = Arc::new(AtomicUsize::new(0));
    let of = missing().map(|migration| migration.sql.matches(";\n").count()).sum();
    let (reporter, counted) = (Arc::clone(watch), Arc::clone(&done));
    let report = move || {
        reporter.progress(counted.load(Ordering::Relaxed), of);
        false
    };
    connection.progress_handler(STEPS_PER_REPORT, Some(report))?;
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for migration in missing() {
        apply(&transaction, migration, || {
            watch.progress(done.fetch_add(1, Ordering::Relaxed), of);
        })?;
    }
    if found == 0 {
        super::install::insert(&transaction, birth)?;
    }
    transaction.pragma_update(None, "user_version", newest_version())?;
    crate::failpoint::hit("migrate-before-commit");
    transaction.commit()
}

/// Moves what is in the WAL into the file, as far as no reader is in the way. Programs without SQLite read the schema version in the
/// file's head: a package that is asked to go back to an older program. It must not lie in the WAL alone.
pub(super) fn show_version(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_row| Ok(()))
}

/// Statement by statement, so that a crash test can end the process between any two.
fn apply(transaction: &Connection, migration: &Migration, next: impl Fn()) -> rusqlite::Result<()> {
    let mut batch = rusqlite::Batch::new(transaction, migration.sql);
    while let Some(mut statement) = batch.next()? {
        crate::failpoint::hit("migrate-statement");
        next();
        statement.execute([])?;
    }
    Ok(())
}

/// Whether a copy of an existing file is kept before it is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepCopy {
    /// It is, beside the file.
    Yes,
    /// Not of a file that is itself a copy.
    No,
}

/// An empty board of a schema version, in memory.
pub(super) fn scratch(version: i64) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "foreign_keys", false)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version <= version) {
        connection.execute_batch(migration.sql)?;
    }
    connection.pragma_update(None, "user_version", version)?;
    Ok(connection)
}

/// Keeps a copy under a name that nothing has, whole or not at all. One that was kept of the same state before is not made again:
/// the start that made it may have been cut off.
fn keep_copy(connection: &Connection, path: &Path, found: i64) -> Result<(), OpenError> {
    let kept = copies(path, found);
    let state = state(connection).map_err(|error| OpenError::from_sqlite(path, &error))?;
    let is_same = |copy: &PathBuf| {
        foreign::open_unchanging(copy).and_then(|copy| self::state(&copy)).ok().as_ref()
            == Some(&state)
    };
    if kept.last().is_some_and(is_same) {
        return Ok(());
    }
    let unfinished = with_ending(path, &format!(".v{found}.new"));
    let failed = |error: std::io::Error| OpenError::Unusable {
        path: unfinished.clone(),
        detail: error.to_string(),
    };
    // What an earlier start has left unfinished is a copy of what is there.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    create_private(&unfinished).map_err(failed)?;
    connection
        .execute("VACUUM INTO ?1", [unfinished.to_string_lossy().into_owned()])
        .map_err(|error| OpenError::from_sqlite(&unfinished, &error))?;
    crate::failpoint::hit("migrate-copied");
    let number = kept.len() + 1;
    let whole = std::fs::File::open(&unfinished).and_then(|copy| copy.sync_all());
    // A link takes no name away from another file.
    whole
        .and_then(|()| std::fs::hard_link(&unfinished, copy_path(path, found, number)))
        .and_then(|()| std::fs::remove_file(&unfinished))
        .map_err(failed)
}

/// What tells two states of one board apart: its life, and its newest event.
fn state(connection: &Connection) -> rusqlite::Result<(String, Option<i64>, i64)> {
    connection.query_row(
        "SELECT (SELECT incarnation FROM install), (SELECT max(id) FROM task_events), (SELECT count(*) FROM tasks)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// The copies of a file that were kept of schema version `found`, oldest first.
fn copies(path: &Path, found: i64) -> Vec<PathBuf> {
    let numbered = (1..).map(|number| copy_path(path, found, number));
    numbered.take_while(|copy| copy.symlink_metadata().is_ok()).collect()
}

/// Where a copy of a file of schema version `found` is kept before it is migrated; later ones have a number.
pub fn copy_path(path: &Path, found: i64, number: usize) -> PathBuf {
    let ending = if number == 1 { format!(".v{found}") } else { format!(".v{found}.{number}") };
    with_ending(path, &ending)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::store::open_writer;

    fn birth() -> Birth {
        Birth { install_id: "i".into(), incarnation: "n".into(), now: 1 }
    }

    #[test]
    fn migrations_are_numbered_without_gaps() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version, index as i64 + 1);
        }
    }

    /// The first version whose rows name their board by its number, and have a number of their own.
    const NUMBERED_ROWS: i64 = 13;

    const ROWS: &str = "INSERT INTO install VALUES (1, 'i', 'n', 1);
        INSERT INTO boards (name, created_at) VALUES ('aside', 0), ('default', 1);
        INSERT INTO tasks (id, title, status, created_at) VALUES ('t_9', 'second', 'todo', 5);
        INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'third', 'todo', 5);
        INSERT INTO tasks (id, title, status, created_at, board) VALUES ('t_5', 'first', 'done', 4, 'aside');
        INSERT INTO task_events (task_id, kind, created_at) VALUES ('t_9', 'created', 5), ('t_1', 'created', 5);
        DELETE FROM task_events WHERE task_id = 't_1';";

    const ROWS_WITH_NUMBERS: &str = "INSERT INTO install VALUES (1, 'i', 'n', 1);
        INSERT INTO boards (id, name, created_at) VALUES (1, 'default', 1), (2, 'aside', 0);
        INSERT INTO tasks (id, title, status, created_at, board) VALUES ('t_5', 'first', 'done', 4, 2);
        INSERT INTO tasks (id, title, status, created_at) VALUES ('t_9', 'second', 'todo', 5);
        INSERT INTO tasks (id, title, status, created_at) VALUES ('t_1', 'third', 'todo', 5);";

    fn structure(connection: &Connection) -> Vec<Option<String>> {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema ORDER BY type, name").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn a_file_of_every_version_is_upgraded_to_the_schema_of_a_new_one_and_keeps_its_order() {
        let newest = structure(&scratch(newest_version()).unwrap());
        for version in 1..newest_version() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("kanban.db");
            let old = Connection::open(&path).unwrap();
            old.pragma_update(None, "foreign_keys", false).unwrap();
            for migration in MIGRATIONS.iter().filter(|migration| migration.version <= version) {
                old.execute_batch(migration.sql).unwrap();
            }
            let of_text = version < NUMBERED_ROWS;
            old.execute_batch(if of_text { ROWS } else { ROWS_WITH_NUMBERS }).unwrap();
            old.pragma_update(None, "user_version", version).unwrap();
            drop(old);
            let board = open_writer(&path, Missing::Refuse, &birth()).unwrap();
            assert_eq!(structure(board.raw()), newest, "{version}");
            let mut tasks = board
                .prepare(
                    "SELECT t.title, b.name FROM tasks t JOIN boards b ON b.id = t.board ORDER BY t.seq",
                )
                .unwrap();
            let rows = tasks.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            let rows: Vec<(String, String)> = rows.map(Result::unwrap).collect();
            let expected = [("first", "aside"), ("second", "default"), ("third", "default")];
            assert_eq!(
                rows,
                expected.map(|(title, board)| (title.into(), board.into())),
                "{version}"
            );
            if of_text {
                let sql = "SELECT value FROM settings WHERE key = 'events_reserved'";
                let reserved: String = board.query_row(sql, [], |row| row.get(0)).unwrap();
                assert_eq!(reserved, "2", "{version}: no id of a removed event is used again");
            }
            let board_number: i64 = board
                .query_row("SELECT id FROM boards WHERE name = 'default'", [], |row| row.get(0))
                .unwrap();
            assert_eq!(board_number, 1, "{version}");
        }
    }

    #[test]
    fn an_upgrade_that_the_disk_cannot_hold_is_refused_and_nothing_is_written() {
        struct Full;
        impl MigrationWatch for Full {
            fn free_bytes(&self, _file: &Path) -> Option<u64> {
                Some(4096)
            }
            fn progress(&self, _done: usize, _of: usize) {}
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kanban.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(MIGRATIONS[0].sql).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        drop(old);
        let before = std::fs::read(&path).unwrap();
        let full: Arc<dyn MigrationWatch> = Arc::new(Full);
        let refused = crate::kernel::store::open_watched(&path, Missing::Refuse, &birth(), &full);
        let error = refused.unwrap_err();
        assert!(matches!(error, OpenError::NoRoom { found: 1, free_bytes: 4096, .. }), "{error}");
        // The journal's mode stands in the head of the file, and is set before: everything else is as it was.
        assert_eq!(std::fs::read(&path).unwrap()[100..], before[100..]);
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().collect();
        assert!(!names.iter().any(|name| name.file_name().to_string_lossy().contains(".v1")));
    }

    #[test]
    fn a_new_file_has_the_newest_version_and_opens_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kanban.db");
        assert!(open_writer(&path, Missing::Refuse, &birth()).is_err());
        drop(open_writer(&path, Missing::Create, &birth()).unwrap());
        let again = open_writer(&path, Missing::Refuse, &birth()).unwrap();
        assert_eq!(version(again.raw()).unwrap(), newest_version());
    }

    #[test]
    fn the_head_of_an_open_file_tells_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kanban.db");
        for _new_then_old in 0..2 {
            let _open = open_writer(&path, Missing::Create, &birth()).unwrap();
            let head = std::fs::read(&path).unwrap();
            assert_eq!(head[60..64], u32::try_from(newest_version()).unwrap().to_be_bytes());
        }
    }

    #[test]
    fn a_newer_file_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kanban.db");
        let connection = open_writer(&path, Missing::Create, &birth()).unwrap();
        connection.raw().pragma_update(None, "user_version", 999).unwrap();
        drop(connection);
        let before = std::fs::read(&path).unwrap();
        let refused = open_writer(&path, Missing::Refuse, &birth());
        assert!(matches!(refused, Err(OpenError::Newer { found: 999, .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_file_that_is_no_database_or_no_board_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.db");
        std::fs::write(&empty, "").unwrap();
        assert!(matches!(
            open_writer(&empty, Missing::Refuse, &birth()),
            Err(OpenError::NotABoard { .. })
        ));
        assert_eq!(std::fs::metadata(&empty).unwrap().len(), 0, "nothing is made of it");
        let text = dir.path().join("text.db");
        std::fs::write(&text, "this is not a database, it is a sentence of some length").unwrap();
        assert!(matches!(
            open_writer(&text, Missing::Refuse, &birth()),
            Err(OpenError::Damaged { .. })
        ));
        let other = dir.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        assert!(matches!(
            open_writer(&other, Missing::Refuse, &birth()),
            Err(OpenError::NotABoard { .. })
        ));
    }
}
