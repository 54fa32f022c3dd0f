//! The texts of one task as documents of the index.
//!
//! The first has title, body, summaries and the comments that fit; each further one has the next comments. So a new comment costs
//! what it says and not what the task has, and every word of an ordinary task stands in one document.

use rusqlite::{Connection as Index, OptionalExtension as _, named_params};

use super::super::{Doing, comments, runs, tasks};
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::store::Connection;

/// Comments of one document, bytes. A single comment may have more.
const COMMENT_BYTES_PER_PART: u32 = 64 * 1024;

/// Bytes that one step takes in, or a little more.
pub(super) const BYTES_PER_STEP: usize = 4 * 1024 * 1024;

/// Summaries of one task, bytes; the newest ones.
const SUMMARY_BYTES_MAX: usize = 1024 * 1024;

/// How far a task was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of it.
    Whole,
    /// Up to the end of the step.
    Part,
}

/// Whether the task is in the index.
pub(super) fn is_known(index: &Index, id: &TaskId) -> Result<bool, Fault> {
    index
        .prepare_cached("SELECT 1 FROM documents WHERE task_id = :id")
        .and_then(|mut s| s.exists(named_params! { ":id": id }))
        .doing("look up a document")
}

/// Notes that a task, or something of it, is not in the index.
pub(super) fn step_over(index: &Index, id: &TaskId, why: &str) -> Result<(), Fault> {
    index
        .prepare_cached(
            "INSERT INTO skipped (task_id, why) VALUES (:id, :why)
             ON CONFLICT (task_id) DO UPDATE SET why = :why",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":why": why }))
        .map(drop)
        .doing("record a task that cannot be indexed")
}

/// Takes in what the index does not have of a task yet, as far as there is room in this step.
pub(super) fn take_in(
    index: &Index,
    board: &Connection,
    id: &TaskId,
    room: &mut usize,
) -> Result<Taken, Fault> {
    let Some(task) = tasks::get(board, id)? else { return Ok(Taken::Whole) };
    let summaries = runs::summaries_within(board, id, SUMMARY_BYTES_MAX)?;
    let first = First {
        title: &task.title,
        body: task.body.as_deref().unwrap_or_default(),
        summaries: &summaries.text,
    };
    take_in_first(index, id, &first, room)?;
    if summaries.is_cut {
        step_over(index, id, "more than 1 MiB: only its newest summaries are indexed")?;
    } else {
        index
            .prepare_cached("DELETE FROM skipped WHERE task_id = :id")
            .and_then(|mut s| s.execute(named_params! { ":id": id }))
            .doing("index a task")?;
    }
    take_in_comments(index, board, id, room)
}

/// What the first document has besides comments.
struct First<'t> {
    title: &'t str,
    body: &'t str,
    summaries: &'t str,
}

impl First<'_> {
    fn bytes(&self) -> u32 {
        count(self.title.len() + self.body.len() + self.summaries.len())
    }
}

