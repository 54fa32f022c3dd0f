//! The end of a run: how it ended is found out, written down, and nothing of it is left.

use std::time::Duration;

use actix::{ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::phase::Happening;
use super::seed::StartReport;
use super::{WRITE_AGAIN, Worker, evidence, process_ids};
use crate::actors::database::Submit;
use crate::actors::root::messages::WorkerFinished;
use crate::kernel::outcome::{Evidence, ProcessEnd, Unheard};
use crate::kernel::run::{RunOutcome, RunState};
use crate::kernel::verbs::CloseRun;
use crate::os::remains::{end_remains, remove_leaf};
use crate::os::run_files::{self, RunIdentity, collect_exit, read_exit, read_identity};
use crate::os::run_inspection::{Inspection, inspect};

/// How long what is left of a tree whose shim died may take to go when it is killed, before others get their turn.
const REMAINS_PATIENCE: Duration = Duration::from_millis(500);

impl Worker {
    /// Finds out how the run ended (unless that is known already) and writes it down.
    pub(super) fn close(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        if self.evidence.is_none() {
            match self.find_evidence() {
                Some(evidence) => self.evidence = Some(evidence),
                None => {
                    if self.has_remains {
                        self.record_state(RunState::Unkillable, context);
                    }
                    // Unknown is not an end: look again, and keep the slot until then.
                    context.run_later(WRITE_AGAIN, Self::close);
                    return;
                }
            }
        }
        crate::failpoint::hit("exit-read");
        self.submit_close(context);
    }

    fn find_evidence(&mut self) -> Option<Evidence> {
        let log = || evidence::log_tail(&self.deps.context.log_path(&self.task_id, self.run_id));
        if !self.is_shim_gone
            && let Ok(Some(record)) = read_exit(&self.run_dir)
        {
            return Some(evidence::of_record(&record, log()));
        }
        let inspection = inspect(&self.run_dir)
            .inspect_err(|error| {
                tracing::error!(run = self.run_id, %error, "its end cannot be found out");
            })
            .ok()?;
        if let Inspection::ShimDied(identity) = &inspection {
            let worker = self.worker.as_ref().or(identity.worker.as_ref());
            // Waiting is for the first time; after that a look now and then has to do, others need this thread.
            let patience = if self.has_remains { Duration::ZERO } else { REMAINS_PATIENCE };
            if !end_remains(&self.run_dir, worker, self.deps.context.holder.as_ref(), patience) {
                if !std::mem::replace(&mut self.has_remains, true) {
                    tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, "its shim died, its processes do not; the slot stays taken");
                }
                return None;
            }
        }
        evidence::of_inspection(&inspection, log())
    }

    pub(super) fn submit_close(&mut self, context: &mut Context<Self>) {
        let Some(mut evidence) = self.evidence.clone() else { return };
        // Only after such an end is its session gone on with.
        if evidence.end == ProcessEnd::Exited(0) {
            let log = self.deps.context.log_path(&self.task_id, self.run_id);
            evidence.session =
                self.session_line.as_deref().and_then(|line| evidence::session_told(&log, line));
        }
        let outage = evidence.ended_at_ms.and_then(|at| self.deps.doors.outage_at(at));
        evidence.unheard = outage
            .map(|outage| Unheard { is_lasting: outage.until_ms.is_none(), cause: outage.cause });
        self.note_missed_start(&evidence, context);
        let verb = CloseRun {
            run_id: self.run_id,
            verdict_mode: self.verdict_mode,
            evidence,
            launch: self.launch.clone(),
        };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, context| match answer {
            Ok(reply) => {
                let outcome = reply.outcome.map(RunOutcome::as_str);
                tracing::info!(run = worker.run_id, task = %worker.task_id, board = %worker.board, outcome, "run closed");
                worker.deps.figures.count_closed(&worker.profile, outcome.unwrap_or("none"));
                let is_spawned = worker.worker.is_some();
                worker.report_start(if is_spawned {
                    StartReport::Spawned
                } else {
                    StartReport::Failed
                });
                worker.on(Happening::CloseCommitted, context);
            }
            Err(error) => {
                tracing::error!(run = worker.run_id, %error, "an end could not be recorded");
                worker.on(Happening::CloseFailed, context);
            }
        }));
    }

    /// A short run's end may be learned before its start: the two come by different ways, and a daemon may have been away.
    /// The board is told of both, in their order.
    fn note_missed_start(&mut self, evidence: &Evidence, context: &mut Context<Self>) {
        if self.worker.is_some() || matches!(evidence.end, ProcessEnd::NotStarted) {
            return;
        }
        if let Ok(Some(RunIdentity { shim, worker: Some(worker), .. })) =
            read_identity(&self.run_dir)
        {
            self.submit_spawned(process_ids(&shim, &worker), context);
            self.worker = Some(worker);
        }
    }

    /// From now on the record may go: the board has it.
    pub(super) fn collect(&mut self) {
        if self.shim.is_some()
            && let Err(error) = collect_exit(&self.run_dir)
        {
            tracing::debug!(run = self.run_id, %error, "no exit record to collect");
        }
        if let Some(shim) = &mut self.shim {
            shim.close_status();
        }
    }

    pub(super) fn finish(&mut self, context: &mut Context<Self>) {
        if let Some(shim) = self.shim.take() {
            self.deps.live_runs.shims.remove(shim.identity());
            shim.reap();
        }
        self.deps.live_runs.remove(self.run_id);
        if let Some(worker) = &self.worker {
            self.deps.live_runs.shims.remove_worker(worker);
        }
        remove_leaf(&self.run_dir);
        self.deps.context.containment().remove_leaf(self.run_id);
        if let Err(error) = run_files::remove(&self.run_dir) {
            tracing::warn!(run = self.run_id, %error, "the files of a closed run could not be removed");
        }
        self.deps.finished.tell(WorkerFinished { run_id: self.run_id });
        context.stop();
    }
}
