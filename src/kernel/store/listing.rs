//! Listings of tasks: filters, orders and cursors, and the full-text search that they combine with.
//!
//! The statement is put together from fixed pieces only; every value is a parameter. Each order is that of an index, so a
//! limited listing reads no more rows than it shows (and those its filters pass over).

use rusqlite::{Connection, ToSql};

use super::Doing;
use super::tasks::{read, select_tasks};
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::task::{Task, TaskStatus};

/// Order of a listing. Ids break every tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Board order: larger priority, then older.
    #[default]
    Priority,
    /// Oldest first.
    Created,
    /// Newest first.
    NewestFirst,
}

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
    /// A label that they have.
    pub label: Option<String>,
    /// A task that they wait or waited for.
    pub parent: Option<TaskId>,
    /// Only this task, if the other filters let it through.
    pub only: Option<TaskId>,
    /// Made after this time, epoch seconds.
    pub created_after: Option<EpochSeconds>,
    /// Words that their texts contain, as [`super::search::match_expression`] makes them.
    pub matching: Option<String>,
    /// Archived tasks are shown although no status was asked for.
    pub include_archived: bool,
    /// In which order.
    pub order: Order,
    /// Only those behind this task in that order.
    pub after: Option<TaskId>,
    /// At most so many; none = all.
    pub limit: Option<u32>,
}

/// Tasks by filter.
///
/// # Errors
/// A fault of the database; [`super::search`] says when there is no index to search in.
pub fn list(connection: &Connection, filter: &ListFilter) -> Result<Vec<Task>, Fault> {
    let doing = "list tasks";
    // A filter that names its tasks one by one starts from them (`+` keeps the board's orders out of the plan); the others
    // walk the board in an order that an index has.
    let names_tasks = filter.label.is_some()
        || filter.parent.is_some()
        || filter.matching.is_some()
        || filter.only.is_some();
    let mut sql = String::from(if names_tasks {
        select_tasks!("WHERE +t.board = :board")
    } else {
        select_tasks!("WHERE t.board = :board")
    });
    let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":board", &filter.board)];
    let pieces: [(&'static str, &'static str, Option<&dyn ToSql>); 9] = [
        (" AND t.status = :status", ":status", value(&filter.status)),
        (" AND t.assignee = :assignee", ":assignee", value(&filter.assignee)),
        (" AND t.tenant IS NOT NULL AND t.tenant = :tenant", ":tenant", value(&filter.tenant)),
        (
            " AND t.id IN (SELECT l.task_id FROM task_labels l WHERE l.label = :label)",
            ":label",
            value(&filter.label),
        ),
        (
            " AND t.id IN (SELECT k.child_id FROM task_links k WHERE k.parent_id = :parent)",
            ":parent",
            value(&filter.parent),
        ),
        (" AND t.id = :only", ":only", value(&filter.only)),
        (" AND t.created_at > :created_after", ":created_after", value(&filter.created_after)),
        (
            " AND t.id IN (SELECT d.task_id FROM search.documents d JOIN search.texts x ON x.rowid = d.id
                           WHERE x.texts MATCH :matching)",
            ":matching",
            value(&filter.matching),
        ),
        (behind_cursor(filter.order), ":after", value(&filter.after)),
    ];
    for (piece, name, given) in pieces {
        if let Some(given) = given {
            sql.push_str(piece);
            parameters.push((name, given));
        }
    }
    if filter.status.is_none() && !filter.include_archived {
        sql.push_str(" AND t.status <> 'archived'");
    }
    sql.push_str(match filter.order {
        Order::Priority => " ORDER BY t.priority DESC, t.created_at, t.id",
        Order::Created => " ORDER BY t.created_at, t.id",
        Order::NewestFirst => " ORDER BY t.created_at DESC, t.id DESC",
    });
    let limit = filter.limit.map_or(-1, i64::from);
    sql.push_str(" LIMIT :limit");
    parameters.push((":limit", &limit));
    let mut statement = connection.prepare_cached(&sql).doing(doing)?;
    let rows = statement.query_map(parameters.as_slice(), read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

fn value<T: ToSql>(option: &Option<T>) -> Option<&dyn ToSql> {
    option.as_ref().map(|value| value as &dyn ToSql)
}

fn behind_cursor(order: Order) -> &'static str {
    match order {
        Order::Priority => {
            " AND EXISTS (SELECT 1 FROM tasks c WHERE c.id = :after
                            AND (t.priority < c.priority
                                 OR (t.priority = c.priority AND (t.created_at, t.id) > (c.created_at, c.id))))"
        }
        Order::Created => {
            " AND (t.created_at, t.id) > (SELECT c.created_at, c.id FROM tasks c WHERE c.id = :after)"
        }
        Order::NewestFirst => {
            " AND (t.created_at, t.id) < (SELECT c.created_at, c.id FROM tasks c WHERE c.id = :after)"
        }
    }
}
