//! One look of the doorkeeper: at the watches, at each socket, and what is done about one that is lost. It may wait for a disk, so it
//! has a thread of its own.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::actors::configuration::Configuration;
use crate::actors::doors::{Door, Doors, Loss, Maker, Way, remove_own};
use crate::actors::live::Live;
use crate::config::Settings;
use crate::config::worker_user::{DaemonUser, has_workers_of_others};
use crate::os::host::clock::epoch_ms;
use crate::os::host::file_watch::{FileWatch, Interest, Watched};
use crate::os::host::socket_file::{Act, Seen, decide};
use crate::os::workspaces::marked::FileIdentity;

/// The board and its journals, in the home.
const BOARD_FILES: [&str; 3] = ["kanban.db", "kanban.db-wal", "kanban.db-shm"];

/// A directory by its path and by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeIdentity {
    path: PathBuf,
    identity: Option<FileIdentity>,
}

impl HomeIdentity {
    /// The directory at `path` now.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity_of(path) }
    }

    /// Why nothing may be made at `path`: it lies in the home, and the home is gone.
    fn refusal(&self, path: &Path) -> Option<String> {
        let is_away = path.starts_with(&self.path) && identity_of(&self.path) != self.identity;
        is_away
            .then(|| format!("the home {} was renamed, removed or replaced", self.path.display()))
    }
}

fn identity_of(path: &Path) -> Option<FileIdentity> {
    std::fs::metadata(path).ok().map(|found| FileIdentity::of_metadata(&found))
}

/// Called when a watched file has changed, on a thread that must not wait.
pub(super) type Notify = Arc<dyn Fn() + Send + Sync>;

/// What a look needs.
#[derive(Clone)]
pub(super) struct Tending {
    pub(super) files: FileWatch,
    pub(super) doors: Doors,
    pub(super) home: HomeIdentity,
    pub(super) configuration: Live<Configuration>,
    pub(super) daemon_user: DaemonUser,
    pub(super) notify: Notify,
}

/// The watches that a look leaves to the next one.
#[derive(Default)]
pub(super) struct Watches {
    /// None where changes are not noticed.
    sockets: Option<Watching>,
    board: Option<Watched>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Both sockets lead in.
    pub(super) is_well: bool,
    /// A socket was made.
    pub(super) has_made: bool,
    /// Changes are noticed.
    pub(super) is_watching: bool,
}

/// The watches of the sockets' directory and of those above it.
struct Watching {
    /// The directory itself; none when it is missing, and the nearest one above it is watched instead.
    directory: Option<FileIdentity>,
    /// The first one is that of the directory.
    watches: Vec<Watched>,
}

/// Looks, and does what is to be done.
pub(super) fn look_at_doors(tending: &Tending, watches: &mut Watches) -> Found {
    crate::failpoint::hit("doors-look");
    // Before the look, so that nothing falls between the two.
    tending.watch(watches);
    let is_watching = watches.sockets.is_some();
    let looks =
        [Way::Operators, Way::Workers, Way::Courier].map(|way| tending.tend(way, is_watching));
    // A directory may have been made.
    tending.watch(watches);
    tending.watch_board(watches);
    Found {
        is_well: looks.iter().all(|look| look.is_well),
        has_made: looks.iter().any(|look| look.has_made),
        is_watching: watches.sockets.is_some(),
    }
}

/// What became of one socket.
struct Tended {
    is_well: bool,
    has_made: bool,
}

impl Tending {
    /// Looks at one socket and does what is to be done; whether it leads in afterwards.
    fn tend(&self, way: Way, is_watching: bool) -> Tended {
        let look = |door: &mut Door| (door.socket.clone(), door.file, door.lost.clone());
        let Some((socket, file, before)) = self.doors.with(way, look) else {
            return Tended { is_well: true, has_made: false };
        };
        let mut has_made = false;
        let seen = socket.look(file);
        let away = self.home.refusal(&socket.path);
        let may_make = self.doors.maker_of(way) == Maker::Daemon && away.is_none();
        let loss = |why: String| Loss {
            cause: format!("{}: {why}", socket.path.display()),
            is_mode: matches!(seen, Seen::Own(_)),
        };
        let lost = match decide(&seen, may_make) {
            Act::Nothing => self.closed_to_workers(way, &seen),
            Act::Make | Act::Replace => {
                // An outage, however short it is.
                self.note(way, Some(loss(seen.describe())), is_watching);
                let made = self.make(way, &seen);
                has_made = made.is_ok();
                made.err()
            }
            Act::Leave => Some(away.unwrap_or_else(|| seen.describe())),
        };
        let lost = lost.map(loss);
        if lost != before {
            self.tell(&socket.path, lost.as_ref().map(|lost| lost.cause.as_str()));
        }
        let is_well = lost.is_none();
        self.note(way, lost, is_watching);
        Tended { is_well, has_made }
    }

