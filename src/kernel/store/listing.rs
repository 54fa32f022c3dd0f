//! Listings of tasks: filters, orders and cursors, and the full-text search that they combine with.
//!
//! The statement is put together from fixed pieces only; every value is a parameter. The board's order is that of an index, or
//! merged from the orders of the statuses, so a limited listing reads no more rows than it shows (and those its filters pass
//! over). The order of creation is that of arrival where no task was imported.

use std::collections::VecDeque;

use rusqlite::types::Value;

use super::Doing;
use super::tasks::{read_of, select_tasks};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::conditions::{Filtered, TaskConditions, Walk};
use crate::kernel::store::{Connection, PageBounds};
use crate::kernel::task::Task;

/// Order of a listing. The order of arrival breaks every tie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Board order: larger priority, then the one that arrived earlier.
    #[default]
    Priority,
    /// Oldest first.
    Created,
    /// Newest first.
    NewestFirst,
    /// By due time, those without one last.
    Due,
}

/// Which tasks a listing shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Their board.
    pub board: BoardKey,
    /// Which of it.
    pub which: TaskConditions,
    /// Only this task, if the other filters let it through.
    pub only: Option<TaskId>,
    /// Made after this time, epoch seconds.
    pub created_after: Option<EpochSeconds>,
    /// Made before this time, epoch seconds.
    pub created_before: Option<EpochSeconds>,
    /// Something has happened to them at this time or later, epoch seconds.
    pub updated_since: Option<EpochSeconds>,
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
    let by = sorting(connection, filter)?;
    let (sql, filtered) = statement(filter, Columns::All, by);
    let mut parameters = filtered.bound();
    parameters.push((":limit", &limit));
    let mut statement_all = connection.prepare_cached(&sql).doing(doing)?;
    let mut rows = statement_all.query(parameters.as_slice()).doing(doing)?;
    let room = limit.clamp(0, TASKS_EXPECTED).try_into().unwrap_or_default();
    let (mut page, mut bytes) =
        (ListPage { tasks: Vec::with_capacity(room), ..ListPage::default() }, 0);
    while let Some(row) = rows.next().doing(doing)? {
        if !bounds.has_room(page.tasks.len(), bytes) {
            drop(rows);
            let skip = page.tasks.len();
            page.rest = ids_behind(connection, filter, limit, skip)?;
            return Ok(page);
        }
        let task = read_of(row, filter.board.name.clone()).doing(doing)?;
        bytes += task.text_bytes();
        page.tasks.push(task);
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
    let by = sorting(connection, filter)?;
    let (sql, filtered) = statement(filter, Columns::Id, by);
    let mut parameters = filtered.bound();
    parameters.extend([(":limit", &limit as &dyn rusqlite::ToSql), (":offset", &skip)]);
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

/// Tasks for which a page has room from the beginning, at most.
const TASKS_EXPECTED: i64 = 64;

/// Statuses in which a task can be, as the arms of a statement name them.
const STATUSES: [&str; 9] =
    ["triage", "todo", "scheduled", "ready", "running", "blocked", "review", "done", "archived"];

/// The statement and its parameters, but for `:limit`, and the `:offset` of [`Columns::Id`].
fn statement(filter: &ListFilter, columns: Columns, sorting: Sorting) -> (String, Filtered) {
    let filtered = filtered(filter, sorting);
    let limit = match columns {
        Columns::All => "LIMIT :limit",
        Columns::Id => "LIMIT :limit OFFSET :offset",
    };
    if is_merged(filter) {
        return (merged(filter, columns, &filtered.sql, limit), filtered);
    }
    let select = match columns {
        Columns::All => select_tasks!(" FROM tasks t WHERE "),
        Columns::Id => "SELECT t.id FROM tasks t WHERE ",
    };
    let is_open_only = filter.which.statuses.is_empty() && !filter.include_archived;
    let unarchived = if is_open_only { " AND t.status <> 'archived'" } else { "" };
    let order = match (filter.order, sorting) {
        (Order::Priority, _) => "t.priority DESC, t.seq",
        (Order::Created, Sorting::ByArrival) => "t.seq",
        (Order::Created, Sorting::ByTime) => "t.created_at, t.seq",
        (Order::NewestFirst, Sorting::ByArrival) => "t.seq DESC",
        (Order::NewestFirst, Sorting::ByTime) => "t.created_at DESC, t.seq DESC",
        (Order::Due, _) => "t.due_at IS NULL, t.due_at, t.seq",
    };
    let sql = [select, &filtered.sql, unarchived, " ORDER BY ", order, " ", limit].concat();
    (sql, filtered)
}

/// Each status has its tasks in order in an index; the arms are merged as they are read. A merge copies each row several times, so
/// the arms have only what the order needs, and the other columns are read for the tasks that are listed: in the order of the merge,
/// which its limit and `CROSS JOIN` keep.
fn merged(filter: &ListFilter, columns: Columns, conditions: &str, limit: &str) -> String {
    let arm = match columns {
        Columns::All => "SELECT t.priority, t.seq AS seq FROM tasks t WHERE ",
        Columns::Id => "SELECT t.id, t.priority, t.seq FROM tasks t WHERE ",
    };
    let statuses = STATUSES.iter().filter(|one| filter.include_archived || **one != "archived");
    let arms: Vec<String> =
        statuses.map(|status| format!("{arm}{conditions} AND t.status = '{status}'")).collect();
    let merge = format!("{} ORDER BY t.priority DESC, t.seq {limit}", arms.join(" UNION ALL "));
    match columns {
        Columns::All => {
            let select = select_tasks!(" FROM (");
            format!("{select}{merge}) m CROSS JOIN tasks t ON t.seq = m.seq")
        }
        Columns::Id => merge,
    }
}

/// How the order of creation is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sorting {
    /// It is that of arrival: the rows are read in it.
    ByArrival,
    /// The rows are sorted.
    ByTime,
}

