//! Timer: has what is due at a time of day be done at that time.
//!
//! *Owns* the one timer on the wall clock. *Receives* [`Arm`] from the event hub (a commit has set a time) and from the dispatcher.
//! *Sends* [`FireTimer`] and [`MakeOccurrences`] to the database, [`Wake`] to the dispatcher. *Restarts*: rebuilt; its first act is to fire, so nothing
//! that was missed stays missed. The dispatcher's tick is the net below it: a pass also moves what is due, and arms the timer.
//!
//! The timer is on CLOCK_REALTIME ([`crate::os::host::wall_timer`]): a host that wakes from suspend and a clock that is set are
//! noticed at once. It is armed for the earliest time that anybody has named since it last fired; what the database says after firing
//! replaces that. What is due is decided in [`crate::kernel::store::due`].

pub mod messages;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, WrapFuture as _};
use tokio::io::unix::AsyncFd;

use crate::actors::database::{Database, Submit};
use crate::actors::dispatcher::messages::Wake;
use crate::actors::guard::Guard;
use crate::actors::readable::watch;
use crate::actors::wire::Wire;
use crate::kernel::error::VerbError;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::verbs::{FireTimer, MakeOccurrences, TimerReply};
use crate::os::host::clock::epoch_seconds;
use crate::os::host::wall_timer::{Report, WallTimer};
use messages::Arm;

/// Pause after a failure of the database or of the timer.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two tries to make occurrences that cannot be made: the disk is full, say. Seconds.
const OCCURRENCES_PAUSE_SECONDS: i64 = 60;

/// How far ahead it is armed when nothing is due, seconds: only an armed timer reports a clock that is set.
const NOTHING_DUE_SECONDS: i64 = 366 * 86_400;

/// What the timer may reach.
#[derive(Clone)]
pub struct TimerDeps {
    /// The writer.
    pub database: Database,
    /// The dispatcher.
    pub wake: Wire<Wake>,
}

/// The actor.
pub struct Timer {
    deps: TimerDeps,
    /// None until there was a descriptor for it.
    clock: Option<Arc<AsyncFd<WallTimer>>>,
    /// The earliest time that is known.
    next: Option<EpochSeconds>,
    is_firing: bool,
    is_wanted_again: bool,
    _guard: Guard,
}

impl Timer {
    /// A timer that has not looked yet.
    pub fn new(deps: TimerDeps, guard: Guard) -> Self {
        Self {
            deps,
            clock: None,
            next: None,
            is_firing: false,
            is_wanted_again: false,
            _guard: guard,
        }
    }

    /// Has what is due be done; a call meanwhile causes exactly one more.
    fn fire(&mut self, context: &mut Context<Self>) {
        if self.is_firing {
            self.is_wanted_again = true;
            return;
        }
        crate::failpoint::hit("timer-fire");
        self.is_firing = true;
        self.next = None;
        let database = self.deps.database.clone();
        let submit = async move {
            let fired = database.submit(Submit::by_system("timer", FireTimer)).await?;
            if !fired.has_occurrences {
                return Ok(fired);
            }
            match database.submit(Submit::by_system("timer", MakeOccurrences)).await {
                Ok(made) => Ok(TimerReply { has_more: fired.has_more || made.has_more, ..made }),
                Err(error) => {
                    tracing::error!(%error, "cannot make the occurrences of schedules; trying again");
                    let again = Some(epoch_seconds().saturating_add(OCCURRENCES_PAUSE_SECONDS));
                    Ok(TimerReply { next_due: earlier(fired.next_due, again), ..fired })
                }
            }
        };
        context.spawn(submit.into_actor(self).map(
            |answer: Result<TimerReply, VerbError>, timer, context| {
                timer.is_firing = false;
                match answer {
                    Ok(reply) => timer.fired(reply, context),
                    Err(error) => {
                        tracing::error!(%error, "cannot do what is due");
                        context.run_later(PAUSE, Self::fire);
                    }
                }
            },
        ));
    }

    fn fired(&mut self, reply: TimerReply, context: &mut Context<Self>) {
        crate::failpoint::hit("timer-fired");
        // What is still due was not done; it is tried again, but not at once.
        let soonest = epoch_seconds().saturating_add(1);
        self.next = earlier(self.next, reply.next_due.map(|at| at.max(soonest)));
        if reply.has_more || std::mem::take(&mut self.is_wanted_again) {
            self.fire(context);
        } else {
            self.arm(context);
        }
    }

    /// Arms the clock for the earliest time that is known.
    fn arm(&mut self, context: &mut Context<Self>) {
        let at = self.next.unwrap_or_else(|| epoch_seconds().saturating_add(NOTHING_DUE_SECONDS));
        match self.clock(context).and_then(|clock| clock.get_ref().arm(at)) {
            Ok(Report::ClockSet) => self.reported(Report::ClockSet, context),
            Ok(Report::Reached | Report::Nothing) => {}
            Err(error) => {
                tracing::error!(%error, "cannot arm the timer; trying again");
                context.run_later(PAUSE, Self::arm);
            }
        }
    }

    /// The clock, made and watched at the first call that succeeds.
    fn clock(&mut self, context: &mut Context<Self>) -> io::Result<Arc<AsyncFd<WallTimer>>> {
        if let Some(clock) = &self.clock {
            return Ok(Arc::clone(clock));
        }
        let clock = watch(WallTimer::new()?)?;
        let clock = Arc::new(clock);
        self.clock = Some(Arc::clone(&clock));
        self.watch(Arc::clone(&clock), context);
        Ok(clock)
    }

    fn reported(&mut self, report: Report, context: &mut Context<Self>) {
        if report == Report::ClockSet {
            tracing::info!("the clock was set");
        }
        self.fire(context);
        // The end of a back-off, of a claim or of a long wait is for a pass to act on.
        self.deps.wake.tell(Wake);
    }

    /// Fires each time that the clock reports something.
    fn watch(&self, clock: Arc<AsyncFd<WallTimer>>, context: &mut Context<Self>) {
        let watched = Arc::clone(&clock);
        let report = async move { next_report(&watched).await };
        context.spawn(report.into_actor(self).map(|report, timer, context| match report {
            Ok(report) => {
                timer.reported(report, context);
                timer.watch(clock, context);
            }
            Err(error) => {
                tracing::error!(%error, "cannot read the timer; making another");
                timer.clock = None;
                context.run_later(PAUSE, Self::fire);
            }
        }));
    }
}

/// The earlier of two times.
fn earlier(one: Option<EpochSeconds>, other: Option<EpochSeconds>) -> Option<EpochSeconds> {
    [one, other].into_iter().flatten().min()
}

/// Waits until the clock has something to report.
async fn next_report(clock: &AsyncFd<WallTimer>) -> io::Result<Report> {
    loop {
        let mut ready = clock.readable().await?;
        match clock.get_ref().take()? {
            Report::Nothing => ready.clear_ready(),
            report => return Ok(report),
        }
    }
}

impl Actor for Timer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.fire(context);
    }
}

impl Handler<Arm> for Timer {
    type Result = ();

    fn handle(&mut self, Arm { at }: Arm, context: &mut Context<Self>) {
        if self.next.is_some_and(|next| next <= at) {
            return;
        }
        self.next = Some(at);
        if !self.is_firing {
            self.arm(context);
        }
    }
}
