//! What cards of a board are made of: windows of a column in its order, single tasks, and how many a filter lets through.
//!
//! Each column has the order in which people look at it, and an index for it, so that a window costs what it shows. A filter is
//! looked at row by row along that order.

use rusqlite::{OptionalExtension as _, Row, ToSql, named_params};

use super::Doing;
use super::rows::lenient_names;
use crate::kernel::card::{CardChildren, CardRun};
use crate::kernel::error::Fault;
use crate::kernel::ids::{BoardName, EpochSeconds, TaskId};
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::store::conditions::{Filtered, TaskConditions, Walk};
use crate::kernel::task::TaskStatus;

/// The part of a task's row that its card needs, with what is counted beside it.
#[derive(Debug, Clone)]
pub struct CardRow {
    /// Its id.
    pub id: TaskId,
    /// Its board.
    pub board: BoardName,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: TaskStatus,
    /// Its priority.
    pub priority: i64,
    /// Its assignee.
    pub assignee: Option<String>,
    /// Its tenant.
    pub tenant: Option<String>,
    /// Order of arrival.
    pub seq: i64,
    /// Its version.
    pub version: i64,
    /// In this status since.
    pub since: Option<EpochSeconds>,
    /// Creation time.
    pub created_at: EpochSeconds,
    /// First start.
    pub started_at: Option<EpochSeconds>,
    /// When it was done.
    pub completed_at: Option<EpochSeconds>,
    /// Chosen start.
    pub start_at: Option<EpochSeconds>,
    /// Whether it is parked.
    pub parked: bool,
    /// When it is due.
    pub due_at: Option<EpochSeconds>,
    /// Back-off.
    pub not_before: Option<EpochSeconds>,
    /// Failures in a row.
    pub failures: u32,
    /// Round of its review.
    pub review_round: u32,
    /// Its reviewer.
    pub reviewer: Option<String>,
    /// In review: why a person reviews.
    pub review_why: Option<String>,
    /// When it is done: the beginning of its result, or of the summary of the run that completed it.
    pub result: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// Number of runs.
    pub attempts: u32,
    /// Number of comments.
    pub comments: u32,
    /// Number of attachments.
    pub attachments: u32,
    /// Its children.
    pub children: CardChildren,
}

/// What is read of each; of a result its beginning.
const SELECT: &str = "SELECT t.id, t.title, t.status, t.priority, t.assignee, t.tenant, t.seq, t.version,
    CASE t.status WHEN 'ready' THEN coalesce(t.ready_at, t.created_at) WHEN 'done' THEN t.completed_at
                  WHEN 'archived' THEN t.archived_at ELSE coalesce(t.status_since, t.created_at) END,
    t.created_at, t.started_at, t.completed_at, t.start_at, t.parked, t.due_at, t.not_before, t.spawn_failures,
    t.review_round, t.reviewer, t.review_why, 
    CASE t.status WHEN 'done' THEN substr(coalesce(nullif(t.result, ''),
      (SELECT r.summary FROM task_runs r WHERE r.task_id = t.id AND r.outcome = 'completed' ORDER BY r.id DESC LIMIT 1)), 1, 400) END,
    (SELECT json_group_array(l.label) FROM task_labels l WHERE l.task_id = t.id),
    (SELECT count(*) FROM task_runs r WHERE r.task_id = t.id),
    coalesce((SELECT m.total_count FROM task_comments m WHERE m.task_id = t.id ORDER BY m.id DESC LIMIT 1),
             (SELECT count(*) FROM task_comments m WHERE m.task_id = t.id)),
    (SELECT count(*) FROM task_attachments a WHERE a.task_id = t.id),
    (SELECT count(*) FROM task_links k WHERE k.parent_id = t.id),
    (SELECT count(*) FROM task_links k JOIN tasks c ON c.id = k.child_id
      WHERE k.parent_id = t.id AND c.status IN ('done', 'archived'))";

fn read(row: &Row<'_>, board: BoardName) -> rusqlite::Result<CardRow> {
    Ok(CardRow {
        id: row.get(0)?,
        board,
        title: row.get(1)?,
        status: row.get(2)?,
        priority: row.get(3)?,
        assignee: row.get(4)?,
        tenant: row.get(5)?,
        seq: row.get(6)?,
        version: row.get(7)?,
        since: row.get(8)?,
        created_at: row.get(9)?,
        started_at: row.get(10)?,
        completed_at: row.get(11)?,
        start_at: row.get(12)?,
        parked: row.get(13)?,
        due_at: row.get(14)?,
        not_before: row.get(15)?,
        failures: row.get(16)?,
        review_round: row.get(17)?,
        reviewer: row.get(18)?,
        review_why: row.get(19)?,
        result: row.get(20)?,
        labels: lenient_names(row.get(21)?).unwrap_or_default(),
        attempts: row.get(22)?,
        comments: row.get(23)?,
        attachments: row.get(24)?,
        children: CardChildren { count: row.get(25)?, done: row.get(26)? },
    })
}

