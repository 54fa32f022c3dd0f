//! Doorkeeper: looks after the way in. A socket that was removed is made again; one that cannot be is reported. When it looks it
//! has the database look at the board's files too, so that their loss is logged although nobody writes.
//!
//! *Owns* the watches of the sockets' directory, the slow tick and the timer of the next try. *Receives* [`LookAtDoors`]. *Sends*
//! new sockets to the API, and what it saw to [`Doors`]. *Restarts*: rebuilt; its first act is a look, and what it has to know of
//! the sockets is in [`Doors`].
//!
//! Connections that are open continue whatever happens here: only the listener is exchanged. What another program has put at the
//! path is never removed, and neither is anything made where the home is no longer at its path, or where a service manager
//! made the sockets: then the loss is logged with what helps. Who has which part: [`crate::os::host::file_watch`] notices,
//! [`crate::os::host::socket_file`] looks, decides and makes.

pub mod messages;
mod tending;

use std::sync::Arc;
use std::time::Duration;

use actix::fut::WrapFuture as _;
use actix::{Actor, ActorFutureExt as _, AsyncContext as _, Context, Handler, SpawnHandle};
use tokio::sync::watch;

use crate::actors::apart::on_own_thread;
use crate::actors::configuration::Configuration;
use crate::actors::database::Database;
use crate::actors::doors::Doors;
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::root::Life;
use crate::config::worker_user::DaemonUser;
use crate::os::host::file_watch::FileWatch;
use messages::LookAtDoors;
pub use tending::HomeIdentity;
use tending::{Found, Tending, Watches, look_at_doors};

/// Pause between a notice and the look: several come together, and a directory that is being removed is gone by then.
const NOTICE_PAUSE: Duration = Duration::from_millis(50);

/// Minimum time between two sockets that are made: a program that keeps removing them is not raced.
const MAKE_PAUSE: Duration = Duration::from_millis(200);

/// Pause before the first new try of what failed; each further one is twice as long, up to [`TRY_PAUSE_MAX`].
const TRY_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two tries, and between two looks where changes are not noticed.
const TRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the doorkeeper may reach.
#[derive(Clone)]
pub struct DoorkeeperDeps {
    /// Notices changes of files.
    pub files: FileWatch,
    /// The sockets.
    pub doors: Doors,
    /// The writer, which looks at the board's files.
    pub database: Database,
    /// The home, as it was when its lock was taken.
    pub home: HomeIdentity,
    /// The interval of the slow tick, and whose the workers are.
    pub configuration: Live<Configuration>,
    /// Whose the daemon is.
    pub daemon_user: DaemonUser,
    /// While the daemon shuts down nothing is made.
    pub life: watch::Receiver<Life>,
}

/// The actor.
pub struct Doorkeeper {
    deps: DoorkeeperDeps,
    watches: Watches,
    next_look: Option<SpawnHandle>,
    try_pause: Duration,
    /// A change was noticed; the look at it is under way.
    is_noticed: bool,
    /// A look is under way.
    is_looking: bool,
    /// Another one is wanted after it.
    is_wanted: bool,
    /// A socket was made a moment ago.
    is_resting: bool,
    _guard: Guard,
}

impl Doorkeeper {
    /// A doorkeeper that has not looked yet.
    pub fn new(deps: DoorkeeperDeps, guard: Guard) -> Self {
        Self {
            deps,
            watches: Watches::default(),
            next_look: None,
            try_pause: TRY_PAUSE,
            is_noticed: false,
            is_looking: false,
            is_wanted: false,
            is_resting: false,
            _guard: guard,
        }
    }

    fn look(&mut self, context: &mut Context<Self>) {
        if *self.deps.life.borrow() == Life::Ending || self.is_resting {
            return;
        }
        if self.is_looking {
            self.is_wanted = true;
            // The look at the sockets may hang; the database has a look of its own.
            self.deps.database.look_at_files();
            return;
        }
        self.is_looking = true;
        let keeper = context.address();
        let DoorkeeperDeps { files, doors, home, configuration, daemon_user, .. } =
            self.deps.clone();
        let notify = Arc::new(move || keeper.do_send(LookAtDoors));
        let tending = Tending { files, doors, home, configuration, daemon_user, notify };
        let mut watches = std::mem::take(&mut self.watches);
        let look = on_own_thread("doors", move || {
            let found = look_at_doors(&tending, &mut watches);
            (watches, found)
        });
        let looked = look.into_actor(self).map(|looked, keeper, context| {
            let found = match looked {
                Ok((watches, found)) => {
                    keeper.watches = watches;
                    found
                }
                Err(error) => {
                    tracing::error!(%error, "cannot inspect the sockets");
                    Found { is_well: false, has_made: false, is_watching: false }
                }
            };
            keeper.looked(found, context);
        });
        context.spawn(looked);
    }

    fn looked(&mut self, found: Found, context: &mut Context<Self>) {
        self.is_looking = false;
        self.deps.database.look_at_files();
        if found.has_made {
            self.is_resting = true;
            context.run_later(MAKE_PAUSE, |keeper, context| {
                keeper.is_resting = false;
                keeper.look(context);
            });
        }
        if std::mem::take(&mut self.is_wanted) {
            // While it rests, the look comes after that.
            self.look(context);
        }
        let pause = if found.is_well {
            self.try_pause = TRY_PAUSE;
            let interval = self.deps.configuration.settings().dispatch.interval;
            if found.is_watching { interval } else { interval.min(TRY_PAUSE_MAX) }
        } else {
            let pause = self.try_pause;
            self.try_pause = (pause * 2).min(TRY_PAUSE_MAX);
            pause
        };
        if let Some(next) = self.next_look.take() {
            context.cancel_future(next);
        }
        self.next_look = Some(context.run_later(pause, Self::look));
    }
}

impl Actor for Doorkeeper {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        crate::failpoint::hit("doorkeeper-look");
        self.look(context);
    }
}

impl Handler<LookAtDoors> for Doorkeeper {
    type Result = ();

    fn handle(&mut self, _message: LookAtDoors, context: &mut Context<Self>) {
        crate::failpoint::hit("doorkeeper-look");
        if !std::mem::replace(&mut self.is_noticed, true) {
            context.run_later(NOTICE_PAUSE, |keeper, context| {
                keeper.is_noticed = false;
                keeper.look(context);
            });
        }
    }
}
