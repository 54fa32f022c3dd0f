//! Detection that a run was started: by the status pipe of our own shim, by the files of an adopted run.
//!
//! An adopted shim has no status pipe that leads here, so the run's directory is watched until the worker is seen. Where changes are
//! not noticed, the slow tick looks.

use std::time::Duration;

use actix::{
    ActorContext as _, ActorFutureExt as _, AsyncContext as _, Context, Handler, Message,
    WrapFuture as _,
};

use super::phase::{Happening, Phase};
use super::prepare::setup_limit;
use super::seed::AdoptedRun;
use super::start_signs::{StartWatch, WorkerSign, watch_identity, worker_below, worker_by_files};
use super::watch::ShimWatch;
use super::{Worker, without_secrets};
use crate::actors::apart::on_own_thread;
use crate::kernel::actor::Actor;
use crate::kernel::run::{Run, RunState};
use crate::os::host::file_watch::Watched;
use crate::os::processes::identity::ProcessIdentity;
use crate::os::processes::spawn::SpawnedShim;
use crate::os::run_files::directory::RunSpec;

/// Longest pause between two looks where changes are not noticed.
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The file that says who runs a run may have changed. From the watch of its directory.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct IdentityChanged;

impl Worker {
    pub(super) fn watch_own(&mut self, shim: SpawnedShim, context: &mut Context<Self>) {
        self.footing.shim = Some(shim.identity.clone());
        self.shim = Some(ShimWatch::own(shim, context.address().recipient()));
        self.on(Happening::ShimStarted, context);
    }

    pub(super) fn adopt(&mut self, adopted: AdoptedRun, context: &mut Context<Self>) {
        // Known to the API already, or, after a panic, still.
        let AdoptedRun { run, processes, footing, spec, verdict_mode, .. } = adopted;
        self.footing = footing;
        self.verdict_mode = verdict_mode;
        self.take_spec(spec);
        if !self.watch_adopted(processes.shim, context) {
            return;
        }
        self.on(Happening::ShimStarted, context);
        match processes.worker {
            Some(worker) => self.worker_seen(worker, context),
            None => self.look_for_worker(context),
        }
        self.apply_row(&run, context);
        if self.is_shim_gone {
            self.on(Happening::ShimGone, context);
        }
    }

    /// Takes what the spec of a run says that another actor, or another daemon, has started.
    pub(super) fn take_spec(&mut self, spec: Option<RunSpec>) {
        if let Some(spec) = &spec {
            self.setup_limit = setup_limit(spec);
            self.session_line.clone_from(&spec.session_line);
            self.secrets.clone_from(&spec.log.redact);
        }
        self.spec = spec.map(without_secrets);
    }

    /// Watches a shim that this actor has not started; false when that cannot be done, and this actor ends.
    pub(super) fn watch_adopted(
        &mut self,
        shim: ProcessIdentity,
        context: &mut Context<Self>,
    ) -> bool {
        self.deps.live_runs.shims.insert(self.run_id, &shim);
        self.footing.shim = Some(shim.clone());
        match ShimWatch::adopted(shim, context.address().recipient()) {
            Ok(Some(watch)) => self.shim = Some(watch),
            Ok(None) => self.is_shim_gone = true,
            Err(error) => {
                tracing::warn!(run = self.run_id, %error, "cannot watch an adopted shim; the next audit retries");
                context.stop();
                return false;
            }
        }
        true
    }

    pub(super) fn arm_spawn_timeout(&mut self, context: &mut Context<Self>) {
        let spawn_timeout = self.deps.configuration.settings().supervision.spawn_timeout;
        self.arm_for(spawn_timeout + self.setup_limit, context, Self::spawn_timeout);
    }

    pub(super) fn worker_seen(&mut self, worker: ProcessIdentity, context: &mut Context<Self>) {
        if self.worker.is_none() {
            self.deps.live_runs.shims.insert_worker(self.run_id, &worker);
            self.footing.worker = Some(worker.clone());
            self.worker = Some(worker);
            if let Some(claimed) = self.claimed.take() {
                self.deps.figures.start_time_us.see_time(claimed.elapsed());
            }
            self.watching_start = None;
            self.watch_time_limits(context);
            self.on(Happening::WorkerStarted, context);
        }
    }