fn take_in_first(
    index: &Index,
    id: &TaskId,
    first: &First<'_>,
    room: &mut usize,
) -> Result<(), Fault> {
    let doing = "index a task";
    let parameters = named_params! {
        ":title": first.title, ":body": first.body, ":summaries": first.summaries,
    };
    let is_there: Option<(i64, bool)> = index
        .prepare_cached(
            "SELECT d.id, t.title = :title AND t.body = :body AND t.summaries = :summaries
             FROM documents d JOIN texts t ON t.rowid = d.id WHERE d.task_id = :id AND d.part = 0",
        )
        .and_then(|mut s| {
            let parameters = [parameters, named_params! { ":id": id }].concat();
            s.query_row(parameters.as_slice(), |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .doing(doing)?;
    let sql = match is_there {
        Some((_, true)) => return Ok(()),
        Some((_, false)) => {
            "UPDATE texts SET title = :title, body = :body, summaries = :summaries WHERE rowid = :document"
        }
        None => {
            "INSERT INTO texts (rowid, title, body, comments, summaries)
             VALUES (:document, :title, :body, '', :summaries)"
        }
    };
    let document = match is_there {
        Some((document, _)) => document,
        None => {
            Part { number: 0, comments_upto: 0, comment_bytes: 0, bytes: 0 }.insert(index, id)?
        }
    };
    index
        .prepare_cached(sql)
        .and_then(|mut s| {
            let parameters = [parameters, named_params! { ":document": document }].concat();
            s.execute(parameters.as_slice())
        })
        .doing(doing)?;
    index
        .prepare_cached("UPDATE documents SET bytes = comment_bytes + :bytes WHERE id = :document")
        .and_then(|mut s| {
            s.execute(named_params! { ":bytes": first.bytes(), ":document": document })
        })
        .doing(doing)?;
    *room = room.saturating_sub(first.bytes() as usize);
    Ok(())
}

fn take_in_comments(
    index: &Index,
    board: &Connection,
    id: &TaskId,
    room: &mut usize,
) -> Result<Taken, Fault> {
    let Some((mut document, mut part)) = last_part(index, id)? else { return Ok(Taken::Whole) };
    loop {
        if *room == 0 {
            return Ok(Taken::Part);
        }
        let free = COMMENT_BYTES_PER_PART.saturating_sub(part.comment_bytes);
        // What does not fit begins the next document.
        let is_full = part.comment_bytes > 0 && free == 0;
        let most = if is_full { COMMENT_BYTES_PER_PART } else { free };
        let next = comments::texts_after(board, id, part.comments_upto, most as usize)?;
        let Some(upto) = next.upto else { return Ok(Taken::Whole) };
        *room = room.saturating_sub(next.text.len().max(1));
        let bytes = count(next.text.len());
        if part.comment_bytes > 0 && (is_full || bytes > free) {
            part =
                Part { number: part.number + 1, comments_upto: upto, comment_bytes: bytes, bytes };
            document = part.insert(index, id)?;
            write_comments(
                index,
                "INSERT INTO texts (rowid, title, body, comments, summaries)
                 VALUES (:document, '', '', :comments, '')",
                document,
                &next.text,
            )?;
        } else {
            part.comments_upto = upto;
            part.comment_bytes = part.comment_bytes.saturating_add(bytes);
            part.bytes = part.bytes.saturating_add(bytes);
            part.update(index, document)?;
            write_comments(
                index,
                "UPDATE texts SET comments = comments || char(10) || :comments WHERE rowid = :document",
                document,
                &next.text,
            )?;
        }
    }
}

/// Bytes as a column has them. Larger ones count as the largest.
fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn write_comments(
    index: &Index,
    sql: &'static str,
    document: i64,
    comments: &str,
) -> Result<(), Fault> {
    index
        .prepare_cached(sql)
        .and_then(|mut s| s.execute(named_params! { ":document": document, ":comments": comments }))
        .map(drop)
        .doing("index comments")
}

/// One document of a task.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: i64,
    comments_upto: i64,
    comment_bytes: u32,
    bytes: u32,
}

impl Part {
    fn insert(self, index: &Index, id: &TaskId) -> Result<i64, Fault> {
        index
            .prepare_cached(
                "INSERT INTO documents (task_id, part, comments_upto, comment_bytes, bytes)
                 VALUES (:id, :part, :upto, :comment_bytes, :bytes) RETURNING id",
            )
            .and_then(|mut s| {
                s.query_row(
                    named_params! {
                        ":id": id, ":part": self.number, ":upto": self.comments_upto,
                        ":comment_bytes": self.comment_bytes, ":bytes": self.bytes,
                    },
                    |row| row.get(0),
                )
            })
            .doing("index a task")
    }

    fn update(self, index: &Index, document: i64) -> Result<(), Fault> {
        index
            .prepare_cached(
                "UPDATE documents SET comments_upto = :upto, comment_bytes = :comment_bytes, bytes = :bytes
                 WHERE id = :document",
            )
            .and_then(|mut s| {
                s.execute(named_params! {
                    ":upto": self.comments_upto, ":comment_bytes": self.comment_bytes,
                    ":bytes": self.bytes, ":document": document,
                })
            })
            .map(drop)
            .doing("index comments")
    }
}

/// The last document of a task and its row.
fn last_part(index: &Index, id: &TaskId) -> Result<Option<(i64, Part)>, Fault> {
    index
        .prepare_cached(
            "SELECT id, part, comments_upto, comment_bytes, bytes FROM documents
             WHERE task_id = :id ORDER BY part DESC LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                let part = Part {
                    number: row.get(1)?,
                    comments_upto: row.get(2)?,
                    comment_bytes: row.get(3)?,
                    bytes: row.get(4)?,
                };
                Ok((row.get(0)?, part))
            })
            .optional()
        })
        .doing("look up a document")
}
