//! The start of a run: from its claim to a running shim, or to the one line that says why there is none and what is to blame.
//!
//! A start that has failed here does not count as one that never was. The shim may have been started all the
//! same (a holder that did not answer in time), so the files of the run are revoked first: only a run whose spec is gone before a
//! shim has begun ends as not started, and one that has begun is taken over like a run of an earlier daemon.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt as _, AsyncContext as _, Context, WrapFuture as _};
use tokio::sync::oneshot;

use super::making::{Known, Made, Making};
use super::not_launched::NotLaunched;
use super::phase::Happening;
use super::prepare::setup_limit;
use super::{Worker, without_secrets};
use crate::actors::accounts;
use crate::actors::apart::on_own_thread;
use crate::actors::live_runs::{LiveRun, RunToken};
use crate::config::worker_user::missing_user;
use crate::kernel::outcome::{Evidence, ProcessEnd};
use crate::kernel::start_fault::FailedStep;
use crate::kernel::verbs::RunOrder;
use crate::os::failure::in_words;
use crate::os::processes::spawn::{SpawnError, SpawnRequest};
use crate::os::processes::user::Account;
use crate::os::run_files::inspection::{Inspection, revoke};
use crate::os::run_files::redact::redacted;
use crate::os::run_files::signs::Footing;

/// Pause between looks at a run that may have begun although its start has failed.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

impl Worker {
    /// Finds out whose the worker is to be, and continues. The user database may be slow, so a thread of its own asks it.
    pub(super) fn launch(&mut self, order: Box<RunOrder>, context: &mut Context<Self>) {
        let name = match self.deps.start_inputs.worker_user(&order.profile) {
            Ok(None) => return self.launch_as(order, None, context),
            Ok(Some(name)) => name,
            Err(message) => {
                let failed = NotLaunched::at(FailedStep::User, message);
                return self.fail_launch(failed, context);
            }
        };
        let patience = self.deps.configuration.settings().supervision.spawn_timeout;
        let look = tokio::time::timeout(patience, accounts::look_up(name.clone()));
        context.spawn(look.into_actor(self).map(move |found, worker, context| {
            let failed = match found {
                Ok(Ok(Some(account))) => return worker.launch_as(order, Some(account), context),
                Ok(Ok(None)) => {
                    NotLaunched::at(FailedStep::User, missing_user(&order.profile, &name))
                }
                Ok(Err(error)) => NotLaunched::by(
                    FailedStep::UserLookUp,
                    &format!("cannot look up user `{name}`"),
                    &error,
                ),
                Err(_elapsed) => NotLaunched::at(
                    FailedStep::UserLookUp,
                    format!(
                        "cannot look up user `{name}`: no answer within {} ms",
                        patience.as_millis()
                    ),
                ),
            };
            worker.fail_launch(failed, context);
        }));
    }

    /// Has a thread make what has to be there before the shim is started, and starts it.
    fn launch_as(
        &mut self,
        order: Box<RunOrder>,
        user: Option<Account>,
        context: &mut Context<Self>,
    ) {
        let live = LiveRun {
            task_id: order.task.id.clone(),
            board: order.task.board.clone(),
            profile: order.profile.clone(),
            token: None,
        };
        let making = Making {
            start_inputs: Arc::clone(&self.deps.start_inputs),
            order,
            user,
            file_env: std::mem::take(&mut self.file_env),
            run_dir: self.run_dir.clone(),
        };
        let made = on_own_thread("prepare", move || making.make());
        context.spawn(made.into_actor(self).map(move |made, worker, context| {
            let no_thread = |error: &io::Error| {
                NotLaunched::by(FailedStep::RunFiles, "cannot prepare the start", error)
            };
            let Made { known, request } =
                made.unwrap_or_else(|error| Made { known: None, request: Err(no_thread(&error)) });
            if let Some(Known { launch, verdict_mode, secrets }) = known {
                (worker.launch, worker.verdict_mode) = (Some(launch), verdict_mode);
                worker.secrets = secrets;
            }
            match request {
                Ok(request) => worker.spawn(request, live, context),
                Err(failed) => worker.fail_launch(failed, context),
            }
        }));
    }

