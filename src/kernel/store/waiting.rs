//! What of the tasks waits for a person: reads for the inbox. Each is bounded, and reads what an index names.

use rusqlite::{Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::run::RunOutcome;
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;
use crate::kernel::task::TaskStatus;

/// A task that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingTask {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Since when, epoch seconds.
    pub since: Option<EpochSeconds>,
    /// The kind of its block.
    pub block_kind: Option<String>,
    /// How its newest run ended.
    pub outcome: Option<RunOutcome>,
    /// What its newest run says.
    pub reason: Option<String>,
    /// Whether it is blocked for a question.
    pub has_question: bool,
    /// Its status.
    pub status: TaskStatus,
}

fn read(row: &Row<'_>) -> rusqlite::Result<WaitingTask> {
    Ok(WaitingTask {
        id: row.get(0)?,
        title: row.get(1)?,
        since: row.get(2)?,
        block_kind: row.get(3)?,
        outcome: row.get(4)?,
        reason: row.get(5)?,
        has_question: row.get(6)?,
        status: row.get(7)?,
    })
}

/// Whose tasks of which board, and how many at most.
#[derive(Debug, Clone, Copy)]
pub struct WaitingOf<'a> {
    /// The board.
    pub board: &'a BoardKey,
    /// Only tasks that this person or profile has or has created.
    pub name: Option<&'a str>,
    /// Maximum number.
    pub limit: u32,
}

