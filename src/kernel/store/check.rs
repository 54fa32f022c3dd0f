//! Checks of the whole file: integrity, and the invariants of the board.

use rusqlite::Row;

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::store::Connection;

/// What must never be found, as queries that find it, each with its words.
const INVARIANTS: &[(&str, &str)] = &[
    (
        "a task points to an ended run",
        "SELECT t.id FROM tasks t JOIN task_runs r ON r.id = t.current_run_id WHERE r.ended_at IS NOT NULL",
    ),
    (
        "no task points to a run that has not ended",
        "SELECT r.task_id FROM task_runs r JOIN tasks t ON t.id = r.task_id
         WHERE r.ended_at IS NULL AND t.current_run_id IS NOT r.id",
    ),
    (
        "a task has more than one open run",
        "SELECT task_id FROM task_runs WHERE closed_at IS NULL GROUP BY task_id HAVING count(*) > 1",
    ),
    (
        "a task is claimed but not in work",
        "SELECT id FROM tasks WHERE claim_lock IS NOT NULL AND status NOT IN ('running', 'review')",
    ),
    (
        "a run has an outcome but no end",
        "SELECT task_id FROM task_runs WHERE outcome IS NOT NULL AND ended_at IS NULL",
    ),
    (
        "a run is closed but has no end",
        "SELECT task_id FROM task_runs WHERE closed_at IS NOT NULL AND ended_at IS NULL",
    ),
    (
        "an event refers to a missing run",
        "SELECT e.task_id FROM task_events e LEFT JOIN task_runs r ON r.id = e.run_id
         WHERE e.run_id IS NOT NULL AND r.id IS NULL",
    ),
    (
        "a question blocks a task that is not blocked",
        "SELECT q.task_id FROM questions q JOIN tasks t ON t.id = q.task_id
         WHERE q.outcome = 'open' AND q.blocks = 1 AND t.status <> 'blocked'",
    ),
    (
        "a run that has ended waits for an answer",
        "SELECT q.task_id FROM questions q JOIN task_runs r ON r.id = q.run_id
         WHERE q.outcome = 'open' AND q.blocks = 0 AND r.ended_at IS NOT NULL",
    ),
    (
        "a todo task has no unfinished parent",
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

/// Reads every row once: tasks and runs as they are read when the board is used, of the other tables each value.
///
/// # Errors
/// One line about the first row that cannot be read.
pub fn read_every_row(connection: &Connection) -> Result<(), String> {
    let message = |table: &str| {
        let table = table.to_owned();
        move |error: rusqlite::Error| format!("cannot read a row of {table}: {error}")
    };
    each(connection, super::tasks::EVERY, super::tasks::read).map_err(message("tasks"))?;
    each(connection, super::runs::EVERY, super::runs::read).map_err(message("task_runs"))?;
    each(connection, super::questions::EVERY, super::questions::read)
        .map_err(message("questions"))?;
    each(connection, super::schedules::EVERY, super::schedules::read)
        .map_err(message("schedules"))?;
    for table in tables(connection).map_err(message("the schema"))? {
        each(connection, &format!("SELECT * FROM \"{table}\""), every_value)
            .map_err(message(&table))?;
    }
    Ok(())
}

/// The tables of a file whose structure is known to be ours.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement =
        connection.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    names.collect()
}

fn each<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        drop(read(row)?);
    }
    Ok(())
}

fn every_value(row: &Row<'_>) -> rusqlite::Result<()> {
    let width = row.as_ref().column_count();
    (0..width).try_for_each(|index| row.get::<_, rusqlite::types::Value>(index).map(drop))
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
