//! Doorkeeper: looks after the way in. A socket that was removed is made again; one that cannot be is told about. When it looks it
//! has the database look at the board's files too, so that their loss is logged although nobody writes.
//!
//! *Owns* the watches of the sockets' directory, the slow tick and the timer of the next try. *Receives* [`LookAtDoors`]. *Sends*
//! new sockets to the API, and what it saw to [`Doors`]. *Restarts*: rebuilt; its first act is a look, and what it has to know of
//! the sockets is in [`Doors`].
//!
//! Connections that are open continue whatever happens here: only the listener is exchanged. What somebody else has put at the
//! path is never removed, and neither is anything made where the home is not at its path any more, or where a service manager
//! made the sockets: then the loss is logged with what helps. Who has which part: [`crate::os::host::file_watch`] notices,
//! [`crate::os::host::socket_file`] looks, decides and makes.

pub mod messages;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix::{Actor, AsyncContext as _, Context, Handler, SpawnHandle};
use tokio::sync::watch;

use crate::actors::configuration::Configuration;
use crate::actors::database::Database;
use crate::actors::doors::{Door, Doors, Loss, Maker, Way};
use crate::actors::guard::Guard;
use crate::actors::live::Live;
use crate::actors::root::Life;
use crate::config::Settings;
use crate::config::worker_user::{DaemonUser, has_workers_of_others};
use crate::os::host::clock::epoch_ms;
use crate::os::host::file_watch::{FileWatch, Interest, Watched};
use crate::os::host::socket_file::{Act, Seen, decide};
use crate::os::workspaces::marked::FileIdentity;
use messages::LookAtDoors;

/// Pause between a notice and the look: several come together, and a directory that is being removed is gone by then.
const NOTICE_PAUSE: Duration = Duration::from_millis(50);

/// Least time between two sockets that are made: whoever removes them in a circle is not raced.
const MAKE_PAUSE: Duration = Duration::from_millis(200);

/// Pause before the first new try of what failed; each further one is twice as long, up to [`TRY_PAUSE_MAX`].
const TRY_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two tries, and between two looks where changes are not noticed.
const TRY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The board and its journals, in the home.
const BOARD_FILES: [&str; 3] = ["kanban.db", "kanban.db-wal", "kanban.db-shm"];

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
    pub home: HomePlace,
    /// The interval of the slow tick, and whose the workers are.
    pub configuration: Live<Configuration>,
    /// Whose the daemon is.
    pub daemon_user: DaemonUser,
    /// At the end of the daemon nothing is made any more.
    pub life: watch::Receiver<Life>,
}

/// A directory by its path and by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomePlace {
    path: PathBuf,
    identity: Option<FileIdentity>,
}

impl HomePlace {
    /// The directory at `path` now.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity_of(path) }
    }

    /// Why nothing may be made at `path`: it lies in the home, and the home is not there any more.
    fn refusal(&self, path: &Path) -> Option<String> {
        let is_away = path.starts_with(&self.path) && identity_of(&self.path) != self.identity;
        is_away
            .then(|| format!("the home {} was renamed, removed or replaced", self.path.display()))
    }
}

fn identity_of(path: &Path) -> Option<FileIdentity> {
    std::fs::metadata(path).ok().map(|found| FileIdentity::of_metadata(&found))
}

/// The actor.
pub struct Doorkeeper {
    deps: DoorkeeperDeps,
    /// None where changes are not noticed.
    watching: Option<Watching>,
    /// The watch of the board's files.
    board: Option<Watched>,
    next_look: Option<SpawnHandle>,
    try_pause: Duration,
    /// A change was noticed; the look at it is under way.
    is_noticed: bool,
    /// A socket was made a moment ago.
    is_resting: bool,
    _guard: Guard,
}

/// The watches of the sockets' directory and of those above it.
struct Watching {
    /// The directory itself; none when it is missing, and the nearest one above it is watched instead.
    directory: Option<FileIdentity>,
    /// The first one is that of the directory.
    watches: Vec<Watched>,
}

impl Doorkeeper {
    /// A doorkeeper that has not looked yet.
    pub fn new(deps: DoorkeeperDeps, guard: Guard) -> Self {
        Self {
            deps,
            watching: None,
            board: None,
            next_look: None,
            try_pause: TRY_PAUSE,
            is_noticed: false,
            is_resting: false,
            _guard: guard,
        }
    }

    fn look(&mut self, context: &mut Context<Self>) {
        if *self.deps.life.borrow() == Life::Ending || self.is_resting {
            return;
        }
        // Before the look, so that nothing falls between the two.
        self.watch(context);
        let are_well = [Way::Operators, Way::Workers].map(|way| self.tend(way, context));
        // A directory may have been made.
        self.watch(context);
        self.watch_board(context);
        self.deps.database.look_at_files();
        let pause = if are_well.contains(&false) {
            let pause = self.try_pause;
            self.try_pause = (pause * 2).min(TRY_PAUSE_MAX);
            pause
        } else {
            self.try_pause = TRY_PAUSE;
            let interval = self.deps.configuration.settings().dispatch.interval;
            if self.watching.is_some() { interval } else { interval.min(TRY_PAUSE_MAX) }
        };
        if let Some(next) = self.next_look.take() {
            context.cancel_future(next);
        }
        self.next_look = Some(context.run_later(pause, Self::look));
    }

