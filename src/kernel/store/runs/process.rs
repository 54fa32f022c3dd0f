//! The columns of a run about its processes and their start.

use rusqlite::named_params;

use super::super::faults::Doing as _;
use crate::kernel::error::Fault;
use crate::kernel::ids::{EpochSeconds, RunId};
use crate::kernel::store::Connection;

/// Who runs a run: what the shim wrote down about itself and the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessIds<'a> {
    /// Boot in which they run.
    pub boot_id: &'a str,
    /// The shim's pid and start time.
    pub shim_pid: i64,
    /// In clock ticks since boot.
    pub shim_start_ticks: i64,
    /// The worker's pid.
    pub worker_pid: i64,
    /// In clock ticks since boot.
    pub worker_start_ticks: i64,
}

/// Writes who runs a run, with its resolved workspace and its argv (a JSON list).
pub fn set_process_ids(
    connection: &Connection,
    id: RunId,
    ids: &ProcessIds<'_>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs
             SET boot_id = :boot_id, shim_pid = :shim_pid, shim_start_ticks = :shim_ticks, worker_pid = :worker_pid,
                 worker_start_ticks = :worker_ticks, doubt = NULL
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":boot_id": ids.boot_id, ":shim_pid": ids.shim_pid, ":shim_ticks": ids.shim_start_ticks,
                ":worker_pid": ids.worker_pid, ":worker_ticks": ids.worker_start_ticks,
            })
        })
        .map(|_| ())
        .doing("write the processes of a run")
}

/// With what a run starts.
#[derive(Debug, Clone, Copy)]
pub struct LaunchFacts<'a> {
    /// Workspace.
    pub workspace_path: &'a str,
    /// Program and arguments, a JSON list.
    pub argv_json: &'a str,
    /// What holds its processes together.
    pub containment: Option<&'a str>,
    /// Limits that nothing enforces, a JSON list; none when there are none.
    pub not_enforced_json: Option<&'a str>,
    /// Model that the agent is asked for.
    pub model: Option<&'a str>,
    /// Effort that the agent is asked for.
    pub effort: Option<&'a str>,
    /// Extra arguments, a JSON list; none when there are none.
    pub args_json: Option<&'a str>,
    /// The agent's session.
    pub session: Option<&'a str>,
    /// The run whose session is resumed.
    pub resumed_run_id: Option<RunId>,
}

/// Writes with what a run starts.
pub fn set_launch(
    connection: &Connection,
    id: RunId,
    launch: &LaunchFacts<'_>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs
             SET workspace_path = :path, argv = :argv, containment = :containment, not_enforced = :not_enforced,
                 model = :model, effort = :effort, args = :args, session = :session, resumed_run_id = :resumed
             WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! {
                ":id": id, ":path": launch.workspace_path, ":argv": launch.argv_json,
                ":containment": launch.containment, ":not_enforced": launch.not_enforced_json,
                ":model": launch.model, ":effort": launch.effort, ":args": launch.args_json,
                ":session": launch.session, ":resumed": launch.resumed_run_id,
            })
        })
        .map(|_| ())
        .doing("write the start of a run")
}

/// Writes the session that an agent has named, unless one is known.
pub fn set_session_if_none(connection: &Connection, id: RunId, session: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE task_runs SET session = coalesce(session, :session) WHERE id = :id")
        .and_then(|mut s| s.execute(named_params! { ":id": id, ":session": session }))
        .map(|_| ())
        .doing("write a run's session")
}

/// Writes a heartbeat, and the new end of the claim where it has one.
pub fn set_heartbeat(
    connection: &Connection,
    id: RunId,
    now: EpochSeconds,
    claim_expires: Option<EpochSeconds>,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE task_runs SET last_heartbeat_at = :now, claim_expires = :expires WHERE id = :id",
        )
        .and_then(|mut s| {
            s.execute(named_params! { ":id": id, ":now": now, ":expires": claim_expires })
        })
        .map(|_| ())
        .doing("write a run's heartbeat")
}
