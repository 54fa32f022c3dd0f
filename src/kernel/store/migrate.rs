//! Schema versions: numbered files, applied in order, in one transaction.
//!
//! Two nevers: a migration that was released is never edited, and none is removed. A file that has a newer version than
//! this program knows is refused unchanged. Before an existing file is migrated a copy is kept beside it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::fallible_iterator::FallibleIterator as _;

use super::{Birth, Missing, OpenError};

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
];

/// The schema version that this program writes.
pub fn newest_version() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
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
        let kept =
            (1..=known).rev().map(|version| copy_path(path, version)).find(|copy| copy.exists());
        return Err(OpenError::Newer { path: path.to_owned(), found, known, kept });
    }
    if found == 0 && has_tables(connection).map_err(at)? {
        let detail = "it has tables but no schema version; `kanban import hermes` takes boards of the predecessor";
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
) -> Result<(), OpenError> {
    let at = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let found = version(connection).map_err(at)?;
    if found == newest_version() {
        return Ok(());
    }
    if found > 0 {
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

/// Moves what is in the WAL into the file, as far as nobody is in the way. Whoever has no SQLite reads the schema version in the
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

fn keep_copy(connection: &Connection, path: &Path, found: i64) -> Result<(), OpenError> {
    let copy = copy_path(path, found);
    if copy.exists() {
        return Ok(());
    }
    let copy_text = copy.to_string_lossy().into_owned();
    connection
        .execute("VACUUM INTO ?1", [copy_text])
        .map(|_| ())
        .map_err(|error| OpenError::from_sqlite(&copy, &error))
}

/// Where the copy of a file of schema version `found` is kept before it is migrated.
pub fn copy_path(path: &Path, found: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{found}"));
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
        assert_eq!(version(&again).unwrap(), newest_version());
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
        connection.pragma_update(None, "user_version", 999).unwrap();
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
