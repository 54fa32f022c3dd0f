//! What is reported of a run to the board while it goes on: its start, what was found about its worktree, its state.

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};

use super::end::worktree_report;
use super::seed::StartReport;
use super::{WRITE_AGAIN, Worker};
use crate::actors::apart::on_own_thread;
use crate::actors::database::Submit;
use crate::kernel::error::VerbError;
use crate::kernel::run::RunState;
use crate::kernel::verbs::{ProcessIds, RecordPrepared, RecordRunState, RecordSpawned};
use crate::os::processes::identity::ProcessIdentity;
use crate::os::workspaces::worktree_report::PreparedWorktree;

impl Worker {
    /// Tells the board who runs the run. What was found about its worktree, which a file says, is reported before that.
    pub(super) fn record_spawned(&mut self, context: &mut Context<Self>) {
        let (Some(worker), Some(shim)) = (&self.worker, &self.shim) else { return };
        let ids = process_ids(shim.identity(), worker);
        if self.spec.as_ref().is_some_and(|spec| spec.setup.is_none()) {
            return self.tell_start(ids, None, context);
        }
        let (run_id, dir) = (self.run_id, self.run_dir.clone());
        let read = on_own_thread("report", move || worktree_report(run_id, &dir));
        context.spawn(read.into_actor(self).map(|found, worker, context| {
            let worktree = found.unwrap_or_else(|error| {
                tracing::warn!(run = worker.run_id, %error, "cannot read the workspace report");
                None
            });
            worker.tell_start(ids, worktree, context);
        }));
    }

    /// Tells the board of the start, once.
    pub(super) fn tell_start(
        &mut self,
        ids: ProcessIds,
        worktree: Option<PreparedWorktree>,
        context: &mut Context<Self>,
    ) {
        if !std::mem::replace(&mut self.is_start_told, true) {
            if let Some(worktree) = worktree {
                self.submit_prepared(worktree, context);
            }
            self.submit_spawned(ids, context);
        }
    }

    /// Until the board has it, the run's file says the same.
    fn submit_prepared(&self, worktree: PreparedWorktree, context: &mut Context<Self>) {
        let PreparedWorktree { branch, is_reused, notes, changes: _ } = worktree.clone();
        let verb = RecordPrepared { run_id: self.run_id, branch, is_reused, notes };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(move |answer, worker, context| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, "cannot record the workspace report");
                if is_retryable(&error) {
                    context.run_later(WRITE_AGAIN, |worker, context| {
                        worker.submit_prepared(worktree, context);
                    });
                }
            }
        }));
    }

    fn submit_spawned(&mut self, ids: ProcessIds, context: &mut Context<Self>) {
        let (run_id, launch) = (self.run_id, self.launch.clone());
        let verb = RecordSpawned { run_id, ids: ids.clone(), launch };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(move |answer, worker, context| match answer {
            Ok(_) => {
                crate::failpoint::hit("spawn-recorded");
                worker.report_start(StartReport::Spawned);
            }
            Err(error) => {
                tracing::warn!(run = worker.run_id, %error, "cannot record a start");
                if is_retryable(&error) {
                    context.run_later(WRITE_AGAIN, |worker, context| {
                        worker.submit_spawned(ids, context);
                    });
                } else {
                    worker.report_start(StartReport::Unknown(error));
                }
            }
        }));
    }

    pub(super) fn record_state(&mut self, state: RunState, context: &mut Context<Self>) {
        let verb = RecordRunState { run_id: self.run_id, state };
        let database = self.deps.database.clone();
        let submit = async move { database.submit(Submit::by_system("worker", verb)).await };
        context.spawn(submit.into_actor(self).map(move |answer, worker, _| {
            if let Err(error) = answer {
                tracing::warn!(run = worker.run_id, %error, ?state, "cannot record a state");
            }
        }));
    }
}

pub(super) fn process_ids(shim: &ProcessIdentity, worker: &ProcessIdentity) -> ProcessIds {
    let ticks =
        |identity: &ProcessIdentity| i64::try_from(identity.start_ticks).unwrap_or(i64::MAX);
    ProcessIds {
        boot_id: shim.boot_id.clone(),
        shim_pid: i64::from(shim.pid),
        shim_start_ticks: ticks(shim),
        worker_pid: i64::from(worker.pid),
        worker_start_ticks: ticks(worker),
    }
}

fn is_retryable(error: &VerbError) -> bool {
    match error {
        VerbError::Failed(fault) => fault.is_retryable(),
        VerbError::Refused(_) => false,
    }
}
