//! `schedules`: one row per schedule. A removed one keeps its row and is not found by its name.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, named_params};
use serde_json::{Map, Value};

use super::Doing;
use super::boards::BoardKey;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::schedule::{
    CatchUp, Overlap, Schedule, ScheduleMaker, ScheduleSpec, ScheduleState,
};
use crate::kernel::store::Connection;

/// `SELECT` of every column that [`read`] maps, with the rest of the statement behind it.
macro_rules! select_schedules {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.name, b.name, s.paused, s.paused_why, s.cron, s.zone, s.overlap, s.catch_up, s.until_at, s.count, \
             s.due_in_seconds, s.task, s.next_at, s.last_at, s.made, s.skipped, s.skipped_in_a_row, s.refused_in_a_row, \
             s.last_error, s.last_task_id, s.profile, s.run_id, s.task_id, s.created_by, s.created_at, s.updated_by, s.updated_at \
             FROM schedules s JOIN boards b ON b.id = s.board ",
            $rest
        )
    };
}

/// Every schedule, in no order.
pub(super) const EVERY: &str = select_schedules!("");

/// Maps a row of [`select_schedules`].
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Schedule> {
    let next_at: Option<EpochSeconds> = row.get(13)?;
    let state = match (row.get(3)?, next_at) {
        (true, _) => ScheduleState::Paused,
        (false, Some(_)) => ScheduleState::Active,
        (false, None) => ScheduleState::Over,
    };
    let maker = match (row.get(21)?, row.get(22)?, row.get(23)?) {
        (Some(profile), Some(run_id), Some(task_id)) => {
            Some(ScheduleMaker { profile, run_id, task_id })
        }
        _ => None,
    };
    Ok(Schedule {
        id: row.get(0)?,
        name: row.get(1)?,
        board: row.get(2)?,
        state,
        paused_why: row.get(4)?,
        cron: row.get(5)?,
        zone: row.get(6)?,
        overlap: word(row, 7, Overlap::parse)?,
        catch_up: word(row, 8, CatchUp::parse)?,
        until_at: row.get(9)?,
        count: row.get(10)?,
        due_in_seconds: row.get(11)?,
        task: fields(row, 12)?,
        next_at,
        last_at: row.get(14)?,
        made: row.get(15)?,
        skipped: row.get(16)?,
        skipped_in_a_row: row.get(17)?,
        refused_in_a_row: row.get(18)?,
        last_error: row.get(19)?,
        last_task_id: row.get(20)?,
        maker,
        created_by: row.get(24)?,
        created_at: row.get(25)?,
        updated_by: row.get(26)?,
        updated_at: row.get(27)?,
    })
}

fn word<T>(row: &Row<'_>, column: usize, parse: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let unknown = || format!("unknown word {text:?}").into();
    parse(&text)
        .ok_or_else(|| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown()))
}

fn fields(row: &Row<'_>, column: usize) -> rusqlite::Result<Map<String, Value>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Who makes a schedule, and how it begins.
#[derive(Debug, Clone, Copy)]
pub struct NewSchedule<'a> {
    /// Its board.
    pub board: &'a BoardKey,
    /// What is asked of it.
    pub spec: &'a ScheduleSpec,
    /// The worker that makes it.
    pub maker: Option<&'a ScheduleMaker>,
    /// Why it is paused from the beginning; none: it is not.
    pub paused_why: Option<&'a str>,
    /// The first nominal time, unless it is paused.
    pub next_at: Option<EpochSeconds>,
    /// Who makes it.
    pub by: &'a str,
    /// When.
    pub now: EpochSeconds,
}

/// Adds a schedule; nothing is made for a time that is not later than now.
pub fn insert(connection: &Connection, new: NewSchedule<'_>) -> Result<(), Fault> {
    let NewSchedule { board, spec, maker, paused_why, next_at, by, now } = new;
    connection
        .prepare_cached(
            "INSERT INTO schedules (board, name, cron, zone, task, overlap, catch_up, due_in_seconds, until_at, count, paused,
                                    paused_why, last_at, next_at, profile, run_id, task_id, created_by, created_at, updated_by,
                                    updated_at)
             VALUES (:board, :name, :cron, :zone, :task, :overlap, :catch_up, :due_in_seconds, :until_at, :count, :paused,
                     :paused_why, :now, :next_at, :profile, :run_id, :task_id, :by, :now, :by, :now)",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":board": board.number, ":name": spec.name, ":cron": spec.cron, ":zone": spec.zone,
                ":task": Value::Object(spec.task.clone()).to_string(), ":overlap": spec.overlap.as_str(),
                ":catch_up": spec.catch_up.as_str(), ":due_in_seconds": spec.due_in_seconds, ":until_at": spec.until_at,
                ":count": spec.count, ":paused": paused_why.is_some(), ":paused_why": paused_why, ":next_at": next_at,
                ":profile": maker.map(|maker| &maker.profile), ":run_id": maker.map(|maker| maker.run_id),
                ":task_id": maker.map(|maker| &maker.task_id), ":by": by, ":now": now,
            })
        })
        .map(drop)
        .doing("add a schedule")
}

