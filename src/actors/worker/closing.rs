//! The end of a run: its outcome is determined and recorded, and its files are removed.

use std::sync::Arc;
use std::time::Duration;

use actix::{ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::end::{self, EndLook, NoEnd};
use super::phase::Happening;
use super::recording::process_ids;
use super::seed::StartReport;
use super::{WRITE_AGAIN, Worker, evidence};
use crate::actors::apart::on_own_thread;
use crate::actors::database::Submit;
use crate::actors::root::messages::WorkerFinished;
use crate::kernel::outcome::Unheard;
use crate::kernel::run::{RunOutcome, RunState};
use crate::kernel::verbs::{CloseRun, RecordDoubt};
use crate::os::run_files::directory::RunIdentity;

/// How long what is left of a tree whose shim died may take to go when it is killed, before others get their turn.
const REMAINS_PATIENCE: Duration = Duration::from_millis(500);

/// How often the pause between looks at an unknown end is doubled: up to half a minute.
const DOUBT_PAUSE_DOUBLINGS: u32 = 5;

impl Worker {
    /// Finds out how the run ended (unless that is known already) and writes it down.
    pub(super) fn close(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        if self.end.is_some() {
            return self.submit_close(context);
        }
        if std::mem::replace(&mut self.is_end_looked_for, true) {
            return;
        }
        let was_shim_gone = self.is_shim_gone;
        let look = self.end_look();
        let look = on_own_thread("inspect", move || look.look());
        context.spawn(look.into_actor(self).map(move |found, worker, context| {
            worker.is_end_looked_for = false;
            let no_look = |error| NoEnd::Unknown(format!("cannot inspect its processes: {error}"));
            match found.map_err(no_look).flatten() {
                Ok(end) => {
                    worker.end = Some(end);
                    crate::failpoint::hit("exit-read");
                    worker.submit_close(context);
                }
                // It has died since: that look says more.
                Err(_) if worker.is_shim_gone != was_shim_gone => worker.close(context),
                Err(no_end) => worker.not_ended(no_end, context),
            }
        }));
    }

    fn end_look(&self) -> EndLook {
        let Self { run_id, run_dir, footing, spec, session_line, is_shim_gone, evidence, .. } =
            self;
        EndLook {
            supervision: Arc::clone(&self.deps.supervision),
            run_id: *run_id,
            run_dir: run_dir.clone(),
            footing: footing.clone(),
            spec: spec.clone(),
            log: self.deps.supervision.paths.log_path(&self.task_id, *run_id),
            session_line: session_line.clone(),
            is_shim_gone: *is_shim_gone,
            known: evidence.clone(),
            // Killing again and again is for the first time; after that a look now and then has to do.
            patience: if self.has_remains { Duration::ZERO } else { REMAINS_PATIENCE },
        }
    }

    fn not_ended(&mut self, no_end: NoEnd, context: &mut Context<Self>) {
        match no_end {
            NoEnd::Alive => {}
            NoEnd::Remains => {
                if !std::mem::replace(&mut self.has_remains, true) {
                    tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, "the shim died, but its processes cannot be killed; the slot stays occupied");
                }
                self.record_state(RunState::Unkillable, context);
            }
            NoEnd::Unknown(why) => self.tell_doubt(why, context),
        }
        self.close_later(context);
    }

    /// Unknown is not an end: look again, less often with each look, and keep the slot until then.
    fn close_later(&mut self, context: &mut Context<Self>) {
        let looks = self.doubt.as_ref().map_or(0, |(_, looks)| *looks);
        let pause = WRITE_AGAIN * (1 << looks.min(DOUBT_PAUSE_DOUBLINGS));
        context.run_later(pause, Self::close);
    }

    /// Writes into its row why nothing can be told of its end, when that is news.
    fn tell_doubt(&mut self, why: String, context: &mut Context<Self>) {
        if let Some((message, looks)) = &mut self.doubt
            && *message == why
        {
            *looks = looks.saturating_add(1);
            return;
        }
        tracing::error!(run = self.run_id, task = %self.task_id, board = %self.board, why, "cannot determine how the run ended; it keeps its slot");
        let verb = RecordDoubt { run_id: self.run_id, doubt: Some(why.clone()) };
        self.doubt = Some((why, 0));
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(|answer, worker, _| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, "cannot record that the state of a run is unknown");
                worker.doubt = None;
            }
        }));
    }

    pub(super) fn submit_close(&mut self, context: &mut Context<Self>) {
        let Some(end) = &self.end else { return };
        let mut evidence = evidence::without_secrets(end.evidence.clone(), &self.secrets);
        evidence.session.clone_from(&end.session);
        let outage = evidence.ended_at_ms.and_then(|at| self.deps.doors.outage_at(at));
        evidence.unheard = outage
            .map(|outage| Unheard { is_lasting: outage.until_ms.is_none(), cause: outage.cause });
        self.tell_missed_start(context);
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
                tracing::error!(run = worker.run_id, %error, "cannot record the end of a run");
                worker.on(Happening::CloseFailed, context);
            }
        }));
    }

    /// A short run's end may be learned before its start: the two come by different ways, and a daemon may have been away.
    /// Both are reported to the board, in their order.
    fn tell_missed_start(&mut self, context: &mut Context<Self>) {
        let Some(end) = &mut self.end else { return };
        let worktree = end.worktree.take();
        let identity = end.identity.take();
        if let (Some(worker), Some(shim)) = (&self.worker, &self.shim) {
            self.tell_start(process_ids(shim.identity(), worker), worktree, context);
        } else if let Some(RunIdentity { shim, worker: Some(worker), .. }) = identity {
            self.tell_start(process_ids(&shim, &worker), worktree, context);
            self.worker.get_or_insert(worker);
        }
    }

    /// From now on the record may go: the board has it. The directory of a run whose shim is gone goes as a whole.
    pub(super) fn collect(&mut self, context: &mut Context<Self>) {
        if self.is_shim_gone || self.shim.is_none() {
            return;
        }
        let (run_id, dir) = (self.run_id, self.run_dir.clone());
        let collected = on_own_thread("collect", move || end::collect(run_id, &dir));
        context.spawn(collected.into_actor(self).map(|_collected, worker, _| {
            if let Some(shim) = &mut worker.shim {
                shim.close_status();
            }
        }));
    }

    /// Removes what is left of a closed run, and ends this actor.
    pub(super) fn finish(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_finishing, true) {
            return;
        }
        if let Some(shim) = self.shim.take() {
            self.deps.live_runs.shims.remove(shim.identity());
            shim.reap();
        }
        self.deps.live_runs.remove(self.run_id);
        if let Some(worker) = &self.worker {
            self.deps.live_runs.shims.remove_worker(worker);
        }
        let (supervision, run_id) = (Arc::clone(&self.deps.supervision), self.run_id);
        let (dir, footing) = (self.run_dir.clone(), self.footing.clone());
        let spec = self.spec.take();
        let remove = move || end::remove(&supervision, (run_id, &dir), &footing, spec.as_ref());
        let removed = on_own_thread("remove", remove);
        context.spawn(removed.into_actor(self).map(|removed, worker, context| {
            if let Err(error) = removed {
                tracing::warn!(run = worker.run_id, %error, "cannot remove the files of a closed run; the next audit retries");
            }
            worker.deps.finished.tell(WorkerFinished { run_id: worker.run_id });
            context.stop();
        }));
    }
}
