//! How many tasks stand where: read once at start, then kept in memory by the writing thread.

use super::Doing;
use crate::kernel::counts::{CountKey, Counts};
use crate::kernel::error::Fault;
use crate::kernel::store::Connection;

/// Counts all tasks by board, assignee and status.
pub fn read(connection: &Connection) -> Result<Counts, Fault> {
    let doing = "count tasks";
    let mut statement = connection
        .prepare(
            "SELECT (SELECT b.name FROM boards b WHERE b.id = c.board), c.assignee, c.status, c.count
             FROM (SELECT t.board, t.assignee, t.status, count(*) AS count FROM tasks t
                   GROUP BY t.board, t.assignee, t.status) c",
        )
        .doing(doing)?;
    let rows = statement
        .query_map([], |row| {
            let key = CountKey { board: row.get(0)?, assignee: row.get(1)?, status: row.get(2)? };
            Ok((key, row.get::<_, i64>(3)?))
        })
        .doing(doing)?;
    let mut counts = Counts::default();
    for row in rows {
        let (key, count) = row.doing(doing)?;
        counts.add(key, count);
    }
    Ok(counts)
}
