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
use crate::kernel::verbs::{CloseRun, RecordDoubt};
use crate::os::run_files::directory::{self, RunIdentity, collect_exit, read_exit, read_identity};
use crate::os::run_files::inspection::{Inspected, Inspection, LossCause};
use crate::os::run_files::remains::Tree;

/// How long what is left of a tree whose shim died may take to go when it is killed, before others get their turn.
const REMAINS_PATIENCE: Duration = Duration::from_millis(500);

/// How often the pause between looks at an end that cannot be told is doubled: up to half a minute.
const DOUBT_PAUSE_DOUBLINGS: u32 = 5;

/// Why a run cannot be closed yet.
enum NoEnd {
    /// Its shim lives.
    Alive,
    /// Its shim died, and something of its tree is left.
    Remains,
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Worker {
    /// Finds out how the run ended (unless that is known already) and writes it down.
    pub(super) fn close(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        if self.evidence.is_none() {
            match self.find_evidence() {
                Ok(evidence) => self.evidence = Some(evidence),
                Err(NoEnd::Alive) => return self.close_later(context),
                Err(NoEnd::Remains) => {
                    if !std::mem::replace(&mut self.has_remains, true) {
                        tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, "its shim died, its processes do not; the slot stays taken");
                    }
                    self.record_state(RunState::Unkillable, context);
                    return self.close_later(context);
                }
                Err(NoEnd::Unknown(why)) => {
                    self.tell_doubt(why, context);
                    return self.close_later(context);
                }
            }
        }
        crate::failpoint::hit("exit-read");
        self.submit_close(context);
    }

    /// Unknown is not an end: look again, less often with each look, and keep the slot until then.
    fn close_later(&mut self, context: &mut Context<Self>) {
        let looks = self.doubt.as_ref().map_or(0, |(_, looks)| *looks);
        let pause = WRITE_AGAIN * (1 << looks.min(DOUBT_PAUSE_DOUBLINGS));
        context.run_later(pause, Self::close);
    }

    /// Writes into its row why nothing can be told of its end, when that is news.
    fn tell_doubt(&mut self, why: String, context: &mut Context<Self>) {
        if let Some((told, looks)) = &mut self.doubt
            && *told == why
        {
            *looks = looks.saturating_add(1);
            return;
        }
        tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, why, "it is not known how a run ended; it keeps its slot");
        let verb = RecordDoubt { run_id: self.run_id, doubt: Some(why.clone()) };
        self.doubt = Some((why, 0));
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, _| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, "a doubt cannot be recorded");
                worker.doubt = None;
            }
        }));
    }

    /// How the run ended, once its shim is gone and its tree is proven empty.
    fn find_evidence(&self) -> Result<Evidence, NoEnd> {
        let deps = &self.deps;
        let log = || evidence::log_tail(&deps.context.log_path(&self.task_id, self.run_id));
        if !self.is_shim_gone
            && let Ok(Some(record)) = read_exit(&self.run_dir)
        {
            return Ok(evidence::of_record(&record, log()));
        }
        let Inspected { inspection, spec } = deps.context.inspect(self.run_id, &self.footing);
        match &inspection {
            Inspection::Alive(_) | Inspection::Beginning(_) => return Err(NoEnd::Alive),
            Inspection::Unknown(why) => return Err(NoEnd::Unknown(why.clone())),
            Inspection::ShimDied(loss) if loss.cause != LossCause::OtherBoot => {
                // Waiting is for the first time; after that a look now and then has to do, others need this thread.
                let patience = if self.has_remains { Duration::ZERO } else { REMAINS_PATIENCE };
                let with = (spec.as_ref().or(self.spec.as_ref()), loss);
                match deps.context.end_remains(self.run_id, &self.footing, with, patience) {
                    Tree::Empty => {}
                    Tree::Some => return Err(NoEnd::Remains),
                    Tree::Unknown(why) => return Err(NoEnd::Unknown(why)),
                }
            }
            Inspection::ShimDied(_) | Inspection::Ended(_) | Inspection::NeverStarted => {}
        }
        evidence::of_inspection(&inspection, log()).ok_or(NoEnd::Alive)
    }

    pub(super) fn submit_close(&mut self, context: &mut Context<Self>) {
        let Some(evidence) = self.evidence.clone() else { return };
        let mut evidence = evidence::without_secrets(evidence, &self.secrets);
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
            self.record_prepared(context);
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
        self.deps.context.remove_leaf(self.run_id, &self.footing, self.spec.as_ref());
        if let Err(error) = directory::remove(&self.run_dir) {
            tracing::warn!(run = self.run_id, %error, "the files of a closed run could not be removed");
        }
        self.deps.finished.tell(WorkerFinished { run_id: self.run_id });
        context.stop();
    }
}
