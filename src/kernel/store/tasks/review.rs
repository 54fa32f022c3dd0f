//! The columns of a task that are about its review.

use rusqlite::named_params;

use super::super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::TaskId;
use crate::kernel::store::Connection;

/// Writes the reviewer. What the failures of the one before said, the back-off included, says nothing about the new one.
pub fn set_reviewer(
    connection: &Connection,
    id: &TaskId,
    reviewer: Option<&str>,
    is_chosen: bool,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET reviewer = :reviewer, reviewer_chosen = :chosen, review_failures = 0, review_violations = 0, review_why = NULL,
                 not_before = CASE status WHEN 'review' THEN NULL ELSE not_before END
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":reviewer": reviewer, ":chosen": is_chosen })
        })
        .map(|_| ())
        .doing("write the reviewer of a task")
}

/// Writes the failure counters of a review and the last error.
pub fn set_review_failures(
    connection: &Connection,
    id: &TaskId,
    failures: u32,
    violations: u32,
    last_error: Option<&str>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks
             SET review_failures = :failures, review_violations = :violations, last_spawn_error = :error
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":failures": failures, ":violations": violations, ":error": last_error,
            })
        })
        .map(|_| ())
        .doing("count a failure of a review")
}

/// Has a person review a task in review, in place of its reviewer; `why` is one sentence. No start of it is pending then.
pub fn set_review_why(connection: &Connection, id: &TaskId, why: &str) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE tasks SET review_why = :why, not_before = NULL, ready_at = NULL, resume_run_id = NULL WHERE id = :id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":why": why }))
        .map(|_| ())
        .doing("give a review to a person")
}

/// Who reviews the tasks of whom, of those that wait for the review of a profile. Reads every such task.
pub fn list_review_pairs(connection: &Connection) -> Result<Vec<(String, Option<String>)>, Fault> {
    let doing = "list the reviewers";
    let mut statement = connection
        .prepare_cached(
            "SELECT DISTINCT queue_profile, assignee FROM tasks WHERE status = 'review' AND queue_profile > ''",
        )
        .doing(doing)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Tasks of an assignee that wait for the review of a profile, at most `limit`.
pub fn list_reviews_of(
    connection: &Connection,
    (reviewer, assignee): (&str, Option<&str>),
    limit: u32,
) -> Result<Vec<TaskId>, Fault> {
    let doing = "list the tasks that a profile reviews";
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE status = 'review' AND queue_profile = :reviewer AND assignee IS :assignee LIMIT :limit",
        )
        .doing(doing)?;
    let parameters =
        named_params! { ":reviewer": reviewer, ":assignee": assignee, ":limit": limit };
    let rows = statement.query_map(parameters, |row| row.get(0)).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