    fn note(&self, way: Way, lost: Option<Loss>, is_watching: bool) {
        self.doors.note(way, lost, epoch_ms(), is_watching);
    }

    /// A mode is an operator's to change. One that lets no worker in is an outage all the same.
    fn closed_to_workers(&self, way: Way, seen: &Seen) -> Option<String> {
        let Seen::Own(mode) = seen else { return None };
        let needed = bits_for_workers(&self.daemon_user, &self.configuration.settings());
        (way == Way::Workers && mode & needed != needed)
            .then(|| format!("{} and denies access to workers", seen.describe()))
    }

    /// Not while the sockets are locked: who closes a run asks for outages.
    fn make(&self, way: Way, seen: &Seen) -> Result<(), String> {
        let Some(socket) = self.doors.with(way, |door| door.socket.clone()) else { return Ok(()) };
        let made = socket.make().map_err(|error| error.to_string())?;
        let file = made.file;
        let take = |door: &mut Door| {
            door.file = Some(file);
            // Nobody receives it only when the API has ended, and the daemon with it.
            let _is_received = door.replace.send(made.listener).is_ok();
        };
        if self.doors.with(way, take).is_none() {
            // The daemon has ended meanwhile, and has removed its sockets.
            remove_own(&socket.path, Some(file));
            return Ok(());
        }
        tracing::warn!(socket = %socket.path.display(), why = seen.describe(), "recreating the socket");
        Ok(())
    }

    fn tell(&self, path: &Path, lost: Option<&str>) {
        match (lost, self.doors.maker()) {
            (Some(cause), Maker::ServiceManager { remedy }) => {
                tracing::error!(
                    cause,
                    remedy,
                    "the socket is gone; only the service manager can recreate it"
                );
            }
            (Some(cause), Maker::Daemon) => {
                tracing::error!(cause, "the socket is gone; clients cannot connect to it");
            }
            (None, _) => tracing::info!(socket = %path.display(), "the socket is reachable again"),
        }
    }
}

/// Watching.
impl Tending {
    /// Watches the directory that is now at the path of the sockets, unless it is watched already.
    fn watch(&self, watches: &mut Watches) {
        let Some((directory, names)) = self.doors.entries() else { return };
        let now = identity_of(&directory);
        let is_watched = watches.sockets.as_ref().is_some_and(|watching| {
            watching.directory == now && watching.watches.first().is_some_and(Watched::is_live)
        });
        if is_watched {
            return;
        }
        let watching = self.watch_nearest(&directory, names);
        let blind = watching.as_ref().err().map(ToString::to_string);
        self.doors.note_blind(blind);
        watches.sockets = watching.ok();
    }

    /// Watches the board's files, unless they are watched. Where that cannot be done the slow tick remains.
    fn watch_board(&self, watches: &mut Watches) {
        if watches.board.as_ref().is_some_and(Watched::is_live) {
            return;
        }
        let names = BOARD_FILES.map(OsString::from).to_vec();
        let notify = Arc::clone(&self.notify);
        watches.board =
            self.files.watch(&self.home.path, Interest::Entries(names), move || notify()).ok();
    }

    /// Watches for the entries `names` of `directory`, or for the directory itself in the nearest one that is there; and for those
    /// above being renamed.
    fn watch_nearest(&self, directory: &Path, mut names: Vec<OsString>) -> io::Result<Watching> {
        let notify = || {
            let notify = Arc::clone(&self.notify);
            move || notify()
        };
        let mut above = directory.ancestors();
        let mut watches = Vec::new();
        let mut is_there = true;
        for nearest in above.by_ref() {
            let interest = Interest::Entries(std::mem::take(&mut names));
            match self.files.watch(nearest, interest, notify()) {
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
            watches.extend(self.files.watch(further, Interest::Itself, notify()).ok());
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
