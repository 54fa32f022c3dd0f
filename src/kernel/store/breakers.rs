//! `breakers`: circuit breakers that are not closed and without a history.

use rusqlite::{OptionalExtension, Row, named_params};

use super::Doing;
use crate::kernel::breaker::{Breaker, BreakerKey};
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, Host};
use crate::kernel::store::Connection;

fn read(row: &Row<'_>) -> rusqlite::Result<Breaker> {
    let key: String = row.get(0)?;
    let key = BreakerKey::parse(&key).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            0,
            rusqlite::types::Type::Text,
            format!("unexpected breaker key {key:?}").into(),
        )
    })?;
    Ok(Breaker {
        key,
        state: row.get(1)?,
        failures: row.get(2)?,
        first_task_id: row.get(3)?,
        several_tasks: row.get(4)?,
        trips: row.get(5)?,
        opened_at: row.get(6)?,
        open_until: row.get(7)?,
        probe_run_id: row.get(8)?,
        last_error: row.get(9)?,
    })
}

macro_rules! select_breakers {
    ($rest:literal) => {
        concat!(
            "SELECT key, state, failures, first_task_id, several_tasks, trips, opened_at, open_until, probe_run_id,
                    last_error
             FROM breakers ",
            $rest
        )
    };
}

/// The breaker of `key`; a closed one when it has no row.
pub fn get(connection: &Connection, key: &BreakerKey) -> Result<Breaker, Fault> {
    let stored = connection
        .prepare_cached(select_breakers!("WHERE key = :key"))
        .and_then(|mut s| {
            s.query_row(named_params! { ":key": key.to_text_on(Host::Here) }, read).optional()
        })
        .doing("read a breaker")?;
    Ok(stored.unwrap_or_else(|| Breaker::closed(key.clone())))
}

fn read_all(connection: &Connection, query: &str) -> Result<Vec<Breaker>, Fault> {
    let doing = "list breakers";
    let mut statement = connection.prepare_cached(query).doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// All breakers that have a row.
pub fn list(connection: &Connection) -> Result<Vec<Breaker>, Fault> {
    read_all(connection, select_breakers!("ORDER BY key"))
}

/// The same without those of workspaces, of which there may be as many as tasks.
pub fn list_but_workspaces(connection: &Connection) -> Result<Vec<Breaker>, Fault> {
    read_all(connection, select_breakers!("WHERE key < 'workspace:' ORDER BY key"))
}

/// The breakers that are not closed, and how many more there are: of workspaces only the first is listed.
pub fn list_held(connection: &Connection) -> Result<(Vec<Breaker>, i64), Fault> {
    let query = select_breakers!("WHERE key < 'workspace:' AND state != 'closed' ORDER BY key");
    let mut held = read_all(connection, query)?;
    let first_workspace =
        select_breakers!("WHERE key >= 'workspace:' AND state != 'closed' ORDER BY key LIMIT 1");
    held.extend(read_all(connection, first_workspace)?);
    Ok((held, (count_workspaces_held(connection)? - 1).max(0)))
}

/// How many workspaces have a breaker that is not closed.
pub fn count_workspaces_held(connection: &Connection) -> Result<i64, Fault> {
    connection
        .prepare_cached(
            "SELECT COUNT(*) FROM breakers WHERE key >= 'workspace:' AND state != 'closed'",
        )
        .and_then(|mut s| s.query_row([], |row| row.get(0)))
        .doing("count workspace breakers")
}

/// Removes breakers of workspaces that have not moved since `before`: no task may be left that works there.
pub fn forget_workspaces(connection: &Connection, before: EpochSeconds) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "DELETE FROM breakers
             WHERE key >= 'workspace:' AND changed_at < :before AND probe_run_id IS NULL",
        )
        .and_then(|mut s| s.execute(named_params! { ":before": before }))
        .map(|_| ())
        .doing("delete workspace breakers")
}

/// Writes a breaker; one that is closed and without a history loses its row.
pub fn put(connection: &Connection, breaker: &Breaker, now: EpochSeconds) -> Result<(), Fault> {
    let doing = "write a breaker";
    let key = breaker.key.to_text_on(Host::Here);
    if breaker.is_closed() && breaker.failures == 0 {
        return connection
            .prepare_cached("DELETE FROM breakers WHERE key = :key")
            .and_then(|mut s| s.execute(named_params! { ":key": key }))
            .map(|_| ())
            .doing(doing);
    }
    connection
        .prepare_cached(
            "INSERT INTO breakers (key, state, failures, first_task_id, several_tasks, trips, opened_at, open_until,
                                   probe_run_id, last_error, changed_at)
             VALUES (:key, :state, :failures, :first, :several, :trips, :opened_at, :open_until, :probe, :error, :now)
             ON CONFLICT (key) DO UPDATE SET state = :state, failures = :failures, first_task_id = :first,
               several_tasks = :several, trips = :trips, opened_at = :opened_at, open_until = :open_until,
               probe_run_id = :probe, last_error = :error, changed_at = :now",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":key": key, ":state": breaker.state, ":failures": breaker.failures, ":first": breaker.first_task_id,
                ":several": breaker.several_tasks, ":trips": breaker.trips, ":opened_at": breaker.opened_at,
                ":open_until": breaker.open_until, ":probe": breaker.probe_run_id, ":error": breaker.last_error,
                ":now": now,
            })
        })
        .map(|_| ())
        .doing(doing)
}
