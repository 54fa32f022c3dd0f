//! Schema versions: numbered files, applied in order, in one transaction.
//!
//! Two nevers: a migration that was released is never edited, and none is removed. A file that has a newer version than
//! this program knows is refused unchanged. Before an existing file is migrated a copy is kept beside it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;

use super::foreign;
use super::open_error::{Birth, Missing, OpenError};
use super::private_file::create_private;

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

/// Applies what is missing. A new file also gets its birth certificate and the board `default`.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    birth: &Birth,
    copy: KeepCopy,
) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let found = version(connection).map_err(at)?;
    if found == newest_version() {
        return Ok(());
    }
    if found > 0 && copy == KeepCopy::Yes {
        keep_copy(connection, path, found)?;
    }
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(at)?;
    for migration in MIGRATIONS.iter().filter(|migration| migration.version > found) {
        apply(&transaction, migration).map_err(at)?;
    }
    if found == 0 {
        super::install::insert(&transaction, birth).map_err(at)?;
    }
    transaction.pragma_update(None, "user_version", newest_version()).map_err(at)?;
    crate::failpoint::hit("migrate-before-commit");
    transaction.commit().map_err(at)
}

/// Moves what is in the WAL into the file, as far as no reader is in the way. Programs without SQLite read the schema version in the
/// file's head: a package that is asked to go back to an older program. It must not lie in the WAL alone.
pub(super) fn show_version(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_row| Ok(()))
}

/// Statement by statement, so that a crash test can end the process between any two.
fn apply(transaction: &Connection, migration: &Migration) -> rusqlite::Result<()> {
    let mut batch = rusqlite::Batch::new(transaction, migration.sql);
    while let Some(mut statement) = batch.next()? {
        crate::failpoint::hit("migrate-statement");
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
