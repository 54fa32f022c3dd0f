//! A run that shows no sign of life: it is settled at once, as timed out, and its processes go down the ladder.

use serde::{Deserialize, Serialize};

use crate::kernel::error::{Fault, VerbError};
use crate::kernel::ids::RunId;
use crate::kernel::outcome::{Evidence, ProcessEnd, VerdictMode};
use crate::kernel::store;
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::close_run::CloseRun;

/// Ends a run that made no progress. It is closed when its processes are gone, like every other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndStalledRun {
    /// The run.
    pub run_id: RunId,
    /// How long it had shown no sign of life, seconds.
    pub idle_seconds: i64,
}

impl Verb for EndStalledRun {
    /// False when the run had ended before.
    type Reply = bool;
    const NAME: &'static str = "end_stalled_run";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<bool, VerbError> {
        let run = store::runs::get(tx.store(), self.run_id)?
            .ok_or_else(|| Fault::Corrupt { what: "run id", value: self.run_id.to_string() })?;
        if run.ended_at.is_some() {
            return Ok(false);
        }
        let task = tx.reread(&run.task_id)?;
        let end = ProcessEnd::Stalled { idle_seconds: self.idle_seconds };
        let elapsed_seconds = Some((tx.now - run.started_at).max(0));
        let ended = CloseRun {
            run_id: run.id,
            verdict_mode: VerdictMode::Report,
            evidence: Evidence { elapsed_seconds, ..Evidence::of(end) },
            launch: None,
        };
        ended.settle(tx, &run, &task)?;
        Ok(true)
    }
}
