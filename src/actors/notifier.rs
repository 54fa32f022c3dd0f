//! Notifier: wakes the courier when there is something to send, and has it started where nobody else does.
//!
//! *Owns* nothing but the knowledge that a start is under way. *Receives* [`DrainOutbox`] from the root at its start, from the event hub
//! after each commit that has moved the outbox, and from the reloader. *Sends* nothing but the ring of the
//! [`OutboxBell`](crate::actors::outbox_bell::OutboxBell). *Restarts*: rebuilt; a courier that runs stays the only one by its lock.

pub mod messages;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::outbox_bell::OutboxBell;
use crate::config::notify_settings::StartCourier;
use crate::os::processes::helper::{program_beside, run_to_its_end};
use messages::DrainOutbox;

/// Name of the program that sends.
pub const COURIER: &str = "kanban-courier";

/// Pauses between two starts of it.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the notifier may reach.
#[derive(Clone)]
pub struct NotifierDeps {
    /// Wakes the courier.
    pub bell: OutboxBell,
    /// The settings.
    pub configuration: Live<Configuration>,
    /// Whether a service manager starts the courier.
    pub is_managed: bool,
    /// Its environment.
    pub env: BTreeMap<String, OsString>,
    /// Directory of the daemon's programs.
    pub program_dir: Option<PathBuf>,
    /// File for what it writes.
    pub output: PathBuf,
}

/// The actor.
pub struct Notifier {
    deps: NotifierDeps,
    is_started: bool,
    pause: Duration,
    _guard: Guard,
}

impl Notifier {
    /// A notifier that has started nothing yet.
    pub fn new(deps: NotifierDeps, guard: Guard) -> Self {
        Self { deps, is_started: false, pause: PAUSE_MIN, _guard: guard }
    }

    /// Starts the courier where that is wanted and it does not run.
    fn start_courier(&mut self, context: &mut Context<Self>) {
        let settings = self.deps.configuration.settings();
        let is_wanted = settings.notify.courier == StartCourier::Auto
            && !settings.channels.is_empty()
            && !self.deps.is_managed;
        if !is_wanted || self.is_started {
            return;
        }
        self.is_started = true;
        let NotifierDeps { env, program_dir, output, .. } = self.deps.clone();
        let run = on_own_thread("courier", move || {
            let program = program_beside(program_dir.as_deref(), COURIER)
                .ok_or_else(|| std::io::Error::other(format!("{COURIER} is not installed")))?;
            run_to_its_end(&program, &env, &output)
        });
        context.spawn(run.into_actor(self).map(|ended, notifier, context| {
            match ended.and_then(|ended| ended) {
                Ok(code) => tracing::warn!(code, "the courier has ended; starting another"),
                Err(error) => tracing::error!(%error, "cannot start the courier; trying again"),
            }
            let pause = notifier.pause;
            notifier.pause = (pause * 2).min(PAUSE_MAX);
            context.run_later(pause, |notifier, context| {
                notifier.is_started = false;
                notifier.start_courier(context);
            });
        }));
    }
}

impl Actor for Notifier {
    type Context = Context<Self>;
}

impl Handler<DrainOutbox> for Notifier {
    type Result = ();

    fn handle(&mut self, _message: DrainOutbox, context: &mut Context<Self>) {
        crate::failpoint::hit("notifier-drain");
        self.deps.bell.ring();
        self.start_courier(context);
    }
}