/// No index has the times of creation. On a board on which every task arrived when it was created the rows are in that order; with
/// imported ones, or after the clock was set back, they are sorted.
fn sorting(connection: &Connection, filter: &ListFilter) -> Result<Sorting, Fault> {
    if matches!(filter.order, Order::Priority | Order::Due) || names_tasks(filter) {
        return Ok(Sorting::ByTime);
    }
    let is_misdated = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tasks WHERE board = :board AND created_at IS NOT arrived_at)",
        )
        .and_then(|mut s| s.query_row([&filter.board.number], |row| row.get(0)))
        .doing("list tasks")?;
    Ok(if is_misdated { Sorting::ByTime } else { Sorting::ByArrival })
}

/// Whether a listing is put together from the orders of the single statuses.
fn is_merged(filter: &ListFilter) -> bool {
    filter.order == Order::Priority
        && filter.which.statuses.is_empty()
        && filter.which.tenants.is_empty()
        && !names_tasks(filter)
}

/// Whether a filter names its tasks one by one.
fn names_tasks(filter: &ListFilter) -> bool {
    filter.which.name_tasks() || filter.only.is_some()
}

/// What the rows have to fulfil, but for an unnamed status.
fn filtered(filter: &ListFilter, sorting: Sorting) -> Filtered {
    // A filter that names its tasks one by one starts from them, and the order of arrival is that of the rows (`+` keeps the
    // indexes of the board out of both plans); the others walk the board in an order that an index has.
    let is_walked = !names_tasks(filter) && sorting == Sorting::ByTime;
    let mut filtered = Filtered::default();
    let board = if is_walked { "t.board = :board" } else { "+t.board = :board" };
    filtered.add(board, ":board", filter.board.number);
    filter.which.add_status(&mut filtered);
    filter.which.add_to(&mut filtered, Walk::FromName);
    let more: [(&'static str, &'static str, Option<Value>); 5] = [
        (" AND t.id = :only", ":only", filter.only.as_ref().map(|id| id.to_string().into())),
        (
            " AND t.created_at > :created_after",
            ":created_after",
            filter.created_after.map(Value::from),
        ),
        (
            " AND t.created_at < :created_before",
            ":created_before",
            filter.created_before.map(Value::from),
        ),
        // The newest event of a task is looked up for each row that the other conditions let through.
        (
            " AND (SELECT e.created_at FROM task_events e WHERE e.task_id = t.id ORDER BY e.id DESC LIMIT 1) >= :updated_since",
            ":updated_since",
            filter.updated_since.map(Value::from),
        ),
        (
            behind_cursor(filter.order),
            ":after",
            filter.after.as_ref().map(|id| id.to_string().into()),
        ),
    ];
    for (sql, name, value) in more {
        if let Some(value) = value {
            filtered.add(sql, name, value);
        }
    }
    filtered
}

fn behind_cursor(order: Order) -> &'static str {
    match order {
        Order::Priority => {
            " AND EXISTS (SELECT 1 FROM tasks c WHERE c.id = :after
                            AND (t.priority < c.priority OR (t.priority = c.priority AND t.seq > c.seq)))"
        }
        Order::Created => {
            " AND (t.created_at, t.seq) > (SELECT c.created_at, c.seq FROM tasks c WHERE c.id = :after)"
        }
        Order::Due => {
            " AND (t.due_at IS NULL, coalesce(t.due_at, 0), t.seq)
                    > (SELECT c.due_at IS NULL, coalesce(c.due_at, 0), c.seq FROM tasks c WHERE c.id = :after)"
        }
        Order::NewestFirst => {
            " AND (t.created_at, t.seq) < (SELECT c.created_at, c.seq FROM tasks c WHERE c.id = :after)"
        }
    }
}