    /// Keeps what is known of the run from here on.
    fn take_request(&mut self, request: &SpawnRequest, live: LiveRun) {
        let SpawnRequest { spec, token, run_as, .. } = request;
        self.setup_limit = setup_limit(spec);
        self.session_line.clone_from(&spec.session_line);
        self.footing = Footing {
            leaf: spec.containment.as_ref().map(|groups| groups.leaf.clone()),
            is_others: run_as.is_some(),
            log: Some(spec.log.path.clone()),
            ..Footing::default()
        };
        self.spec = Some(without_secrets(spec.clone()));
        let live = LiveRun { token: RunToken::of(token), ..live };
        self.deps.live_runs.insert(self.run_id, live);
    }

    fn spawn(&mut self, request: SpawnRequest, live: LiveRun, context: &mut Context<Self>) {
        self.take_request(&request, live);
        let (reply, spawned) = oneshot::channel();
        self.deps.spawner.spawn(request, move |answer| drop(reply.send(answer)));
        let wait = async move { spawned.await.unwrap_or(Err(SpawnError::Panicked)) };
        context.spawn(wait.into_actor(self).map(|answer, worker, context| match answer {
            Ok(shim) => worker.watch_own(shim, context),
            Err(error) => worker.after_failed_spawn(NotLaunched::by_spawner(&error), context),
        }));
    }

    /// Makes sure that nothing is started later, and ends the run; takes it over when a shim has begun.
    fn after_failed_spawn(&mut self, failed: NotLaunched, context: &mut Context<Self>) {
        let dir = self.run_dir.clone();
        let revoked = on_own_thread("revoke", move || revoke(&dir));
        context.spawn(revoked.into_actor(self).map(move |revoked, worker, context| {
            match revoked.flatten() {
                Ok(true) => worker.fail_launch(failed, context),
                Ok(false) => {
                    tracing::warn!(
                        run = worker.run_id,
                        message = failed.message,
                        "a start reported as failed has succeeded"
                    );
                    worker.take_begun(failed, context);
                }
                Err(error) => {
                    tracing::error!(run = worker.run_id, %error, "cannot revoke a failed start; retrying");
                    context.run_later(LOOK_AGAIN * 20, |worker, context| {
                        worker.after_failed_spawn(failed, context);
                    });
                }
            }
        }));
    }

    /// Takes over a run whose shim was started although nobody has said so.
    fn take_begun(&mut self, failed: NotLaunched, context: &mut Context<Self>) {
        let (supervision, run_id) = (Arc::clone(&self.deps.supervision), self.run_id);
        let footing = self.footing.clone();
        let look =
            on_own_thread("inspect", move || supervision.inspect(run_id, &footing).inspection);
        context.spawn(look.into_actor(self).map(move |inspection, worker, context| {
            let unknown = |error: io::Error| Inspection::Unknown(in_words(&error));
            worker.take_as_found(inspection.unwrap_or_else(unknown), failed, context);
        }));
    }

    fn take_as_found(
        &mut self,
        inspection: Inspection,
        failed: NotLaunched,
        context: &mut Context<Self>,
    ) {
        match inspection {
            Inspection::Alive(processes) => {
                if self.watch_adopted(processes.shim, context) {
                    self.on(Happening::ShimStarted, context);
                    match processes.worker {
                        Some(worker) => self.worker_seen(worker, context),
                        None => self.look_for_worker(context),
                    }
                    if self.is_shim_gone {
                        self.on(Happening::ShimGone, context);
                    }
                }
            }
            Inspection::NeverStarted => self.fail_launch(failed, context),
            Inspection::Ended(_) | Inspection::ShimDied(_) => {
                self.is_shim_gone = true;
                self.on(Happening::LaunchFailed, context);
            }
            Inspection::Beginning(_) | Inspection::Unknown(_) => {
                context.run_later(LOOK_AGAIN, |worker, context| {
                    worker.take_begun(failed, context);
                });
            }
        }
    }

    pub(super) fn fail_launch(&mut self, failed: NotLaunched, context: &mut Context<Self>) {
        let NotLaunched { step, message, errno } = failed;
        let message = redacted(&message, &self.secrets);
        tracing::warn!(run = self.run_id, task = %self.task_id, board = %self.board, ?step, message, "cannot start a run");
        self.evidence = Some(Evidence::of(ProcessEnd::StartFailed { step, message, errno }));
        self.is_shim_gone = true;
        self.on(Happening::LaunchFailed, context);
    }
}
