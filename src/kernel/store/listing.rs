//! Listings of tasks: each combination of filters is a statement of its own that walks an index in the listing's order.

use rusqlite::{Connection, named_params};

use super::Doing;
use super::tasks::{read, select_tasks};
use crate::kernel::error::Fault;
use crate::kernel::ids::BoardName;
use crate::kernel::task::{Task, TaskStatus};

/// Which tasks a listing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Their board.
    pub board: BoardName,
    /// Their status.
    pub status: Option<TaskStatus>,
    /// Their assignee.
    pub assignee: Option<String>,
    /// Their tenant.
    pub tenant: Option<String>,
    /// Whether archived tasks are shown although no status was asked for.
    pub include_archived: bool,
    /// At most so many; none = all.
    pub limit: Option<u32>,
}

/// Tasks by filter, in board order: priority, age, id.
pub fn list(connection: &Connection, filter: &ListFilter) -> Result<Vec<Task>, Fault> {
    let doing = "list tasks";
    let hides_archived = filter.status.is_none() && !filter.include_archived;
    // Each filter is its own statement, so that each can use its own index. All name every parameter, as they are bound
    // by name.
    let sql = match (&filter.status, &filter.assignee, &filter.tenant, hides_archived) {
        (Some(_), _, _, _) => select_tasks!(
            "WHERE t.board = :board AND t.status = :status AND (:assignee IS NULL OR t.assignee = :assignee)
               AND (:tenant IS NULL OR t.tenant = :tenant) AND :archived
             ORDER BY t.priority DESC, t.created_at, t.id LIMIT :limit"
        ),
        (None, Some(_), _, _) => select_tasks!(
            "WHERE t.board = :board AND t.assignee = :assignee AND (:tenant IS NULL OR t.tenant = :tenant)
               AND (:archived OR t.status <> 'archived') AND :status IS NULL
             ORDER BY t.priority DESC, t.created_at, t.id LIMIT :limit"
        ),
        (None, None, Some(_), _) => select_tasks!(
            "WHERE t.board = :board AND t.tenant = :tenant AND t.tenant IS NOT NULL
               AND (:archived OR t.status <> 'archived') AND :status IS NULL AND :assignee IS NULL
             ORDER BY t.priority DESC, t.created_at, t.id LIMIT :limit"
        ),
        (None, None, None, true) => select_tasks!(
            "WHERE t.board = :board AND t.status <> 'archived' AND NOT :archived
               AND :status IS NULL AND :assignee IS NULL AND :tenant IS NULL
             ORDER BY t.priority DESC, t.created_at, t.id LIMIT :limit"
        ),
        (None, None, None, false) => select_tasks!(
            "WHERE t.board = :board AND :archived
               AND :status IS NULL AND :assignee IS NULL AND :tenant IS NULL
             ORDER BY t.priority DESC, t.created_at, t.id LIMIT :limit"
        ),
    };
    let limit = filter.limit.map_or(-1, i64::from);
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let parameters = named_params! {
        ":board": filter.board, ":status": filter.status, ":assignee": filter.assignee,
        ":tenant": filter.tenant, ":archived": !hides_archived, ":limit": limit,
    };
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
