//! The full-text index: a file of its own beside the board, made from it and behind it by at most a moment.
//!
//! It holds nothing that the board does not hold, so it is made anew whenever it does not fit (another incarnation, damage,
//! an older layout). Its writer reads the board's events from its own cursor on and never takes the board's write lock;
//! readers of the board attach it as `search`.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, named_params};

use super::Doing;
use super::events;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EventId, TaskId};
use crate::kernel::transfer::import::IMPORTED_TASKS;
use crate::kernel::verbs::EVENTS_FLOOR;

/// Layout of the index; another one is made anew.
const LAYOUT: i64 = 2;

/// Events looked at in one step.
const EVENTS_PER_STEP: u32 = 500;

const SCHEMA: &str = "
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1), incarnation TEXT NOT NULL, cursor INTEGER NOT NULL, floor INTEGER NOT NULL,
  imported INTEGER NOT NULL
) STRICT;
CREATE TABLE documents (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL UNIQUE) STRICT;
CREATE VIRTUAL TABLE texts USING fts5 (title, body, comments, summaries, tokenize = 'unicode61 remove_diacritics 2');
";

/// Where the index of the board at `database` is.
pub fn index_path(database: &Path) -> PathBuf {
    database.with_extension("search.db")
}

/// The writer of the index.
pub struct SearchIndex {
    index: Connection,
}

impl SearchIndex {
    /// Opens the index of the board at `database`, or makes it anew when it does not fit that life of the board.
    ///
    /// # Errors
    /// A fault of the index.
    pub fn open(database: &Path, incarnation: &str) -> Result<Self, Fault> {
        let path = index_path(database);
        let index = match open_readable(&path) {
            Ok((index, true)) => empty_unless_of(index, incarnation)?,
            Ok((_, false)) | Err(_) => make(&path, incarnation)?,
        };
        Ok(Self { index })
    }

    /// Takes in what has happened since; returns when nothing is left.
    ///
    /// # Errors
    /// A fault of either file; the step that failed is done again next time.
    pub fn catch_up(&mut self, board: &Connection) -> Result<(), Fault> {
        self.forget_collected(board)?;
        while self.step(board)? {}
        self.take_in_imported(board)
    }

    /// Takes in imported tasks that are not known yet: their events may be numbered below the cursor, or missing.
    fn take_in_imported(&mut self, board: &Connection) -> Result<(), Fault> {
        let doing = "index imported texts";
        let stored = super::install::setting(board, IMPORTED_TASKS)?;
        let count: i64 = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
        let known: i64 = self
            .index
            .query_row("SELECT imported FROM state", [], |row| row.get(0))
            .doing(doing)?;
        if count == known {
            return Ok(());
        }
        let transaction = self.index.transaction().doing(doing)?;
        for id in super::transfer::list_imported(board)? {
            let is_known: bool = transaction
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM documents WHERE task_id = :id)")
                .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)))
                .doing(doing)?;
            if !is_known {
                put(&transaction, board, &id)?;
            }
        }
        transaction
            .execute("UPDATE state SET imported = :count", named_params! { ":count": count })
            .doing(doing)?;
        transaction.commit().doing(doing)
    }

    /// One page of events; whether there may be more.
    fn step(&mut self, board: &Connection) -> Result<bool, Fault> {
        let doing = "index texts";
        let cursor: EventId =
            self.index.query_row("SELECT cursor FROM state", [], |row| row.get(0)).doing(doing)?;
        let page = events::list_after(board, cursor, EVENTS_PER_STEP)?;
        let Some(last) = page.last().map(|event| event.id) else { return Ok(false) };
        let mut ids: Vec<TaskId> = page.iter().map(|event| event.task_id.clone()).collect();
        ids.sort();
        ids.dedup();
        let has_more = page.len() == EVENTS_PER_STEP as usize;
        let transaction = self.index.transaction().doing(doing)?;
        for id in &ids {
            put(&transaction, board, id)?;
        }
        transaction
            .execute("UPDATE state SET cursor = :last", named_params! { ":last": last })
            .doing(doing)?;
        transaction.commit().doing(doing)?;
        Ok(has_more)
    }

    /// Drops the texts of tasks that gc has removed since the last look.
    fn forget_collected(&mut self, board: &Connection) -> Result<(), Fault> {
        let doing = "forget collected texts";
        let stored = super::install::setting(board, EVENTS_FLOOR)?;
        let floor: i64 = stored.and_then(|text| text.parse().ok()).unwrap_or_default();
        let known: i64 =
            self.index.query_row("SELECT floor FROM state", [], |row| row.get(0)).doing(doing)?;
        if floor == known {
            return Ok(());
        }
        let mut statement = self.index.prepare("SELECT id, task_id FROM documents").doing(doing)?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, TaskId>(1)?)))
            .doing(doing)?;
        let all: Vec<(i64, TaskId)> = rows.collect::<rusqlite::Result<_>>().doing(doing)?;
        drop(statement);
        let transaction = self.index.transaction().doing(doing)?;
        for (document, task_id) in all {
            if super::tasks::get_status(board, &task_id)?.is_none() {
                let row = named_params! { ":id": document };
                transaction.execute("DELETE FROM texts WHERE rowid = :id", row).doing(doing)?;
                transaction.execute("DELETE FROM documents WHERE id = :id", row).doing(doing)?;
            }
        }
        transaction
            .execute("UPDATE state SET floor = :floor", named_params! { ":floor": floor })
            .doing(doing)?;
        transaction.commit().doing(doing)
    }
}