/// Writes what is asked of a schedule, and what it does next.
pub fn set_spec(
    connection: &Connection,
    schedule: &Schedule,
    (by, now): (&str, EpochSeconds),
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules
             SET cron = :cron, zone = :zone, task = :task, overlap = :overlap, catch_up = :catch_up,
                 due_in_seconds = :due_in_seconds, until_at = :until_at, count = :count, last_at = :last_at,
                 next_at = :next_at, refused_in_a_row = 0, last_error = NULL, updated_by = :by, updated_at = :now
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": schedule.id, ":cron": schedule.cron, ":zone": schedule.zone,
                ":task": Value::Object(schedule.task.clone()).to_string(), ":overlap": schedule.overlap.as_str(),
                ":catch_up": schedule.catch_up.as_str(), ":due_in_seconds": schedule.due_in_seconds,
                ":until_at": schedule.until_at, ":count": schedule.count, ":last_at": schedule.last_at,
                ":next_at": schedule.next_at, ":by": by, ":now": now,
            })
        })
        .map(drop)
        .doing("edit a schedule")
}

/// Pauses a schedule.
pub fn set_paused(
    connection: &Connection,
    id: i64,
    why: &str,
    (by, now): (&str, EpochSeconds),
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules SET paused = 1, paused_why = :why, next_at = NULL, updated_by = :by, updated_at = :now
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":why": why, ":by": by, ":now": now })
        })
        .map(drop)
        .doing("pause a schedule")
}

/// Pauses every schedule that is not paused; returns how many.
pub fn pause_all(
    connection: &Connection,
    why: &str,
    (by, now): (&str, EpochSeconds),
) -> Result<usize, Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules SET paused = 1, paused_why = :why, next_at = NULL, updated_by = :by, updated_at = :now
             WHERE paused = 0 AND next_at IS NOT NULL AND removed_at IS NULL",
        )
        .and_then(|mut s| s.execute(named_params! { ":why": why, ":by": by, ":now": now }))
        .doing("pause all schedules")
}

/// Resumes a schedule: its row says what it does next.
pub fn set_resumed(
    connection: &Connection,
    schedule: &Schedule,
    (by, now): (&str, EpochSeconds),
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules
             SET paused = 0, paused_why = NULL, last_at = :last_at, next_at = :next_at, skipped_in_a_row = 0,
                 refused_in_a_row = 0, last_error = NULL, updated_by = :by, updated_at = :now
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": schedule.id, ":last_at": schedule.last_at, ":next_at": schedule.next_at, ":by": by,
                ":now": now,
            })
        })
        .map(drop)
        .doing("resume a schedule")
}

/// Removes a schedule; its tasks stay.
pub fn set_removed(
    connection: &Connection,
    id: i64,
    (by, now): (&str, EpochSeconds),
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules SET removed_at = :now, next_at = NULL, updated_by = :by, updated_at = :now WHERE id = :id",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":by": by, ":now": now }))
        .map(drop)
        .doing("remove a schedule")
}

/// Writes what became of occurrences: the counts, the last error, the newest task and what comes next.
pub fn set_progress(connection: &Connection, schedule: &Schedule) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE schedules
             SET last_at = :last_at, next_at = :next_at, made = :made, skipped = :skipped, skipped_in_a_row = :skipped_in_a_row,
                 refused_in_a_row = :refused_in_a_row, last_error = :last_error, last_task_id = :last_task_id
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": schedule.id, ":last_at": schedule.last_at, ":next_at": schedule.next_at, ":made": schedule.made,
                ":skipped": schedule.skipped, ":skipped_in_a_row": schedule.skipped_in_a_row,
                ":refused_in_a_row": schedule.refused_in_a_row, ":last_error": schedule.last_error,
                ":last_task_id": schedule.last_task_id,
            })
        })
        .map(drop)
        .doing("record an occurrence")
}

/// The schedule of a board with this name.
pub fn find(
    connection: &Connection,
    board: &BoardKey,
    name: &str,
) -> Result<Option<Schedule>, Fault> {
    connection
        .prepare_cached(select_schedules!(
            "WHERE s.board = :board AND s.name = :name AND s.removed_at IS NULL"
        ))
        .and_then(|mut s| {
            s.query_row(named_params! { ":board": board.number, ":name": name }, read).optional()
        })
        .doing("look up a schedule")
}