    /// Looks at one socket and does what is to be done; whether it leads in afterwards.
    fn tend(&mut self, way: Way, context: &mut Context<Self>) -> bool {
        let look = |door: &mut Door| (door.socket.clone(), door.file, door.lost.clone());
        let Some((socket, file, before)) = self.deps.doors.with(way, look) else { return true };
        let seen = socket.look(file);
        let away = self.deps.home.refusal(&socket.path);
        let may_make = self.deps.doors.maker() == Maker::Daemon && away.is_none();
        let loss = |why: String| Loss {
            cause: format!("{}: {why}", socket.path.display()),
            is_mode: matches!(seen, Seen::Own(_)),
        };
        let lost = match decide(&seen, may_make) {
            Act::Nothing => self.closed_to_workers(way, &seen),
            Act::Make | Act::Replace => {
                // An outage, however short it is.
                self.note(way, Some(loss(seen.describe())));
                self.make(way, &seen, context).err()
            }
            Act::Leave => Some(away.unwrap_or_else(|| seen.describe())),
        };
        let lost = lost.map(loss);
        if lost != before {
            self.tell(&socket.path, lost.as_ref().map(|lost| lost.cause.as_str()));
        }
        let is_well = lost.is_none();
        self.note(way, lost);
        is_well
    }

    fn note(&self, way: Way, lost: Option<Loss>) {
        self.deps.doors.note(way, lost, epoch_ms(), self.watching.is_some());
    }

    /// A mode is an operator's to change. One that lets no worker in is an outage all the same.
    fn closed_to_workers(&self, way: Way, seen: &Seen) -> Option<String> {
        let Seen::Own(mode) = seen else { return None };
        let needed = bits_for_workers(&self.deps.daemon_user, &self.deps.configuration.settings());
        (way == Way::Workers && mode & needed != needed)
            .then(|| format!("{} and lets no worker in", seen.describe()))
    }

    fn make(&mut self, way: Way, seen: &Seen, context: &mut Context<Self>) -> Result<(), String> {
        let make = |door: &mut Door| -> Result<(), String> {
            let made = door.socket.make().map_err(|error| error.to_string())?;
            door.file = Some(made.file);
            // Nobody receives it only when the API has ended, and the daemon with it.
            let _is_received = door.replace.send(made.listener).is_ok();
            tracing::warn!(socket = %door.socket.path.display(), why = seen.describe(), "the socket is made again");
            Ok(())
        };
        self.deps.doors.with(way, make).unwrap_or(Ok(()))?;
        self.is_resting = true;
        context.run_later(MAKE_PAUSE, |keeper, context| {
            keeper.is_resting = false;
            keeper.look(context);
        });
        Ok(())
    }

    fn tell(&self, path: &Path, lost: Option<&str>) {
        match (lost, self.deps.doors.maker()) {
            (Some(cause), Maker::ServiceManager { remedy }) => {
                tracing::error!(
                    cause,
                    remedy,
                    "a socket is lost; only the service manager can make it again"
                );
            }
            (Some(cause), Maker::Daemon) => {
                tracing::error!(cause, "a socket is lost; nobody reaches the daemon by it");
            }
            (None, _) => tracing::info!(socket = %path.display(), "the socket is reachable again"),
        }
    }
}

/// Watching.
impl Doorkeeper {
    /// Watches the directory that is now at the path of the sockets, unless it is watched already.
    fn watch(&mut self, context: &mut Context<Self>) {
        let Some((directory, names)) = self.deps.doors.entries() else { return };
        let now = identity_of(&directory);
        let is_watched = self.watching.as_ref().is_some_and(|watching| {
            watching.directory == now && watching.watches.first().is_some_and(Watched::is_live)
        });
        if is_watched {
            return;
        }
        let watching = self.watch_nearest(&directory, names, context);
        let blind = watching.as_ref().err().map(ToString::to_string);
        self.deps.doors.note_blind(blind);
        self.watching = watching.ok();
    }

    /// Watches the board's files, unless they are watched. Where that cannot be done the slow tick remains.
    fn watch_board(&mut self, context: &mut Context<Self>) {
        if self.board.as_ref().is_some_and(Watched::is_live) {
            return;
        }
        let keeper = context.address();
        let names = BOARD_FILES.map(OsString::from).to_vec();
        let notify = move || keeper.do_send(LookAtDoors);
        self.board =
            self.deps.files.watch(&self.deps.home.path, Interest::Entries(names), notify).ok();
    }

    /// Watches for the entries `names` of `directory`, or for the directory itself in the nearest one that is there; and for those
    /// above being renamed.
    fn watch_nearest(
        &self,
        directory: &Path,
        mut names: Vec<OsString>,
        context: &mut Context<Self>,
    ) -> io::Result<Watching> {
        let keeper = context.address();
        let notify = move || keeper.do_send(LookAtDoors);
        let mut above = directory.ancestors();
        let mut watches = Vec::new();
        let mut is_there = true;
        for nearest in above.by_ref() {
            let interest = Interest::Entries(std::mem::take(&mut names));
            match self.deps.files.watch(nearest, interest, notify.clone()) {
                Ok(watched) => {
                    watches.push(watched);
                    break;
                }
                Err(error) if is_missing(&error) => {
                    is_there = false;
                    names.extend(nearest.file_name().map(ToOwned::to_owned));
                }
                Err(error) => return Err(error),
            }
        }
        for further in above {
            // One that may not be read cannot be watched; the slow tick remains.
            watches.extend(self.deps.files.watch(further, Interest::Itself, notify.clone()).ok());
        }
        let directory = identity_of(directory).filter(|_| is_there);
        Ok(Watching { directory, watches })
    }
}

/// Bits of the workers' socket without which a worker cannot connect.
fn bits_for_workers(daemon_user: &DaemonUser, settings: &Settings) -> u32 {
    if has_workers_of_others(daemon_user, settings) {
        0o002
    } else if daemon_user.uid == 0 {
        0
    } else {
        0o200
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
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
