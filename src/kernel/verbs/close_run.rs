//! `close_run`: the process tree of a run is proven empty. A run without a verdict is settled first.

use serde::{Deserialize, Serialize};

use crate::kernel::error::VerbError;
use crate::kernel::event::EventBody;
use crate::kernel::ids::RunId;
use crate::kernel::outcome::{Evidence, NextReads, VerdictMode, rule};
use crate::kernel::run::RunOutcome;
use crate::kernel::store;
use crate::kernel::store::runs::ProcessFacts;
use crate::kernel::task::TaskStatus;
use crate::kernel::tx::{Signal, Tx};
use crate::kernel::verb::Verb;
use crate::kernel::verbs::breaker_moves::release_probes;
use crate::kernel::verbs::ending::close_run;
use crate::kernel::verbs::launch::{Launch, record_launch};

/// The process tree of a run is proven empty.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloseRun {
    /// The run.
    pub run_id: RunId,
    /// How its launcher's workers report.
    pub verdict_mode: VerdictMode,
    /// How it ended.
    pub evidence: Evidence,
    /// With what it was started, when nobody recorded that before.
    pub launch: Option<Launch>,
}

/// What became of the run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloseReply {
    /// Its outcome.
    pub outcome: Option<RunOutcome>,
    /// Status of its task.
    pub task_status: TaskStatus,
    /// False when it had been closed before.
    pub closed: bool,
}

impl Verb for CloseRun {
    type Reply = CloseReply;
    const NAME: &'static str = "close_run";
    const MAY_USE_RESERVE: bool = true;

    fn run(&self, tx: &mut Tx<'_>) -> Result<CloseReply, VerbError> {
        let (run, task) = tx.run_and_task(self.run_id)?;
        if !run.is_open() {
            return Ok(CloseReply {
                outcome: run.outcome,
                task_status: task.status,
                closed: false,
            });
        }
        if let Some(launch) = self.launch.as_ref().filter(|_| run.argv.is_none()) {
            record_launch(tx, &run, launch)?;
        }
        if let Some(session) = &self.evidence.session {
            store::runs::set_session_if_none(tx.store(), run.id, session)?;
        }
        // What was just written has a say in what follows.
        let (run, task) = tx.run_and_task(self.run_id)?;
        if run.ended_at.is_none() {
            self.settle(tx, &run, &task)?;
        } else {
            self.move_host_breaker(tx, (&run, &task), None)?;
            release_probes(tx, &run, &task)?;
        }
        let (exit_code, signal) = self.evidence.exit();
        let (ended, task) = tx.run_and_task(self.run_id)?;
        let keeps_log =
            ended.outcome.is_some_and(|outcome| rule(outcome).next_reads == NextReads::ErrorAndLog);
        let facts = ProcessFacts {
            exit_code,
            signal,
            cpu_ms: self.evidence.cpu_ms,
            max_rss_bytes: self.evidence.max_rss_bytes,
            memory_peak_bytes: self.evidence.memory_peak_bytes,
            oom_kills: self.evidence.oom_kills,
            log_tail: self.evidence.log_tail.as_deref().filter(|_| keeps_log),
            errno: self.evidence.end.errno(),
        };
        close_run(tx, run.id, &facts)?;
        let message = EventBody::Closed { run_id: run.id, exit_code, signal };
        tx.event(&task, Some(run.id), &message)?;
        tx.signal(Signal::RunClosed { run_id: run.id, task_id: task.id.clone() });
        tx.signal(Signal::DispatchDue);
        Ok(CloseReply { outcome: ended.outcome, task_status: task.status, closed: true })
    }
}
