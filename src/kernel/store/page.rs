//! A task's comments, events or runs as pages that fit into an answer.

use rusqlite::{Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::limits::{SHOWN_BYTES_MAX, SHOWN_ITEMS_MAX};
use crate::kernel::store::Connection;

/// How large a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageBounds {
    /// Items at most.
    pub items: usize,
    /// Bytes of text at most, but for a single item that has more.
    pub bytes: usize,
}

impl PageBounds {
    /// Whether a page of so much has room for one more item.
    pub fn has_room(self, items: usize, bytes: usize) -> bool {
        items == 0 || (items < self.items && bytes < self.bytes)
    }
}

/// The newest of some, oldest of them first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The page.
    pub items: Vec<T>,
    /// How many older ones there are.
    pub left_out: u64,
}

/// Statements about the things of one task.
pub(super) struct PageSql {
    /// Those with an id below `:before`, newest first.
    pub(super) newest_first: &'static str,
    /// How many there are with an id below `:before`.
    pub(super) count: &'static str,
    /// What is being done, as a verb phrase.
    pub(super) doing: &'static str,
}

/// The newest page of those before `before`. The first column of each row is its id.
pub(super) fn newest<T>(
    connection: &Connection,
    sql: &PageSql,
    task_id: &TaskId,
    before: Option<i64>,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Page<T>, Fault> {
    let PageSql { newest_first, count, doing } = *sql;
    let before = before.unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(newest_first).doing(doing)?;
    let columns = statement.column_count();
    let parameters = named_params! { ":task_id": task_id, ":before": before };
    let mut rows = statement.query(parameters).doing(doing)?;
    let (mut items, mut bytes, mut oldest) = (Vec::new(), 0, before);
    while let Some(row) = rows.next().doing(doing)? {
        bytes += row_bytes(row, columns);
        if !fits(items.len(), bytes) {
            break;
        }
        oldest = row.get(0).doing(doing)?;
        items.push(read(row).doing(doing)?);
    }
    drop(rows);
    items.reverse();
    let left_out: i64 = connection
        .prepare_cached(count)
        .and_then(|mut s| {
            let parameters = named_params! { ":task_id": task_id, ":before": oldest };
            s.query_row(parameters, |row| row.get(0))
        })
        .doing(doing)?;
    Ok(Page { items, left_out: left_out.unsigned_abs() })
}

/// Whether one more item joins `count` others, with which it has so many bytes. The first one always does.
fn fits(count: usize, bytes: usize) -> bool {
    count == 0 || (count < SHOWN_ITEMS_MAX && bytes <= SHOWN_BYTES_MAX)
}

/// Bytes of text in a row.
pub(super) fn row_bytes(row: &Row<'_>, columns: usize) -> usize {
    let length = |column| {
        let value = row.get_ref(column).ok()?;
        value.as_bytes_or_null().ok().flatten().map(<[u8]>::len)
    };
    (0..columns).filter_map(length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_in_items_and_bytes_and_never_empty() {
        for (count, bytes, expected) in [
            (0, 0, true),
            (0, SHOWN_BYTES_MAX + 1, true),
            (1, SHOWN_BYTES_MAX, true),
            (1, SHOWN_BYTES_MAX + 1, false),
            (SHOWN_ITEMS_MAX - 1, 0, true),
            (SHOWN_ITEMS_MAX, 0, false),
        ] {
            assert_eq!(fits(count, bytes), expected, "{count} items, {bytes} bytes");
        }
    }
}