/// The index and whether its layout is the one known here; an error when it cannot be read.
fn open_readable(path: &Path) -> rusqlite::Result<(Connection, bool)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let index = Connection::open_with_flags(path, flags)?;
    configure(&index)?;
    let layout: i64 = index.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((index, layout == LAYOUT))
}

/// Begins again from nothing when the index is of another life of the board. It stays the same file: readers that have it
/// attached must see what is put there from now on.
fn empty_unless_of(mut index: Connection, incarnation: &str) -> Result<Connection, Fault> {
    let doing = "begin the search index again";
    let stored: Option<String> = index
        .query_row("SELECT incarnation FROM state", [], |row| row.get(0))
        .optional()
        .doing(doing)?;
    if stored.as_deref() == Some(incarnation) {
        return Ok(index);
    }
    let transaction = index.transaction().doing(doing)?;
    transaction
        .execute_batch("DROP TABLE texts; DROP TABLE documents; DROP TABLE state;")
        .doing(doing)?;
    lay_out(&transaction, incarnation)?;
    transaction.commit().doing(doing)?;
    Ok(index)
}

fn make(path: &Path, incarnation: &str) -> Result<Connection, Fault> {
    let doing = "make the search index";
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Fault::Database {
                    doing: doing.to_owned(),
                    detail: error.to_string(),
                    retryable: false,
                });
            }
            Ok(()) | Err(_) => {}
        }
    }
    super::create_private(path).map_err(|error| Fault::Database {
        doing: doing.to_owned(),
        detail: error.to_string(),
        retryable: false,
    })?;
    let index = Connection::open(path).doing(doing)?;
    configure(&index).doing(doing)?;
    lay_out(&index, incarnation)?;
    index.pragma_update(None, "user_version", LAYOUT).doing(doing)?;
    Ok(index)
}

/// Makes the empty tables.
fn lay_out(index: &Connection, incarnation: &str) -> Result<(), Fault> {
    let doing = "lay out the search index";
    index.execute_batch(SCHEMA).doing(doing)?;
    index
        .execute(
            "INSERT INTO state (id, incarnation, cursor, floor, imported) VALUES (1, :incarnation, 0, 0, 0)",
            named_params! { ":incarnation": incarnation },
        )
        .map(|_| ())
        .doing(doing)
}

/// What is lost with a power cut is indexed again, so nothing here waits for the disk.
fn configure(index: &Connection) -> rusqlite::Result<()> {
    index.busy_timeout(std::time::Duration::from_secs(5))?;
    index.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    index.pragma_update(None, "trusted_schema", false)?;
    index.pragma_update(None, "journal_mode", "WAL")?;
    index.pragma_update(None, "synchronous", "OFF")?;
    index.pragma_update(None, "cache_size", -2048)
}

