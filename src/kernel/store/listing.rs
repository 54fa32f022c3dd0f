//! Listings of tasks: filters, orders and cursors, and the full-text search that they combine with.
//!
//! The statement is put together from fixed pieces only; every value is a parameter. Each order is that of an index, so a
//! limited listing reads no more rows than it shows (and those its filters pass over).

use std::collections::VecDeque;

use rusqlite::ToSql;

use super::Doing;
use super::page::row_bytes;
use super::tasks::{read, select_tasks};
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::PageBounds;
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
    /// Words that their texts contain, as [`super::search::Words`] has them for the index.
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
    let bounds = PageBounds { items: usize::MAX, bytes: usize::MAX };
    Ok(first_page(connection, filter, bounds)?.tasks)
}

/// Ids of tasks by filter.
///
/// # Errors
/// As [`list`].
pub fn list_ids(connection: &Connection, filter: &ListFilter) -> Result<VecDeque<TaskId>, Fault> {
    ids_behind(connection, filter, filter.limit.map_or(-1, i64::from), 0)
}

/// The beginning of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListPage {
    /// The first tasks.
    pub tasks: Vec<Task>,
    /// Those behind them, in their order.
    pub rest: VecDeque<TaskId>,
}

/// As many tasks as fit into a page, and the ids of those behind them.
///
/// # Errors
/// As [`list`].
pub fn first_page(
    connection: &Connection,
    filter: &ListFilter,
    bounds: PageBounds,
) -> Result<ListPage, Fault> {
    let doing = "list tasks";
    let limit = filter.limit.map_or(-1, i64::from);
    let (sql, mut parameters) = statement(filter, Columns::All);
    parameters.extend([(":limit", &limit as &dyn ToSql), (":offset", &0)]);
    let mut statement_all = connection.prepare_cached(&sql).doing(doing)?;
    let columns = statement_all.column_count();
    let mut rows = statement_all.query(parameters.as_slice()).doing(doing)?;
    let (mut page, mut bytes) = (ListPage::default(), 0);
    while let Some(row) = rows.next().doing(doing)? {
        if !bounds.has_room(page.tasks.len(), bytes) {
            drop(rows);
            let skip = page.tasks.len();
            page.rest = ids_behind(connection, filter, limit, skip)?;
            return Ok(page);
        }
        bytes += row_bytes(row, columns);
        page.tasks.push(read(row).doing(doing)?);
    }
    Ok(page)
}

fn ids_behind(
    connection: &Connection,
    filter: &ListFilter,
    limit: i64,
    skip: usize,
) -> Result<VecDeque<TaskId>, Fault> {
    let doing = "list tasks";
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let limit = if limit < 0 { -1 } else { (limit - skip).max(0) };
    let (sql, mut parameters) = statement(filter, Columns::Id);
    parameters.extend([(":limit", &limit as &dyn ToSql), (":offset", &skip)]);
    let mut statement = connection.prepare_cached(&sql).doing(doing)?;
    let rows = statement.query_map(parameters.as_slice(), |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// What is read of each task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Columns {
    All,
    Id,
}

/// The statement and its parameters, but for `:limit` and `:offset`.
fn statement(filter: &ListFilter, columns: Columns) -> (String, Vec<(&str, &dyn ToSql)>) {
    // A filter that names its tasks one by one starts from them (`+` keeps the board's orders out of the plan); the others
    // walk the board in an order that an index has.
    let names_tasks = filter.label.is_some()
        || filter.parent.is_some()
        || filter.matching.is_some()
        || filter.only.is_some();
    let mut sql = String::from(match (columns, names_tasks) {
        (Columns::All, true) => select_tasks!("WHERE +t.board = :board"),
        (Columns::All, false) => select_tasks!("WHERE t.board = :board"),
        (Columns::Id, true) => "SELECT t.id FROM tasks t WHERE +t.board = :board",
        (Columns::Id, false) => "SELECT t.id FROM tasks t WHERE t.board = :board",
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
    sql.push_str(" LIMIT :limit OFFSET :offset");
    (sql, parameters)
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
