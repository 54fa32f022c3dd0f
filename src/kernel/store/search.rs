//! The full-text index: a file of its own beside the board, made from it and behind it by at most a moment.
//!
//! It holds nothing that the board does not hold, so it is rebuilt whenever it does not fit (another incarnation, damage,
//! an older layout). Its writer reads the board's events from its own cursor on and never takes the board's write lock;
//! readers of the board attach it as `search`.
//!
//! | file | what it has |
//! |---|---|
//! | `file` | the file: opened, laid out, begun again |
//! | `writer` | what happened on the board, step by step |
//! | `parts` | the texts of one task, as documents of bounded size |
//! | `words` | the words of a query, as what the index is asked for |
//! | `passage` | where the words stand, for people |

mod file;
mod parts;
mod passage;
mod words;
mod writer;

use std::path::{Path, PathBuf};

use rusqlite::{Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EventId, TaskId};
use crate::kernel::store::Connection;
pub use words::Words;
pub use writer::SearchIndex;

/// Where the index of the board at `database` is.
pub fn index_path(database: &Path) -> PathBuf {
    database.with_extension("search.db")
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

/// A document of the index in which the words stand.
#[derive(Debug, Clone)]
pub struct Document {
    id: i64,
    /// Its task.
    pub task_id: TaskId,
    /// Bytes of its texts: what it costs to find the passage in it.
    pub bytes: u32,
}

/// Documents with the words.
#[derive(Debug, Clone)]
pub enum Matches {
    /// All of them, the best first. A task may have several.
    Ranked(Vec<Document>),
    /// There are too many to rank.
    TooMany,
}

/// Documents with the words, the best first, when there are no more than `count`: to rank them is work for each, and a word that
/// every task has says nothing about any of them.
///
/// # Errors
/// A fault of the index.
pub fn ranked(connection: &Connection, matching: &str, count: u32) -> Result<Matches, Fault> {
    if has_more_than(connection, matching, count)? {
        return Ok(Matches::TooMany);
    }
    let doing = "search";
    let mut statement = connection
        .prepare_cached(
            "SELECT d.id, d.task_id, d.bytes FROM search.texts JOIN search.documents d ON d.id = texts.rowid
             WHERE texts MATCH :matching ORDER BY bm25(texts, 8.0, 2.0, 1.0, 2.0), d.task_id",
        )
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":matching": matching }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().map(Matches::Ranked).doing(doing)
}

/// Documents with the words, the newest first, at most `count`, behind `after`: the index has them in this order, so no more are read
/// than are returned.
///
/// # Errors
/// A fault of the index.
pub fn newest(
    connection: &Connection,
    matching: &str,
    after: Option<&Document>,
    count: u32,
) -> Result<Vec<Document>, Fault> {
    let doing = "search";
    let before = after.map_or(i64::MAX, |document| document.id);
    let mut statement = connection
        .prepare_cached(
            "SELECT d.id, d.task_id, d.bytes FROM search.texts CROSS JOIN search.documents d ON d.id = texts.rowid
             WHERE texts MATCH :matching AND texts.rowid < :before ORDER BY texts.rowid DESC LIMIT :count",
        )
        .doing(doing)?;
    let parameters = named_params! { ":matching": matching, ":before": before, ":count": count };
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document { id: row.get(0)?, task_id: row.get(1)?, bytes: row.get(2)? })
}

/// Whether more than `count` documents match. An index that never had as many is not asked.
fn has_more_than(connection: &Connection, matching: &str, count: u32) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "SELECT (SELECT coalesce(max(id), 0) FROM search.documents) > :count
               AND EXISTS (SELECT 1 FROM search.texts WHERE texts MATCH :matching LIMIT 1 OFFSET :count)",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":matching": matching, ":count": count }, |row| row.get(0))
        })
        .doing("search")
}

/// The passage of a document in which the words stand, with them between `[` and `]`; none when it is not near the beginning of a long
/// text. It is made for those that are shown only: it costs more than finding them.
///
/// # Errors
/// A fault of the index.
pub fn snippet(
    connection: &Connection,
    words: &Words,
    document: &Document,
) -> Result<Option<String>, Fault> {
    let doing = "find the matching passages";
    if passage::is_short(document.bytes) {
        return quick_snippet(connection, words, document).map(Some);
    }
    let texts = connection
        .prepare_cached(
            "SELECT substr(title, 1, :most), substr(body, 1, :most), substr(comments, 1, :most),
                    substr(summaries, 1, :most)
             FROM search.texts WHERE rowid = :id",
        )
        .and_then(|mut s| {
            let most = i64::try_from(passage::LOOKED_AT_BYTES).unwrap_or(i64::MAX);
            s.query_row(named_params! { ":most": most, ":id": document.id }, |row| {
                Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
            })
        })
        .doing(doing)?;
    if document.bytes as usize > passage::LOOKED_AT_BYTES || !passage::has_few_hits(&texts, words) {
        return Ok(passage::find(&texts, words));
    }
    quick_snippet(connection, words, document).map(Some)
}

/// By the index's own function, for a document with few hits.
fn quick_snippet(
    connection: &Connection,
    words: &Words,
    document: &Document,
) -> Result<String, Fault> {
    connection
        .prepare_cached(
            "SELECT snippet(texts, -1, '[', ']', '…', 12) FROM search.texts
             WHERE texts MATCH :matching AND rowid = :id",
        )
        .and_then(|mut s| {
            let parameters = named_params! { ":matching": words.expression(), ":id": document.id };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing("find the matching passages")
}

/// How the index stands, as a reader of the board sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexState {
    /// Up to which event it has taken in what happened.
    pub cursor: EventId,
    /// Tasks of which something is not in it, and why, the first ones.
    pub skipped: Vec<(String, String)>,
    /// How many there are.
    pub skipped_count: u64,
}

/// How the index stands.
///
/// # Errors
/// A fault of the index.
pub fn state(connection: &Connection, named_max: u32) -> Result<IndexState, Fault> {
    let doing = "read the search index";
    let cursor = connection
        .query_row("SELECT cursor FROM search.state", [], |row| row.get(0))
        .doing(doing)?;
    let mut statement = connection
        .prepare_cached("SELECT task_id, why FROM search.skipped ORDER BY task_id LIMIT :limit")
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":limit": named_max }, |row| Ok((row.get(0)?, row.get(1)?)))
        .doing(doing)?;
    let skipped = rows.collect::<rusqlite::Result<_>>().doing(doing)?;
    let count: i64 = connection
        .query_row("SELECT count(*) FROM search.skipped", [], |row| row.get(0))
        .doing(doing)?;
    Ok(IndexState { cursor, skipped, skipped_count: count.unsigned_abs() })
}
