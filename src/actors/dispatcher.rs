//! Dispatcher: starts ready tasks when something has made it possible.
//!
//! *Owns* the tick. *Receives* [`Wake`] (a commit made something ready, or
//! freed a slot), [`DispatchNow`] from the API, [`Ping`] from the root,
//! [`SettingsChanged`] from the reloader. *Sends* [`StartReadyRuns`] to the database, [`StartWorker`] to the root, [`Arm`] to the timer.
//! *Restarts*: rebuilt; its first act is a pass, so nothing that was missed stays missed.
//!
//! Wakes are merged: one that arrives while a pass runs causes exactly one more pass afterwards. The tick
//! (`dispatch.interval_seconds`) is only a net. What is started is decided in [`crate::kernel::dispatch`], inside the
//! transaction that claims.

mod deps;
mod disk;
pub mod messages;
mod profiles;
mod requested;
mod reviews;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, ResponseFuture, SpawnHandle,
    WrapFuture as _,
};

use crate::actors::database::Submit;
use crate::actors::guard::Guard;
use crate::actors::path_looks;
use crate::actors::reloader::SettingsChanged;
use crate::actors::root::messages::StartWorker;
use crate::actors::timer::messages::Arm;
use crate::actors::worker::seed::WorkerSeed;
use crate::kernel::error::VerbError;
use crate::kernel::location::{Look, Looks};
use crate::kernel::verbs::{DispatchReport, PassMode, PassReply, StartReadyRuns, UnseenPath};
use crate::os::host::clock::epoch_seconds;
pub use deps::DispatcherDeps;
use messages::{DispatchNow, Ping, Wake};
use profiles::ProfileQuestions;
use requested::{dispatch_now, preview};

/// Pause after a pass that failed.
const PASS_AGAIN: Duration = Duration::from_secs(1);

/// First and longest pause between looks at a path of which nobody can tell where it leads.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
const LOOK_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How a path stands that tasks wait for.
enum Question {
    /// It is being looked at.
    UnderWay,
    /// It could not be told where it leads; it is looked at again then.
    Resting {
        /// When.
        until: Instant,
        /// How long the rest was.
        pause: Duration,
    },
}

/// The actor.
pub struct Dispatcher {
    deps: DispatcherDeps,
    is_passing: bool,
    is_wanted_again: bool,
    /// Paths that tasks wait for.
    questions: BTreeMap<String, Question>,
    /// What paths lead to, for the next pass.
    looks: Looks,
    /// Names that may be profiles.
    profiles: ProfileQuestions,
    next_tick: Option<SpawnHandle>,
    /// The next look at a disk that is nearly full.
    disk_look: Option<SpawnHandle>,
    is_held_by_disk: bool,
    _guard: Guard,
}

impl Dispatcher {
    /// A dispatcher that has not passed yet.
    pub fn new(deps: DispatcherDeps, guard: Guard) -> Self {
        Self {
            deps,
            is_passing: false,
            is_wanted_again: false,
            questions: BTreeMap::new(),
            looks: Looks::new(),
            profiles: ProfileQuestions::default(),
            next_tick: None,
            disk_look: None,
            is_held_by_disk: false,
            _guard: guard,
        }
    }

    fn pass(&mut self, context: &mut Context<Self>) {
        if self.is_passing {
            self.is_wanted_again = true;
            return;
        }
        self.is_passing = true;
        let database = self.deps.database.clone();
        let disk = self.deps.is_disk_low();
        let looks = std::mem::take(&mut self.looks);
        let submit = async move {
            let is_disk_low = disk.await;
            let verb = StartReadyRuns {
                mode: PassMode::Automatic,
                max: None,
                is_disk_low,
                looks,
                only: Vec::new(),
            };
            database.submit(Submit::by_system("dispatcher", verb)).await
        };
        context.spawn(submit.into_actor(self).map(|answer, dispatcher, context| {
            dispatcher.is_passing = false;
            match answer {
                Ok(reply) => dispatcher.after_pass(reply, context),
                Err(error) => {
                    tracing::error!(%error, "dispatch pass failed");
                    context.run_later(PASS_AGAIN, Self::pass);
                }
            }
        }));
    }