/// A part of a column: its condition and its order. The status stands in the condition, because a partial index is chosen by it.
type Part = (&'static str, &'static str);

/// The parts of a column, in the order in which people look at them. Each has an index with its order; the last parts of some are
/// those rows that another program has written without the time that the order goes by. What was archived is read in the order of all
/// boards, whose rows are passed over: one index less for each task that ends there.
fn parts(status: TaskStatus) -> &'static [Part] {
    match status {
        TaskStatus::Triage => &[("t.board = :board AND t.status = 'triage'", "t.seq DESC")],
        TaskStatus::Todo => &[("t.board = :board AND t.status = 'todo'", "t.priority DESC, t.seq")],
        TaskStatus::Ready => {
            &[("t.board = :board AND t.status = 'ready'", "t.priority DESC, t.seq")]
        }
        TaskStatus::Scheduled => &[
            (
                "t.board = :board AND t.status = 'scheduled' AND t.start_at IS NOT NULL",
                "t.start_at, t.seq",
            ),
            ("t.board = :board AND t.status = 'scheduled' AND t.start_at IS NULL", "t.seq"),
        ],
        TaskStatus::Running => &[
            (
                "t.board = :board AND t.status = 'running' AND t.status_since IS NOT NULL",
                "t.status_since, t.seq",
            ),
            ("t.board = :board AND t.status = 'running' AND t.status_since IS NULL", "t.seq"),
        ],
        TaskStatus::Blocked => &[
            (
                "t.board = :board AND t.status = 'blocked' AND t.status_since IS NOT NULL",
                "t.status_since, t.seq",
            ),
            ("t.board = :board AND t.status = 'blocked' AND t.status_since IS NULL", "t.seq"),
        ],
        TaskStatus::Review => &[
            (
                "t.board = :board AND t.status = 'review' AND t.status_since IS NOT NULL",
                "t.status_since, t.seq",
            ),
            ("t.board = :board AND t.status = 'review' AND t.status_since IS NULL", "t.seq"),
        ],
        TaskStatus::Done => {
            &[("t.board = :board AND t.status = 'done'", "t.completed_at DESC, t.seq DESC")]
        }
        TaskStatus::Archived => {
            &[("+t.board = :board AND t.status = 'archived'", "t.archived_at DESC, t.seq DESC")]
        }
    }
}

/// A filter looks at the rows of a window along the order of its column.
fn filtered(filter: &TaskConditions) -> Filtered {
    let mut filtered = Filtered::default();
    filter.add_to(&mut filtered, Walk::Along);
    filtered
}

/// Part of a column.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Cards before it.
    pub offset: u32,
    /// Cards in it, at most.
    pub limit: u32,
}

/// The rows of a window of a column, in its order.
///
/// # Errors
/// A fault of the database.
pub fn window(
    connection: &Connection,
    board: &BoardKey,
    status: TaskStatus,
    filter: &TaskConditions,
    window: Window,
) -> Result<Vec<CardRow>, Fault> {
    let Window { mut offset, limit } = window;
    let mut found = Vec::new();
    for part in parts(status) {
        let left = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        if left == 0 {
            break;
        }
        let of_part = rows(connection, board, *part, filter, Window { offset, limit: left })?;
        offset = if of_part.is_empty() && offset > 0 {
            let passed_over = count_where(connection, board, part.0, filter, offset)?;
            offset.saturating_sub(u32::try_from(passed_over).unwrap_or(u32::MAX))
        } else {
            0
        };
        found.extend(of_part);
    }
    Ok(found)
}

