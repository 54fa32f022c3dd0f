//! Notifier: wakes the courier when there is something to send, has it started where nobody else does, and has the programs of
//! channels started.
//!
//! *Owns* nothing but the knowledge of what is under way. *Receives* [`DrainOutbox`] from the root at its start, from the event hub
//! after each commit that has moved the outbox, and from the reloader. *Sends* the ring of the
//! [`OutboxBell`], and verbs of the outbox to the database for what programs send. *Restarts*: rebuilt; a courier that runs stays the only one by its lock.

pub mod messages;
mod programs;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};

use crate::actors::apart::on_own_thread;
use crate::actors::commands::Programs;
use crate::actors::configuration::Configuration;
use crate::actors::database::Database;
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::outbox_bell::OutboxBell;
use crate::config::notify_settings::{StartCourier, has_channels_of_courier};
use crate::os::home::lock::CourierLock;
use crate::os::processes::helper::{program_beside, run_to_its_end};
use messages::DrainOutbox;

/// Name of the program that sends.
pub const COURIER: &str = "kanban-courier";

/// Longest pause between two starts of it, whatever is configured for messages.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// After so long an end is no early one: it is no sign that the next one ends too.
const WORKED: Duration = Duration::from_secs(60);

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
    /// What the only one of this home holds.
    pub lock: PathBuf,
    /// Rows that programs of channels send.
    pub database: Database,
    /// Those programs.
    pub programs: Programs,
}

/// The actor.
pub struct Notifier {
    deps: NotifierDeps,
    is_started: bool,
    /// Ends in a row of couriers that had not worked long.
    early_ends: u32,
    running: programs::Running,
    _guard: Guard,
}

impl Notifier {
    /// A notifier that has started nothing yet.
    pub fn new(deps: NotifierDeps, guard: Guard) -> Self {
        Self {
            deps,
            is_started: false,
            early_ends: 0,
            running: programs::Running::default(),
            _guard: guard,
        }
    }

    /// Starts the courier where that is wanted and it does not run.
    fn start_courier(&mut self, context: &mut Context<Self>) {
        let settings = self.deps.configuration.settings();
        let is_wanted = settings.notify.courier == StartCourier::Auto
            && has_channels_of_courier(&settings.channels)
            && !self.deps.is_managed;
        if !is_wanted || self.is_started {
            return;
        }
        self.is_started = true;
        let NotifierDeps { env, program_dir, output, lock, .. } = self.deps.clone();
        let run = on_own_thread("courier", move || {
            let program = program_beside(program_dir.as_deref(), COURIER)
                .ok_or_else(|| std::io::Error::other(format!("{COURIER} is not installed")))?;
            // One that an earlier daemon has started goes on, and its end is waited for like that of one's own.
            CourierLock::wait_until_free(&lock)?;
            let begun = Instant::now();
            run_to_its_end(&program, &env, &output).map(|code| (code, begun.elapsed()))
        });
        context.spawn(run.into_actor(self).map(|ended, notifier, context| {
            let pause = notifier.pause_after(ended.and_then(|ended| ended));
            context.run_later(pause, |notifier, context| {
                notifier.is_started = false;
                notifier.start_courier(context);
            });
        }));
    }

    /// How long to wait until the next start.
    fn pause_after(&mut self, ended: std::io::Result<(Option<i32>, Duration)>) -> Duration {
        let has_worked = match ended {
            Ok((code, worked)) => {
                tracing::warn!(code, "the courier has ended; starting another");
                worked >= WORKED
            }
            Err(error) => {
                tracing::error!(%error, "cannot start the courier; trying again");
                false
            }
        };
        self.early_ends = if has_worked { 0 } else { self.early_ends.saturating_add(1) };
        let notify = &self.deps.configuration.settings().notify;
        pause(self.early_ends, notify.backoff_base, notify.backoff_max)
    }
}

/// The pause before a start: it doubles with every early end before it.
fn pause(early_ends: u32, base: Duration, max: Duration) -> Duration {
    let doubled = base.saturating_mul(1 << early_ends.saturating_sub(1).min(16));
    doubled.min(max).min(PAUSE_MAX)
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
        self.start_programs(context);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_courier_that_ends_at_once_is_started_less_and_less_often() {
        let (base, max) = (Duration::from_secs(1), Duration::from_secs(600));
        for (early_ends, seconds) in [(0, 1), (1, 1), (2, 2), (4, 8), (7, 60), (u32::MAX, 60)] {
            assert_eq!(pause(early_ends, base, max).as_secs(), seconds, "{early_ends}");
        }
        let short = Duration::from_millis(50);
        assert_eq!(pause(9, short, short), short, "as configured");
    }
}