    fn after_pass(&mut self, reply: PassReply, context: &mut Context<Self>) {
        if !reply.orders.is_empty() {
            crate::failpoint::hit("claim-committed");
        }
        for order in reply.orders {
            tracing::info!(run = order.run_id, task = %order.task.id, board = %order.task.board, profile = order.profile, "run claimed");
            self.deps.count_wait(&order);
            let seed = WorkerSeed::Claimed(Box::new(order));
            self.deps.start_worker.tell(StartWorker { seed, started: None });
        }
        self.look_at(reply.unseen_paths, context);
        self.profiles.wanted = reply.wanted_profiles.iter().cloned().collect();
        self.look_for_profiles(reply.wanted_profiles, context);
        if let Some(at) = reply.next_due {
            // What is still due was not done; it is tried again, but not at once.
            let at = at.max(epoch_seconds().saturating_add(1));
            self.deps.arm.tell(Arm { at });
        }
        self.watch_disk(reply.held_by, context);
        if std::mem::take(&mut self.is_wanted_again) || reply.has_more {
            self.pass(context);
        }
    }

    /// Has threads look where paths lead; the pass after an answer can claim the tasks that name the path. A path without an
    /// answer holds up its own tasks and no others.
    fn look_at(&mut self, unseen: Vec<UnseenPath>, context: &mut Context<Self>) {
        self.questions.retain(|path, question| {
            matches!(question, Question::UnderWay) || unseen.iter().any(|asked| asked.path == *path)
        });
        for UnseenPath { path, profiles } in unseen {
            let pause = match self.questions.get(&path) {
                Some(Question::UnderWay) => continue,
                Some(Question::Resting { until, .. }) if Instant::now() < *until => continue,
                Some(Question::Resting { pause, .. }) => *pause,
                None => Duration::ZERO,
            };
            self.questions.insert(path.clone(), Question::UnderWay);
            let looker = self.deps.looker.clone();
            let asked = path.clone();
            let look = async move { looker.look(&asked, &profiles).await };
            let told_to_wait = path.clone();
            let impatience = context.run_later(path_looks::PATIENCE, move |dispatcher, context| {
                tracing::warn!(
                    path = told_to_wait,
                    "resolving a workspace path takes long; its tasks wait"
                );
                dispatcher.looks.insert(told_to_wait, path_looks::unanswered());
                dispatcher.pass(context);
            });
            context.spawn(look.into_actor(self).map(move |look, dispatcher, context| {
                context.cancel_future(impatience);
                dispatcher.answered(path, look, pause, context);
            }));
        }
    }

    fn answered(
        &mut self,
        path: String,
        look: Look,
        last_pause: Duration,
        context: &mut Context<Self>,
    ) {
        if let Look::Unknown { why } = &look {
            if last_pause.is_zero() {
                tracing::warn!(path, why, "cannot resolve a workspace path; its tasks wait");
            }
            let pause = (last_pause * 2).clamp(LOOK_PAUSE, LOOK_PAUSE_MAX);
            let question = Question::Resting { until: Instant::now() + pause, pause };
            self.questions.insert(path.clone(), question);
            context.run_later(pause, Self::pass);
        } else {
            self.questions.remove(&path);
        }
        self.looks.insert(path, look);
        self.pass(context);
    }

    fn tick(&mut self, context: &mut Context<Self>) {
        self.pass(context);
        let interval = self.deps.configuration.settings().dispatch.interval;
        self.next_tick = Some(context.run_later(interval, Self::tick));
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.look_for_agent(context);
        self.settle_reviews(context);
        self.tick(context);
    }
}

impl Handler<Wake> for Dispatcher {
    type Result = ();

    fn handle(&mut self, _wake: Wake, context: &mut Context<Self>) {
        crate::failpoint::hit("dispatcher-wake");
        self.pass(context);
    }
}

impl Handler<SettingsChanged> for Dispatcher {
    type Result = ();

    /// Under the new settings more may be startable, and the tick may have another length.
    fn handle(&mut self, _message: SettingsChanged, context: &mut Context<Self>) {
        if let Some(tick) = self.next_tick.take() {
            context.cancel_future(tick);
        }
        self.forget_profiles(context);
        self.settle_reviews(context);
        self.tick(context);
    }
}

impl Handler<Ping> for Dispatcher {
    type Result = ();

    /// The answer is that there is one: an actor that hangs takes no messages.
    fn handle(&mut self, _ping: Ping, _context: &mut Context<Self>) {}
}

impl Handler<DispatchNow> for Dispatcher {
    type Result = ResponseFuture<Result<DispatchReport, VerbError>>;

    fn handle(&mut self, message: DispatchNow, _context: &mut Context<Self>) -> Self::Result {
        crate::failpoint::hit("dispatcher-asked");
        let deps = self.deps.clone();
        Box::pin(async move {
            match message.policy_for_preview {
                Some(policy) => preview(&deps, &message.caller, &policy, message.max).await,
                None => dispatch_now(&deps, message).await,
            }
        })
    }
}
