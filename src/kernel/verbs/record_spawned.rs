//! `record_spawned`: the worker process of a run was started.

use serde::{Deserialize, Serialize};

use crate::kernel::breaker::Breaker;
use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::run::{RunState, RunStep};
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::breaker_moves::{breakers_of, move_breaker};
use crate::kernel::verbs::launch::{Launch, record_launch};

/// Who runs a run: shim and worker as (pid, start ticks) of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIds {
    /// Boot in which they run.
    pub boot_id: String,
    /// The shim's pid.
    pub shim_pid: i64,
    /// The shim's start, clock ticks since boot.
    pub shim_start_ticks: i64,
    /// The worker's pid.
    pub worker_pid: i64,
    /// The worker's start, clock ticks since boot.
    pub worker_start_ticks: i64,
}

/// The worker process of a run was seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordSpawned {
    /// The run.
    pub run_id: RunId,
    /// Who runs it.
    pub ids: ProcessIds,
    /// With what it was started; none when that is known already (an adopted run).
    pub launch: Option<Launch>,
}

impl Verb for RecordSpawned {
    type Reply = RunState;
    const NAME: &'static str = "record_spawned";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RunState, VerbError> {
        let (run, task) = tx.run_and_task(self.run_id)?;
        if !run.is_open() {
            return Ok(run.state);
        }
        let is_news = run.worker_pid != Some(self.ids.worker_pid);
        store::runs::set_process_ids(
            tx.store(),
            run.id,
            &store::runs::ProcessIds {
                boot_id: &self.ids.boot_id,
                shim_pid: self.ids.shim_pid,
                shim_start_ticks: self.ids.shim_start_ticks,
                worker_pid: self.ids.worker_pid,
                worker_start_ticks: self.ids.worker_start_ticks,
            },
        )?;
        store::tasks::set_worker_pid(tx.store(), &task.id, run.id, self.ids.worker_pid)?;
        if let Some(launch) = &self.launch {
            record_launch(tx, &run, launch)?;
        }
        let state = tx.move_run(&run, RunStep::Spawned)?;
        if is_news {
            let message = EventBody::Spawned { pid: self.ids.worker_pid };
            tx.event(&task, Some(run.id), &message)?;
        }
        let (profile, workspace) = breakers_of(tx, &run)?;
        for key in [profile, workspace].into_iter().flatten() {
            move_breaker(tx, &key, (&task, Some(run.id)), Breaker::after_success)?;
        }
        Ok(state)
    }
}