fn list(
    connection: &Connection,
    sql: &'static str,
    of: WaitingOf<'_>,
) -> Result<Vec<WaitingTask>, Fault> {
    let doing = "list what waits for a person";
    let mut statement = connection.prepare_cached(sql).doing(doing)?;
    let rows = statement
        .query_map(
            named_params! { ":board": of.board.number, ":name": of.name, ":limit": of.limit },
            read,
        )
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Blocked tasks, by priority.
pub fn list_blocked(connection: &Connection, of: WaitingOf<'_>) -> Result<Vec<WaitingTask>, Fault> {
    let sql = "SELECT t.id, t.title, t.status_since, t.block_kind, r.outcome, coalesce(r.summary, r.error),
           EXISTS (SELECT 1 FROM questions q WHERE q.task_id = t.id AND q.outcome = 'open'), t.status
         FROM tasks t LEFT JOIN task_runs r ON r.id = (SELECT max(n.id) FROM task_runs n WHERE n.task_id = t.id)
         WHERE t.board = :board AND t.status = 'blocked'
           AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
         ORDER BY t.priority DESC, t.seq LIMIT :limit";
    list(connection, sql, of)
}

/// Tasks that workers created beyond what their profiles may, oldest first; the reason is the setting.
pub fn list_handed_over(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<WaitingTask>, Fault> {
    let sql = "SELECT t.id, t.title, t.created_at, t.block_kind, NULL, w.held, 0, t.status
         FROM worker_tasks w INDEXED BY idx_worker_tasks_held CROSS JOIN tasks t ON t.id = w.task_id
         WHERE w.held IS NOT NULL AND t.status = 'triage' AND t.board = :board
           AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
         ORDER BY t.seq LIMIT :limit";
    list(connection, sql, of)
}

/// Tasks that wait for the review of a person, by priority; the reason says why, where a profile is their reviewer.
pub fn list_in_review(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<WaitingTask>, Fault> {
    let sql = "SELECT t.id, t.title, t.status_since, t.block_kind, NULL, t.review_why, 0, t.status
         FROM tasks t INDEXED BY idx_tasks_review
         WHERE t.status = 'review' AND t.queue_profile IS NULL AND t.board = :board
           AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name OR t.reviewer = :name)
         ORDER BY t.priority DESC, t.seq LIMIT :limit";
    list(connection, sql, of)
}

/// Tasks that wait for the review of this profile, by priority.
pub fn list_in_review_by(
    connection: &Connection,
    of: WaitingOf<'_>,
    reviewer: &str,
) -> Result<Vec<WaitingTask>, Fault> {
    let doing = "list what waits for a person";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id, t.title, t.status_since, t.block_kind, NULL, NULL, 0, t.status
             FROM tasks t INDEXED BY idx_tasks_review
             WHERE t.status = 'review' AND t.queue_profile = :reviewer AND t.board = :board
               AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
             ORDER BY t.priority DESC, t.seq LIMIT :limit",
        )
        .doing(doing)?;
    let parameters = named_params! {
        ":board": of.board.number, ":name": of.name, ":limit": of.limit, ":reviewer": reviewer,
    };
    let rows = statement.query_map(parameters, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many tasks wait for the review of this profile, or of a person where it is none, counted up to `limit`.
pub fn count_in_review(
    connection: &Connection,
    board: &BoardKey,
    reviewer: Option<&str>,
    limit: u32,
) -> Result<i64, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (
               SELECT 1 FROM tasks INDEXED BY idx_tasks_review
               WHERE status = 'review' AND queue_profile IS :reviewer AND board = :board LIMIT :limit)",
        )
        .and_then(|mut s| {
            let of = named_params! { ":board": board.number, ":reviewer": reviewer, ":limit": limit };
            s.query_row(of, |row| row.get(0))
        })
        .doing("count what waits for a review")
}

/// Profiles that have a task to review, found by skipping through their index.
pub fn list_reviewers(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "list the reviewers";
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE lane (profile) AS (
               SELECT (SELECT min(queue_profile) FROM tasks INDEXED BY idx_tasks_review WHERE status = 'review' AND queue_profile > '')
               UNION ALL
               SELECT (SELECT min(queue_profile) FROM tasks INDEXED BY idx_tasks_review
                       WHERE status = 'review' AND queue_profile > lane.profile)
               FROM lane WHERE lane.profile IS NOT NULL)
             SELECT profile FROM lane WHERE profile IS NOT NULL",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Unfinished tasks that were due by `now`, the oldest first.
pub fn list_overdue(
    connection: &Connection,
    of: WaitingOf<'_>,
    now: EpochSeconds,
) -> Result<Vec<WaitingTask>, Fault> {
    let doing = "list what is overdue";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id, t.title, t.due_at, t.block_kind, NULL, NULL, 0, t.status
             FROM tasks t INDEXED BY idx_tasks_due
             WHERE t.status NOT IN ('done', 'archived') AND t.board = :board AND t.due_at <= :now
               AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
             ORDER BY t.due_at, t.seq LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(
            named_params! {
                ":board": of.board.number, ":name": of.name, ":limit": of.limit, ":now": now,
            },
            read,
        )
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many tasks are overdue, counted up to `limit`.
pub fn count_overdue(
    connection: &Connection,
    board: &BoardKey,
    limit: u32,
    now: EpochSeconds,
) -> Result<i64, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM (
               SELECT 1 FROM tasks INDEXED BY idx_tasks_due
               WHERE status NOT IN ('done', 'archived') AND board = :board AND due_at <= :now LIMIT :limit)",
        )
        .and_then(|mut s| {
            let of = named_params! { ":board": board.number, ":limit": limit, ":now": now };
            s.query_row(of, |row| row.get(0))
        })
        .doing("count what is overdue")
}

/// Ready tasks without an assignee, by priority.
pub fn list_unassigned(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<WaitingTask>, Fault> {
    let sql = "SELECT t.id, t.title, t.ready_at, t.block_kind, NULL, NULL, 0, t.status
         FROM tasks t
         WHERE t.board = :board AND t.assignee IS NULL AND t.status = 'ready'
           AND (:name IS NULL OR t.created_by = :name)
         ORDER BY t.priority DESC, t.seq LIMIT :limit";
    list(connection, sql, of)
}

/// Ready tasks of an assignee, by priority.
pub fn list_ready_of(
    connection: &Connection,
    board: &BoardKey,
    assignee: &str,
    limit: u32,
) -> Result<Vec<WaitingTask>, Fault> {
    let doing = "list the ready tasks of an assignee";
    let mut statement = connection
        .prepare_cached(
            "SELECT t.id, t.title, t.ready_at, t.block_kind, NULL, NULL, 0, t.status
             FROM tasks t
             WHERE t.board = :board AND t.assignee = :assignee AND t.status = 'ready'
             ORDER BY t.priority DESC, t.seq LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(
            named_params! { ":board": board.number, ":assignee": assignee, ":limit": limit },
            read,
        )
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Ready tasks that were reported because they wait long, those that wait longest first.
pub fn list_waiting_long(
    connection: &Connection,
    of: WaitingOf<'_>,
) -> Result<Vec<WaitingTask>, Fault> {
    let sql = "SELECT t.id, t.title, t.ready_at, t.block_kind, NULL, NULL, 0, t.status
         FROM tasks t
         WHERE t.queue_profile IS NOT NULL AND t.ready_at IS NOT NULL AND t.waiting_told_for = t.ready_at AND +t.board = :board
           AND (:name IS NULL OR t.assignee = :name OR t.created_by = :name)
         ORDER BY t.ready_at, t.seq LIMIT :limit";
    list(connection, sql, of)
}
