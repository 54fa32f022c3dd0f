//! `history`: what happened by the hour, per board and profile. Moved in the transactions that open and close runs, so that plots of
//! months read rows of hours and never the runs.

use rusqlite::{Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId, TaskId};
use crate::kernel::run::RunOutcome;
use crate::kernel::store::Connection;
use crate::kernel::store::boards::BoardKey;

/// Seconds of an hour, the time that a row is about.
pub const HOUR_SECONDS: i64 = 3_600;

/// Upper bounds of the buckets, seconds; the last bucket has none.
pub const BUCKETS: [i64; 9] = [10, 60, 300, 900, 1_800, 3_600, 10_800, 28_800, 86_400];

/// Number of buckets.
pub const BUCKET_COUNT: usize = BUCKETS.len() + 1;

/// What a row counts of each outcome, in the order of [`RunOutcome::ALL`].
const OUTCOMES: usize = RunOutcome::ALL.len();

/// The bucket of a time.
pub fn bucket(seconds: i64) -> usize {
    BUCKETS.iter().position(|bound| seconds < *bound).unwrap_or(BUCKETS.len())
}

/// What happened in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// Its profile; none: nobody's.
    pub profile: Option<String>,
    /// Its beginning, epoch seconds.
    pub at: EpochSeconds,
    /// Runs that began.
    pub started: i64,
    /// Runs that closed, by outcome.
    pub finished: [i64; OUTCOMES],
    /// Time between ready and the start, of those that began, seconds.
    pub queue_seconds: i64,
    /// Time from the first start of a task to its completion, of those that were completed, seconds.
    pub cycle_seconds: i64,
    /// Time of slots in use, of the runs that closed, seconds.
    pub slot_seconds: i64,
    /// Starts by their time in the queue.
    pub queue: [i64; BUCKET_COUNT],
    /// Completions by their cycle time.
    pub cycle: [i64; BUCKET_COUNT],
}

/// Counts a run that begins.
pub fn add_started(
    connection: &Connection,
    task_id: &TaskId,
    profile: Option<&str>,
    queue_seconds: Option<i64>,
    now: EpochSeconds,
) -> Result<(), Fault> {
    // Which bucket is in the statement, because it is a column.
    let bucket = queue_seconds.map_or(0, bucket);
    let sql = format!(
        "INSERT INTO history (board, profile, hour, started, queue_seconds, queue_{bucket})
         VALUES ((SELECT board FROM tasks WHERE id = :task_id), coalesce(:profile, ''), :hour, 1, :queue, :is_known)
         ON CONFLICT (board, profile, hour) DO UPDATE SET started = started + 1,
           queue_seconds = queue_seconds + excluded.queue_seconds, queue_{bucket} = queue_{bucket} + excluded.queue_{bucket}"
    );
    connection
        .prepare_cached(&sql)
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": task_id, ":profile": profile, ":hour": hour(now),
                ":queue": queue_seconds.unwrap_or_default(), ":is_known": queue_seconds.is_some(),
            })
        })
        .map(|_| ())
        .doing("count a start")
}

