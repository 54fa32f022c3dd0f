//! `record_run_state`: the processes of a run are being stopped, or cannot be killed.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::run::{RunState, RunStep};
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;

/// The processes of a run are being stopped, or will not stop.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordRunState {
    /// The run.
    pub run_id: RunId,
    /// The new state.
    pub state: RunState,
}

impl Verb for RecordRunState {
    type Reply = RunState;
    const NAME: &'static str = "record_run_state";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<RunState, VerbError> {
        let (run, task) = tx.run_and_task(self.run_id)?;
        let step = match self.state {
            RunState::Stopping => RunStep::StopAsked,
            RunState::Unkillable => RunStep::LadderExhausted,
            RunState::Starting | RunState::Running | RunState::Finishing | RunState::Closed => {
                return Ok(run.state);
            }
        };
        let state = tx.move_run(&run, step)?;
        if state == RunState::Unkillable && state != run.state {
            tx.event(&task, Some(run.id), &EventBody::Unkillable { run_id: run.id })?;
        }
        if state != run.state {
            tx.signal(Signal::RunStateMoved { task_id: task.id });
        }
        Ok(state)
    }
}