fn rows(
    connection: &Connection,
    board: &BoardKey,
    (condition, order): Part,
    filter: &TaskConditions,
    window: Window,
) -> Result<Vec<CardRow>, Fault> {
    let doing = "list cards";
    let filtered = filtered(filter);
    let sql = format!(
        "{SELECT} FROM tasks t WHERE {condition}{} ORDER BY {order} LIMIT :limit OFFSET :offset",
        filtered.sql
    );
    let mut statement = connection.prepare_cached(&sql).doing(doing)?;
    let mut bound = filtered.bound();
    bound.extend([
        (":board", &board.number as &dyn ToSql),
        (":limit", &window.limit),
        (":offset", &window.offset),
    ]);
    let read = |row: &Row<'_>| read(row, board.name.clone());
    let rows = statement.query_map(bound.as_slice(), read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many tasks of a column a filter lets through, counted up to `limit`.
///
/// # Errors
/// A fault of the database.
pub fn count(
    connection: &Connection,
    board: &BoardKey,
    status: TaskStatus,
    filter: &TaskConditions,
    limit: u32,
) -> Result<i64, Fault> {
    let condition = format!("t.board = :board AND t.status = '{status}'");
    count_where(connection, board, &condition, filter, limit)
}

fn count_where(
    connection: &Connection,
    board: &BoardKey,
    condition: &str,
    filter: &TaskConditions,
    limit: u32,
) -> Result<i64, Fault> {
    let filtered = filtered(filter);
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM tasks t WHERE {condition}{} LIMIT :limit)",
        filtered.sql
    );
    let mut bound = filtered.bound();
    bound.extend([(":board", &board.number as &dyn ToSql), (":limit", &limit)]);
    connection
        .prepare_cached(&sql)
        .and_then(|mut s| s.query_row(bound.as_slice(), |row| row.get(0)))
        .doing("count cards")
}

/// One task's row; none when there is no such task.
///
/// # Errors
/// A fault of the database.
pub fn get(connection: &Connection, id: &TaskId) -> Result<Option<CardRow>, Fault> {
    let sql =
        format!("{SELECT}, b.name FROM tasks t JOIN boards b ON b.id = t.board WHERE t.id = :id");
    connection
        .prepare_cached(&sql)
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| read(row, row.get(27)?)).optional()
        })
        .doing("read a card")
}

/// The open run of a task.
///
/// # Errors
/// A fault of the database.
pub fn open_run(connection: &Connection, id: &TaskId) -> Result<Option<CardRun>, Fault> {
    connection
        .prepare_cached(
            "SELECT id, CASE WHEN supervised THEN state ELSE 'claimed' END, profile, started_at,
                    max(started_at, coalesce(last_heartbeat_at, 0)), max_runtime_seconds, role = 'review'
             FROM task_runs WHERE task_id = :id AND closed_at IS NULL",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| {
                Ok(CardRun {
                    id: row.get(0)?,
                    state: row.get(1)?,
                    profile: row.get(2)?,
                    started_at: row.get(3)?,
                    seen_at: row.get(4)?,
                    max_runtime_seconds: row.get(5)?,
                    is_review: row.get(6)?,
                })
            })
            .optional()
        })
        .doing("read the open run of a card")
}

/// Tenants of a board in order, at most `limit`. Each is one look into an index, however many tasks have it.
///
/// # Errors
/// A fault of the database.
pub fn tenants(
    connection: &Connection,
    board: &BoardKey,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    let sql = "WITH RECURSIVE names (name) AS (
                 SELECT min(tenant) FROM tasks WHERE board = :board AND tenant IS NOT NULL
                 UNION ALL
                 SELECT (SELECT min(t.tenant) FROM tasks t WHERE t.board = :board AND t.tenant IS NOT NULL AND t.tenant > n.name)
                 FROM names n WHERE n.name IS NOT NULL)
               SELECT name FROM names WHERE name IS NOT NULL LIMIT :limit";
    let parameters = named_params! { ":board": board.number, ":limit": limit };
    names(connection, sql, parameters)
}

/// Labels in order, at most `limit`: of all boards, because a label has none.
///
/// # Errors
/// A fault of the database.
pub fn labels(connection: &Connection, limit: u32) -> Result<Vec<String>, Fault> {
    let sql = "WITH RECURSIVE names (name) AS (
                 SELECT min(label) FROM task_labels
                 UNION ALL
                 SELECT (SELECT min(l.label) FROM task_labels l WHERE l.label > n.name) FROM names n WHERE n.name IS NOT NULL)
               SELECT name FROM names WHERE name IS NOT NULL LIMIT :limit";
    names(connection, sql, named_params! { ":limit": limit })
}

fn names(
    connection: &Connection,
    sql: &'static str,
    parameters: &[(&str, &dyn ToSql)],
) -> Result<Vec<String>, Fault> {
    let doing = "list the names of a board";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement.query_map(parameters, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