/// Counts a run that is closed now, by what its row says.
pub fn add_closed(connection: &Connection, run_id: RunId, now: EpochSeconds) -> Result<(), Fault> {
    let doing = "count the end of a run";
    let (task_id, profile, outcome, cycle_seconds, slot_seconds) = connection
        .prepare_cached(
            "SELECT r.task_id, r.profile, r.outcome,
                    CASE WHEN r.outcome = 'completed'
                         THEN max(0, r.ended_at - min(r.started_at, coalesce(t.started_at, r.started_at))) END,
                    CASE WHEN r.supervised THEN max(0, r.closed_at - r.started_at) ELSE 0 END
             FROM task_runs r JOIN tasks t ON t.id = r.task_id WHERE r.id = :run_id",
        )
        .and_then(|mut s| {
            s.query_row(named_params! { ":run_id": run_id }, |row| {
                let found: (TaskId, Option<String>, Option<RunOutcome>, Option<i64>, i64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
                Ok(found)
            })
        })
        .doing(doing)?;
    let Some(outcome) = outcome else { return Ok(()) };
    let (outcome, bucket) = (outcome.as_str(), cycle_seconds.map_or(0, bucket));
    let sql = format!(
        "INSERT INTO history (board, profile, hour, {outcome}, cycle_seconds, slot_seconds, cycle_{bucket})
         VALUES ((SELECT board FROM tasks WHERE id = :task_id), coalesce(:profile, ''), :hour, 1, :cycle, :slot, :is_known)
         ON CONFLICT (board, profile, hour) DO UPDATE SET {outcome} = {outcome} + 1,
           cycle_seconds = cycle_seconds + excluded.cycle_seconds, slot_seconds = slot_seconds + excluded.slot_seconds,
           cycle_{bucket} = cycle_{bucket} + excluded.cycle_{bucket}"
    );
    connection
        .prepare_cached(&sql)
        .and_then(|mut s| {
            s.execute(named_params! {
                ":task_id": task_id, ":profile": profile, ":hour": hour(now),
                ":cycle": cycle_seconds.unwrap_or_default(), ":slot": slot_seconds,
                ":is_known": cycle_seconds.is_some(),
            })
        })
        .map(|_| ())
        .doing(doing)
}

fn hour(at: EpochSeconds) -> EpochSeconds {
    at - at.rem_euclid(HOUR_SECONDS)
}

/// The hours of a board, or of one profile on it, in steps of `step_seconds`, from `from` to `to`: at most `limit` rows, the newest.
///
/// # Errors
/// A fault of the database.
pub fn list(
    connection: &Connection,
    board: &BoardKey,
    profile: Option<&str>,
    (from, to, step_seconds): (EpochSeconds, EpochSeconds, i64),
    limit: u32,
) -> Result<Vec<Hour>, Fault> {
    let doing = "read the history";
    let mut statement = connection
        .prepare_cached(
            "SELECT profile, hour - hour % :step AS at, sum(started), sum(completed), sum(blocked), sum(crashed), sum(oom),
                    sum(timed_out), sum(spawn_failed), sum(protocol_violation), sum(rate_limited), sum(stopped),
                    sum(reclaimed), sum(lost), sum(gave_up), sum(queue_seconds), sum(cycle_seconds), sum(slot_seconds),
                    sum(queue_0), sum(queue_1), sum(queue_2), sum(queue_3), sum(queue_4), sum(queue_5), sum(queue_6),
                    sum(queue_7), sum(queue_8), sum(queue_9), sum(cycle_0), sum(cycle_1), sum(cycle_2), sum(cycle_3),
                    sum(cycle_4), sum(cycle_5), sum(cycle_6), sum(cycle_7), sum(cycle_8), sum(cycle_9)
             FROM history
             WHERE board = :board AND (:profile IS NULL OR profile = :profile) AND hour >= :from AND hour < :to
             GROUP BY profile, at ORDER BY at DESC, profile LIMIT :limit",
        )
        .doing(doing)?;
    let parameters = named_params! {
        ":board": board.number, ":profile": profile, ":from": from, ":to": to, ":step": step_seconds.max(HOUR_SECONDS),
        ":limit": limit,
    };
    let rows = statement.query_map(parameters, read).doing(doing)?;
    let mut hours: Vec<Hour> = rows.collect::<rusqlite::Result<_>>().doing(doing)?;
    hours.reverse();
    Ok(hours)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Hour> {
    fn numbers<const N: usize>(row: &Row<'_>, first: usize) -> rusqlite::Result<[i64; N]> {
        let mut numbers = [0; N];
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = row.get(first + index)?;
        }
        Ok(numbers)
    }
    let profile: String = row.get(0)?;
    let queue = 6 + OUTCOMES;
    Ok(Hour {
        profile: Some(profile).filter(|profile| !profile.is_empty()),
        at: row.get(1)?,
        started: row.get(2)?,
        finished: numbers(row, 3)?,
        queue_seconds: row.get(3 + OUTCOMES)?,
        cycle_seconds: row.get(4 + OUTCOMES)?,
        slot_seconds: row.get(5 + OUTCOMES)?,
        queue: numbers(row, queue)?,
        cycle: numbers(row, queue + BUCKET_COUNT)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_below_whose_bound_it_is() {
        for (seconds, expected) in [
            (-1, 0),
            (0, 0),
            (9, 0),
            (10, 1),
            (59, 1),
            (60, 2),
            (3_599, 5),
            (86_399, 8),
            (86_400, 9),
            (i64::MAX, 9),
        ] {
            assert_eq!(bucket(seconds), expected, "{seconds}");
        }
        assert_eq!(hour(7_199), 3_600);
        assert_eq!(hour(-1), -3_600);
    }
}
