//! The columns of a run about its processes, in addition to its files: they identify a run whose files are gone.

use rusqlite::{OptionalExtension, Row, named_params};

use super::Doing;
use crate::kernel::error::Fault;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::VerdictMode;
use crate::kernel::store::Connection;

/// A process by boot, PID and start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessKey {
    /// PID.
    pub pid: i64,
    /// Start, clock ticks since boot.
    pub start_ticks: i64,
}

/// What the row of an open run says about its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footing {
    /// Boot in which they were seen; none before they were.
    pub boot_id: Option<String>,
    /// The shim.
    pub shim: Option<ProcessKey>,
    /// The worker.
    pub worker: Option<ProcessKey>,
    /// Directory of the worker tree's control group.
    pub control_group: Option<String>,
    /// Name of the worker's user, when that is not the daemon's.
    pub run_as: Option<String>,
    /// How its launcher's workers report.
    pub verdict_mode: Option<VerdictMode>,
    /// SHA-256 of its token, hexadecimal.
    pub token_digest: Option<String>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<(RunId, Footing)> {
    let process = |at: usize| -> rusqlite::Result<Option<ProcessKey>> {
        let (pid, start_ticks): (Option<i64>, Option<i64>) = (row.get(at)?, row.get(at + 1)?);
        Ok(pid.zip(start_ticks).map(|(pid, start_ticks)| ProcessKey { pid, start_ticks }))
    };
    let mode: Option<String> = row.get(8)?;
    let footing = Footing {
        boot_id: row.get(1)?,
        shim: process(2)?,
        worker: process(4)?,
        control_group: row.get(6)?,
        run_as: row.get(7)?,
        verdict_mode: mode.as_deref().and_then(VerdictMode::parse),
        token_digest: row.get(9)?,
    };
    Ok((row.get(0)?, footing))
}

macro_rules! select_footings {
    ($rest:literal) => {
        concat!(
            "SELECT id, boot_id, shim_pid, shim_start_ticks, worker_pid, worker_start_ticks, control_group, run_as,
                    verdict_mode, token_digest
             FROM task_runs ",
            $rest
        )
    };
}

/// What the row of a run says; nothing when there is no such run.
pub fn get(connection: &Connection, id: RunId) -> Result<Footing, Fault> {
    let found = connection
        .prepare_cached(select_footings!("WHERE id = :id"))
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, read).optional())
        .doing("read the processes of a run")?;
    Ok(found.map(|(_, footing)| footing).unwrap_or_default())
}

/// The same of all open supervised runs of this host.
pub fn list_open(connection: &Connection) -> Result<Vec<(RunId, Footing)>, Fault> {
    let doing = "list the processes of the open runs";
    let mut statement = connection
        .prepare_cached(select_footings!(
            "WHERE closed_at IS NULL AND supervised = 1 AND host_id IS NULL"
        ))
        .doing(doing)?;
    let rows = statement.query_map([], read).doing(doing)?;
    rows.collect::<rusqlite::Result<_>>().doing(doing)
}

/// What is known when a run is started.
#[derive(Debug, Clone, Copy)]
pub struct FootingFacts<'a> {
    /// See [`Footing::control_group`].
    pub control_group: Option<&'a str>,
    /// See [`Footing::run_as`].
    pub run_as: Option<&'a str>,
    /// See [`Footing::verdict_mode`].
    pub verdict_mode: Option<&'a str>,
    /// See [`Footing::token_digest`].
    pub token_digest: Option<&'a str>,
}

/// Writes what is known when a run is started.
pub fn set_launch(
    connection: &Connection,
    id: RunId,
    facts: &FootingFacts<'_>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs
             SET control_group = :control_group, run_as = :run_as, verdict_mode = :verdict_mode, token_digest = :digest
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":control_group": facts.control_group, ":run_as": facts.run_as,
                ":verdict_mode": facts.verdict_mode, ":digest": facts.token_digest,
            })
        })
        .map(|_| ())
        .doing("write the state of a run")
}

/// Writes why it is not known what became of a run; none when it is known again.
pub fn set_doubt(connection: &Connection, id: RunId, doubt: Option<&str>) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs SET doubt = :doubt WHERE id = :id AND closed_at IS NULL AND doubt IS NOT :doubt",
        )
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":doubt": doubt }))
        .map(|_| ())
        .doing("write why the state of a run is unknown")
}

/// Why it is not known what became of an open run; none when that is known.
pub fn doubt(connection: &Connection, id: RunId) -> Result<Option<String>, Fault> {
    connection
        .prepare_cached("SELECT doubt FROM task_runs WHERE id = :id AND closed_at IS NULL")
        .and_then(|mut s| s.query_row(named_params! { ":id": id }, |row| row.get(0)).optional())
        .map(Option::flatten)
        .doing("read why the state of a run is unknown")
}

/// The run that a token belongs to, open or closed, by the digest of the token.
pub fn run_of_token(connection: &Connection, digest: &str) -> Result<Option<RunId>, Fault> {
    connection
        .prepare_cached("SELECT id FROM task_runs WHERE token_digest = :digest")
        .and_then(|mut s| {
            s.query_row(named_params! { ":digest": digest }, |row| row.get(0)).optional()
        })
        .doing("look up the run of a token")
}