/// The schedules of a board, by name.
pub fn list(connection: &Connection, board: &BoardKey) -> Result<Vec<Schedule>, Fault> {
    let doing = "list schedules";
    let mut statement = connection
        .prepare_cached(select_schedules!(
            "WHERE s.board = :board AND s.removed_at IS NULL ORDER BY s.name"
        ))
        .doing(doing)?;
    let rows = statement.query_map(named_params! { ":board": board.number }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Schedules that have an occurrence by `now`, those that have waited longest first.
pub fn list_due(
    connection: &Connection,
    now: EpochSeconds,
    limit: u32,
) -> Result<Vec<Schedule>, Fault> {
    let doing = "list schedules that are due";
    let mut statement = connection
        .prepare_cached(select_schedules!(
            "WHERE s.next_at IS NOT NULL AND s.next_at <= :now ORDER BY s.next_at, s.id LIMIT :limit"
        ))
        .doing(doing)?;
    let rows =
        statement.query_map(named_params! { ":now": now, ":limit": limit }, read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// How many schedules a profile's workers have made that are there.
pub fn count_of_profile(connection: &Connection, profile: &str) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM schedules WHERE profile IS NOT NULL AND profile = :profile AND removed_at IS NULL",
        )
        .and_then(|mut s| s.query_row(named_params! { ":profile": profile }, |row| row.get(0)))
        .doing("count the schedules of a profile")
}

/// How many schedules a board has.
pub fn count_of_board(connection: &Connection, board: &BoardKey) -> Result<u32, Fault> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM schedules WHERE board = :board AND removed_at IS NULL",
        )
        .and_then(|mut s| s.query_row(named_params! { ":board": board.number }, |row| row.get(0)))
        .doing("count the schedules of a board")
}

/// The name of a schedule, removed or not.
pub fn name_of(connection: &Connection, id: i64) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT name FROM schedules WHERE id = :id")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .doing("read the name of a schedule")
}

/// The run that made the schedule of a task, and the task of that run; none when an operator made it, or it has none.
pub fn maker_of_task(
    connection: &Connection,
    id: &TaskId,
) -> Result<Option<(RunId, TaskId)>, Fault> {
    connection
        .prepare_cached(
            "SELECT s.run_id, s.task_id FROM tasks t JOIN schedules s ON s.id = t.schedule_id
             WHERE t.id = :id AND s.run_id IS NOT NULL",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .doing("look up who made the schedule of a task")
}

/// Whether there is a task for this occurrence.
pub fn has_occurrence(connection: &Connection, id: i64, at: EpochSeconds) -> Result<bool, Fault> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM tasks WHERE schedule_id IS NOT NULL AND schedule_id = :id AND occurrence_at = :at)",
        )
        .and_then(|mut s| s.query_row(named_params! { ":id": id, ":at": at }, |row| row.get(0)))
        .doing("look up an occurrence")
}

/// The newest task of a schedule that is not over; none when all are.
pub fn open_task(connection: &Connection, id: i64) -> Result<Option<TaskId>, Fault> {
    connection
        .prepare_cached(
            "SELECT id FROM tasks
             WHERE schedule_id IS NOT NULL AND schedule_id = :id AND status NOT IN ('done', 'archived')
             ORDER BY occurrence_at DESC LIMIT 1",
        )
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .doing("look up the open task of a schedule")
}

/// The newest tasks of a schedule, newest occurrence first: nominal time and id.
pub fn list_tasks(
    connection: &Connection,
    id: i64,
    limit: u32,
) -> Result<Vec<(EpochSeconds, TaskId)>, Fault> {
    let doing = "list the tasks of a schedule";
    let mut statement = connection
        .prepare_cached(
            "SELECT occurrence_at, id FROM tasks WHERE schedule_id IS NOT NULL AND schedule_id = :id
             ORDER BY occurrence_at DESC LIMIT :limit",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":id": id, ":limit": limit }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// Schedules of a board that may need a person: paused with the words `waits`, skipped or refused again and again.
pub fn list_ailing(
    connection: &Connection,
    board: &BoardKey,
    (skips, waits): (u32, &str),
    limit: u32,
) -> Result<Vec<Schedule>, Fault> {
    let doing = "list schedules that need a person";
    let mut statement = connection
        .prepare_cached(select_schedules!(
            "WHERE s.board = :board AND s.removed_at IS NULL
               AND (s.skipped_in_a_row >= :skips OR s.refused_in_a_row > 0 OR (s.paused = 1 AND s.paused_why = :waits))
             ORDER BY s.name LIMIT :limit"
        ))
        .doing(doing)?;
    let rows = statement
        .query_map(named_params! { ":board": board.number, ":skips": skips, ":waits": waits, ":limit": limit }, read)
        .doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}