    /// What the row says may be newer than what this actor was told.
    pub(super) fn apply_row(&mut self, run: &Run, context: &mut Context<Self>) {
        if run.ended_at.is_none() {
            return;
        }
        self.linger_from = run.ended_at;
        let by_worker = run.verdict_by.as_deref().map(Actor::from) == Some(Actor::Run(run.id));
        let by_worker = by_worker && run.state == RunState::Finishing;
        self.on(Happening::Verdict { by_worker }, context);
    }

    /// Looks whether the worker of an adopted run was started, now and whenever its directory changes, until it is seen.
    pub(super) fn look_for_worker(&mut self, context: &mut Context<Self>) {
        let is_over = matches!(self.phase, Phase::Closing | Phase::Closed);
        if self.worker.is_some() || is_over {
            self.watching_start = None;
            return;
        }
        let watching = self.watching_start.get_or_insert_default();
        if std::mem::replace(&mut watching.is_looking, true) {
            watching.is_changed = true;
            return;
        }
        let watched = watching.watched.take().filter(Watched::is_live);
        let (files, dir, worker) =
            (self.deps.files.clone(), self.run_dir.clone(), context.address());
        let look = on_own_thread("inspect", move || {
            // Before the look, so that nothing falls between the two.
            let notify = move || worker.do_send(IdentityChanged);
            let watched = watched.or_else(|| watch_identity(&files, &dir, notify));
            (watched, worker_by_files(&dir))
        });
        context.spawn(look.into_actor(self).map(|found, worker, context| {
            let (watched, sign) = found.unwrap_or((None, WorkerSign::Unknown));
            worker.after_look(watched, sign, context);
        }));
    }

    fn after_look(
        &mut self,
        watched: Option<Watched>,
        sign: WorkerSign,
        context: &mut Context<Self>,
    ) {
        let is_noticed = watched.is_some();
        let watching = StartWatch { watched, ..StartWatch::default() };
        let before = self.watching_start.replace(watching).unwrap_or_default();
        if let WorkerSign::Seen(process) = sign {
            self.worker_seen(process, context);
        } else if before.is_changed {
            self.look_for_worker(context);
        } else if !is_noticed {
            let interval = self.deps.configuration.settings().dispatch.interval;
            context.run_later(interval.min(LOOK_PAUSE_MAX), Self::look_for_worker);
        }
    }

    /// The time for a start is over. It counts from when this daemon armed it, and the daemon may have stood still meanwhile: so
    /// the start is looked for once more, and a run of which nobody can say whether it has begun is not ended.
    fn spawn_timeout(&mut self, context: &mut Context<Self>) {
        let dir = self.run_dir.clone();
        let shim = self.shim.as_ref().map(|shim| (shim.identity().clone(), shim.is_own()));
        let look = on_own_thread("inspect", move || {
            let is_own = shim.as_ref().is_some_and(|(_, is_own)| *is_own);
            match (worker_by_files(&dir), is_own) {
                // It would say so through its status pipe as well.
                (WorkerSign::Unknown, true) => WorkerSign::NotYet,
                (WorkerSign::Unknown, false) => worker_below(shim.map(|(shim, _)| shim).as_ref()),
                (sign, _) => sign,
            }
        });
        context.spawn(look.into_actor(self).map(|sign, worker, context| {
            // Whatever came meanwhile has a timer of its own.
            if worker.worker.is_some() || worker.phase != Phase::Starting {
                return;
            }
            match sign.unwrap_or(WorkerSign::Unknown) {
                WorkerSign::Seen(process) => worker.worker_seen(process, context),
                WorkerSign::NotYet => worker.on(Happening::SpawnTimeout, context),
                WorkerSign::Unknown => {
                    tracing::warn!(
                        run = worker.run_id,
                        "cannot determine whether the worker was started; retrying"
                    );
                    worker.arm_spawn_timeout(context);
                }
            }
        }));
    }
}

impl Handler<IdentityChanged> for Worker {
    type Result = ();

    fn handle(&mut self, _message: IdentityChanged, context: &mut Context<Self>) {
        self.look_for_worker(context);
    }
}
