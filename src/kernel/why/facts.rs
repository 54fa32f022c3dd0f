//! What the one reason is made of.

use crate::kernel::breaker::{BreakerKey, Gate};
use crate::kernel::dispatch_switch::DispatchSwitch;
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::place::asked_path;
use crate::kernel::run::{Run, RunOutcome};
use crate::kernel::store::leases::{Holder, Wait};
use crate::kernel::store::{self, Connection};
use crate::kernel::task::Task;

/// What the reason is found from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The task.
    pub task: Task,
    /// Its parents that are not done.
    pub open_parents: Vec<String>,
    /// Its run whose processes may be there.
    pub open_run: Option<Run>,
    /// What the last block said.
    pub block_reason: Option<String>,
    /// Whether the last run was given up.
    pub gave_up: bool,
    /// What its supervised runs took together, seconds.
    pub total_runtime_seconds: i64,
    /// Open supervised runs.
    pub open_runs: u32,
    /// Those of the task's assignee.
    pub open_runs_of_assignee: u32,
    /// What the host's breaker allows, with its last failure.
    pub host_gate: (Gate, Option<String>),
    /// What the profile's breaker allows, with its last failure.
    pub profile_gate: (Gate, Option<String>),
    /// Whether the board starts anything.
    pub switch: DispatchSwitch,
    /// Free bytes, when that is too little to start anything.
    pub low_disk_bytes: Option<u64>,
    /// Why it is not known what became of the open run.
    pub doubt: Option<String>,
    /// What a ready task was put aside for by the last pass.
    pub wait: Option<WaitFacts>,
    /// The time, epoch seconds.
    pub now: EpochSeconds,
}

/// What a task was put aside for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitFacts {
    /// This run works in the directory that the task needs.
    Holder(Holder),
    /// It is not known which directory this path is.
    Unknown {
        /// The path.
        path: String,
        /// Why not.
        why: String,
    },
    /// The breaker of this directory or repository.
    Breaker {
        /// The directory or repository.
        path: String,
        /// What it allows now.
        gate: Gate,
        /// Its last failure.
        error: Option<String>,
    },
}

impl Facts {
    /// Collects them. What only the host knows (its disk) is added by the caller.
    ///
    /// # Errors
    /// A fault of the database.
    pub fn read(connection: &Connection, task: Task, now: EpochSeconds) -> Result<Self, Fault> {
        let mut open_parents = Vec::new();
        for parent in store::links::list_parents(connection, &task.id)? {
            let status = store::tasks::get_status(connection, &parent)?;
            if status.is_some_and(|(status, _)| !status.satisfies_children()) {
                open_parents.push(parent.to_string());
            }
        }
        let latest = store::runs::get_latest(connection, &task.id)?;
        let open_run = store::runs::get_open(connection, &task.id)?;
        let by_profile = store::runs::count_open_by_profile(connection)?;
        let assignee = task.assignee.clone().unwrap_or_default();
        let of_assignee = by_profile.iter().find(|(name, _)| *name == assignee);
        let gate = |key: &BreakerKey| -> Result<(Gate, Option<String>), Fault> {
            let breaker = store::breakers::get(connection, key)?;
            Ok((breaker.gate(now), breaker.last_error))
        };
        Ok(Self {
            open_parents,
            block_reason: latest.as_ref().and_then(|run| run.summary.clone().or(run.error.clone())),
            gave_up: latest.is_some_and(|run| run.outcome == Some(RunOutcome::GaveUp)),
            total_runtime_seconds: store::runs::total_runtime(
                connection,
                &task.id,
                store::tasks::runtime_from(connection, &task.id)?,
            )?,
            open_runs: by_profile.iter().map(|(_, count)| count).sum(),
            open_runs_of_assignee: of_assignee.map_or(0, |(_, count)| *count),
            host_gate: gate(&BreakerKey::Host)?,
            profile_gate: gate(&BreakerKey::Profile(assignee))?,
            switch: DispatchSwitch::read(connection)?,
            low_disk_bytes: None,
            doubt: match &open_run {
                Some(run) => store::footing::doubt(connection, run.id)?,
                None => None,
            },
            open_run,
            wait: wait(connection, &task, now)?,
            now,
            task,
        })
    }
}

/// What a ready task was put aside for by the last pass, as far as that still holds.
fn wait(
    connection: &Connection,
    task: &Task,
    now: EpochSeconds,
) -> Result<Option<WaitFacts>, Fault> {
    let Some(Wait { key, because }) = store::leases::wait_of(connection, &task.id)? else {
        return Ok(None);
    };
    if let Some(path) = asked_path(&key) {
        let path = path.to_owned();
        return Ok(because.map(|why| WaitFacts::Unknown { path, why }));
    }
    if let Some(BreakerKey::Workspace(path)) = BreakerKey::parse(&key) {
        let breaker = store::breakers::get(connection, &BreakerKey::Workspace(path.clone()))?;
        let (gate, error) = (breaker.gate(now), breaker.last_error);
        return Ok(Some(WaitFacts::Breaker { path, gate, error }));
    }
    Ok(store::leases::holder(connection, &key)?.map(WaitFacts::Holder))
}