fn put(index: &Connection, board: &Connection, id: &TaskId) -> Result<(), Fault> {
    let doing = "index a task";
    let Some(task) = super::tasks::get(board, id)? else { return Ok(()) };
    let comments = super::comments::list(board, id)?;
    let runs = super::runs::list_of_task(board, id)?;
    let joined = |texts: Vec<&str>| texts.join("\n");
    let comments = joined(comments.iter().map(|comment| comment.body.as_str()).collect());
    let summaries = joined(runs.iter().filter_map(|run| run.summary.as_deref()).collect());
    let document: i64 = index
        .prepare_cached(
            "INSERT INTO documents (task_id) VALUES (:id)
             ON CONFLICT (task_id) DO UPDATE SET task_id = :id RETURNING id",
        )
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)))
        .doing(doing)?;
    index
        .prepare_cached(
            "INSERT OR REPLACE INTO texts (rowid, title, body, comments, summaries)
             VALUES (:document, :title, :body, :comments, :summaries)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":document": document, ":title": task.title, ":body": task.body, ":comments": comments,
                ":summaries": summaries,
            })
        })
        .map(|_| ())
        .doing(doing)
}

/// Lets a reading connection of the board search too.
///
/// # Errors
/// A fault when the index is not there or cannot be opened.
pub fn attach(connection: &Connection, database: &Path) -> Result<(), Fault> {
    let path = index_path(database).to_string_lossy().into_owned();
    connection
        .execute("ATTACH :path AS search", named_params! { ":path": path })
        .map(|_| ())
        .doing("attach the search index")
}

/// The match expression for words that somebody typed: every word must occur, a `*` at its end stands for any rest. None
/// when there is no word.
pub fn match_expression(typed: &str) -> Option<String> {
    let words: Vec<String> = typed
        .split_whitespace()
        .filter_map(|word| {
            let (word, star) = match word.strip_suffix('*') {
                Some(stem) => (stem, "*"),
                None => (word, ""),
            };
            let word = word.replace('"', "");
            word.chars().any(char::is_alphanumeric).then(|| format!("\"{word}\"{star}"))
        })
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A document of the index in which the words stand.
#[derive(Debug, Clone)]
pub struct Document {
    id: i64,
    /// Its task.
    pub task_id: TaskId,
}

/// Documents with the words, best first, at most `limit`.
///
/// # Errors
/// A fault of the index.
pub fn ranked(connection: &Connection, matching: &str, limit: u32) -> Result<Vec<Document>, Fault> {
    let doing = "search";
    let mut statement = connection
        .prepare_cached(
            "SELECT d.id, d.task_id FROM search.texts JOIN search.documents d ON d.id = texts.rowid
             WHERE texts MATCH :matching ORDER BY bm25(texts, 8.0, 2.0, 1.0, 2.0), d.task_id LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":matching": matching, ":limit": limit }, |row| {
            Ok(Document { id: row.get(0)?, task_id: row.get(1)? })
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// The passage of a document in which the words stand, with them between `[` and `]`. It is made for those that are shown
/// only: it costs more than finding them.
///
/// # Errors
/// A fault of the index.
pub fn snippet(
    connection: &Connection,
    matching: &str,
    document: &Document,
) -> Result<String, Fault> {
    connection
        .prepare_cached(
            "SELECT snippet(texts, -1, '[', ']', '…', 12) FROM search.texts
             WHERE texts MATCH :matching AND rowid = :id",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":matching": matching, ":id": document.id };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing("show where the words stand")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_words_cannot_be_syntax() {
        for (typed, expected) in [
            ("two words", Some("\"two\" \"words\"")),
            ("pre*", Some("\"pre\"*")),
            ("a OR b", Some("\"a\" \"OR\" \"b\"")),
            ("\"quoted", Some("\"quoted\"")),
            ("title:x", Some("\"title:x\"")),
            ("  ", None),
            ("* - \"", None),
        ] {
            assert_eq!(match_expression(typed).as_deref(), expected, "{typed:?}");
        }
    }
}
