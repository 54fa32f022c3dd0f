//! Questions to the whole file: is it sound, and does it keep the board's invariants?

use rusqlite::Connection;

use super::Doing;
use crate::kernel::error::Fault;

/// What must never be found, as queries that find it, each with its words.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "a pointer names a run that has ended",
        "SELECT t.id FROM tasks t JOIN task_runs r ON r.id = t.current_run_id WHERE r.ended_at IS NOT NULL",
    ),
    (
        "a run that has not ended is not pointed to",
        "SELECT r.task_id FROM task_runs r JOIN tasks t ON t.id = r.task_id
         WHERE r.ended_at IS NULL AND t.current_run_id IS NOT r.id",
    ),
    (
        "a task has more than one open run",
        "SELECT task_id FROM task_runs WHERE closed_at IS NULL GROUP BY task_id HAVING count(*) > 1",
    ),
    (
        "a lock without running",
        "SELECT id FROM tasks WHERE claim_lock IS NOT NULL AND status <> 'running'",
    ),
    (
        "an outcome without an end",
        "SELECT task_id FROM task_runs WHERE outcome IS NOT NULL AND ended_at IS NULL",
    ),
    (
        "closed without an end",
        "SELECT task_id FROM task_runs WHERE closed_at IS NOT NULL AND ended_at IS NULL",
    ),
    (
        "an event names a run that is not there",
        "SELECT e.task_id FROM task_events e LEFT JOIN task_runs r ON r.id = e.run_id
         WHERE e.run_id IS NOT NULL AND r.id IS NULL",
    ),
    (
        "a todo task with parents has no open one",
        "SELECT t.id FROM tasks t
         WHERE t.status = 'todo' AND EXISTS (SELECT 1 FROM task_links l WHERE l.child_id = t.id)
           AND NOT EXISTS (SELECT 1 FROM task_links l JOIN tasks p ON p.id = l.parent_id
                           WHERE l.child_id = t.id AND p.status NOT IN ('done', 'archived'))",
    ),
];

/// Damage and broken invariants, one line each; none when all is well. Reads the whole file.
pub fn problems(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "check the database";
    let mut found = Vec::new();
    let answer: String =
        connection.query_row("PRAGMA main.quick_check(1)", [], |row| row.get(0)).doing(doing)?;
    if answer != "ok" {
        found.push(answer);
    }
    found.extend(broken_invariants(connection)?);
    Ok(found)
}

/// Broken invariants, one line each.
pub fn broken_invariants(connection: &Connection) -> Result<Vec<String>, Fault> {
    let doing = "check the invariants";
    let mut found = Vec::new();
    for (words, query) in INVARIANTS {
        let mut statement = connection.prepare(query).doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        if let Some(row) = rows.next().doing(doing)? {
            let id: String = row.get(0).doing(doing)?;
            found.push(format!("{words}: {id}"));
        }
    }
    Ok(found)
}
