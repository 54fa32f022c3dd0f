//! The state of the two sockets: their files, whether they are reachable, and when the workers' socket was not.
//!
//! Written by the [`doorkeeper`](crate::actors::doorkeeper), read by worker actors that close a run and by `doctor`. A worker
//! whose verdict had no way to the daemon has not failed: [`Doors::outage_at`] says so.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use crate::kernel::limits::WORKER_PATIENCE_SECONDS;
use crate::os::host::socket_file::SocketFile;
use crate::os::workspaces::marked::FileIdentity;

/// Outages that are remembered; more of them within the life of one run are one long one.
const OUTAGES_MAX: usize = 100;

/// Time after an outage in which a worker may still end because of it: as long as a worker's calls are repeated, milliseconds.
const AFTERMATH_MS: i64 = WORKER_PATIENCE_SECONDS.cast_signed() * 1000;

/// Longest time between a loss and the look that finds it, where changes are noticed, milliseconds.
const NOTICE_MS: i64 = 1_000;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// That of people and operators.
    Operators,
    /// That of workers.
    Workers,
    /// That of the courier.
    Courier,
}

/// Who made the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The daemon: it makes them again.
    Daemon,
    /// A service manager, which alone can make them again.
    ServiceManager {
        /// The command that makes it do so.
        remedy: &'static str,
    },
}

/// A socket and what is known of it.
#[derive(Debug)]
pub struct Door {
    /// As it is to be.
    pub socket: SocketFile,
    /// Its file; none when that could not be seen at the start.
    pub file: Option<FileIdentity>,
    /// Takes a socket that was made again.
    pub replace: UnboundedSender<UnixListener>,
    /// Why nobody comes in, while that is so.
    pub lost: Option<Loss>,
}

/// Why nobody comes in by a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// One line, with the path.
    pub cause: String,
    /// It is there, and its mode shuts workers out.
    pub is_mode: bool,
}

/// A time in which workers could not reach the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Its beginning, epoch milliseconds.
    pub from_ms: i64,
    /// The last time at which a worker may end because of it; none while it lasts.
    pub until_ms: Option<i64>,
    /// One line: why.
    pub cause: String,
}

/// How the watching goes, for `doctor`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoorsReport {
    /// Why changes of files are not noticed at once; none when they are.
    pub blind: Option<String>,
    /// Sockets by which nobody comes in, with the reason.
    pub lost: Vec<(PathBuf, Loss)>,
}

/// Shared by everybody who needs to know; cheap to clone.
#[derive(Debug, Clone)]
pub struct Doors {
    maker: Maker,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    operators: Option<Door>,
    workers: Option<Door>,
    courier: Option<Door>,
    courier_maker: Maker,
    /// The workers' one led in at this time, epoch milliseconds.
    seen_ms: i64,
    outages: VecDeque<Outage>,
    blind: Option<String>,
}

impl Default for Doors {
    /// No sockets and no outage: for tests without an API.
    fn default() -> Self {
        let inner = Inner {
            operators: None,
            workers: None,
            courier: None,
            courier_maker: Maker::Daemon,
            seen_ms: 0,
            outages: VecDeque::new(),
            blind: None,
        };
        Self { maker: Maker::Daemon, inner: Arc::new(Mutex::new(inner)) }
    }
}

impl Doors {
    /// The sockets of a daemon that begins to listen at `now_ms` (epoch milliseconds).
    pub fn new(maker: Maker, operators: Door, workers: Door, now_ms: i64) -> Self {
        let doors = Self { maker, ..Self::default() };
        let mut inner = doors.lock();
        (inner.operators, inner.workers) = (Some(operators), Some(workers));
        inner.seen_ms = now_ms;
        drop(inner);
        doors
    }

    /// Adds that of the courier. A service manager that made the others need not have made it.
    pub fn add_courier(&self, door: Door, maker: Maker) {
        let mut inner = self.lock();
        (inner.courier, inner.courier_maker) = (Some(door), maker);
    }

    /// Who made this one.
    pub fn maker_of(&self, way: Way) -> Maker {
        match way {
            Way::Operators | Way::Workers => self.maker,
            Way::Courier => self.lock().courier_maker,
        }
    }

    /// Whether there is a socket for the courier.
    pub fn has_courier(&self) -> bool {
        self.lock().courier.is_some()
    }

    /// Who made them.
    pub fn maker(&self) -> Maker {
        self.maker
    }

    /// Their directory, the same for all, and their names in it.
    pub fn entries(&self) -> Option<(PathBuf, Vec<OsString>)> {
        let inner = self.lock();
        let paths = [&inner.operators.as_ref()?.socket.path, &inner.workers.as_ref()?.socket.path];
        let directory = paths.first()?.parent()?.to_owned();
        let courier = inner.courier.as_ref().map(|door| &door.socket.path);
        let all = paths.iter().copied().chain(courier);
        let names = all.filter_map(|path| path.file_name()).map(ToOwned::to_owned);
        Some((directory, names.collect()))
    }

    /// Does something to a socket; none without one.
    pub fn with<T>(&self, way: Way, act: impl FnOnce(&mut Door) -> T) -> Option<T> {
        let mut inner = self.lock();
        match way {
            Way::Operators => inner.operators.as_mut().map(act),
            Way::Workers => inner.workers.as_mut().map(act),
            Way::Courier => inner.courier.as_mut().map(act),
        }
    }

    /// Notes what a look at `now_ms` found: `lost` says why nobody comes in by that socket, none that it leads in. The outage of
    /// the workers' one begins when it was last seen to lead in, or, where changes are noticed at once (`since_now`), a moment ago.
    pub fn note(&self, way: Way, lost: Option<Loss>, now_ms: i64, since_now: bool) {
        let mut inner = self.lock();
        if way == Way::Workers {
            inner.note_outage(lost.as_ref().map(|lost| lost.cause.as_str()), now_ms, since_now);
        }
        let door = match way {
            Way::Operators => inner.operators.as_mut(),
            Way::Workers => inner.workers.as_mut(),
            Way::Courier => inner.courier.as_mut(),
        };
        if let Some(door) = door {
            door.lost = lost;
        }
    }

    /// Notes why changes of files are not noticed at once, or that they are.
    pub fn note_blind(&self, blind: Option<String>) {
        self.lock().blind = blind;
    }

    /// Notes that perhaps no daemon was there between `from_ms` and `until_ms`, epoch milliseconds.
    pub fn note_absence(&self, from_ms: i64, until_ms: i64) {
        let cause = "no daemon was running".to_owned();
        self.lock().outages.push_front(Outage { from_ms, until_ms: Some(until_ms), cause });
    }

    /// The outage because of which the verdict of a worker that ended at `ended_at_ms` (epoch milliseconds) may not have arrived.
    pub fn outage_at(&self, ended_at_ms: i64) -> Option<Outage> {
        let inner = self.lock();
        inner.outages.iter().rev().find(|outage| outage.concerns(ended_at_ms)).cloned()
    }

    /// What `doctor` tells.
    pub fn report(&self) -> DoorsReport {
        let inner = self.lock();
        let doors = [&inner.operators, &inner.workers, &inner.courier].into_iter().flatten();
        let lost = doors.filter_map(|door| Some((door.socket.path.clone(), door.lost.clone()?)));
        DoorsReport { blind: inner.blind.clone(), lost: lost.collect() }
    }

    /// Removes the files of the sockets at the end, so that clients see at once that nobody is there, and forgets the sockets. What
    /// a service manager made stays, and so does what another program has put in their place.
    pub fn remove_files(&self) {
        let mut inner = self.lock();
        let doors = [
            (self.maker, inner.operators.take()),
            (self.maker, inner.workers.take()),
            (inner.courier_maker, inner.courier.take()),
        ];
        drop(inner);
        let own = doors.into_iter().filter(|(maker, _)| *maker == Maker::Daemon);
        for door in own.filter_map(|(_, door)| door) {
            remove_own(&door.socket.path, door.file);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is complete before the lock is given back.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the file of a socket, unless something else is at its path.
pub(super) fn remove_own(path: &Path, own: Option<FileIdentity>) {
    let there = std::fs::symlink_metadata(path).ok();
    let is_own = there.map(|there| FileIdentity::of_metadata(&there)) == own;
    if own.is_some()
        && is_own
        && let Err(error) = std::fs::remove_file(path)
    {
        tracing::debug!(path = %path.display(), %error, "the socket is already gone");
    }
}

impl Inner {
    fn note_outage(&mut self, lost: Option<&str>, now_ms: i64, since_now: bool) {
        let is_open = self.outages.back().is_some_and(|outage| outage.until_ms.is_none());
        match lost {
            Some(cause) if !is_open => {
                let from_ms =
                    if since_now { now_ms.saturating_sub(NOTICE_MS) } else { self.seen_ms };
                let cause = cause.to_owned();
                self.outages.push_back(Outage { from_ms, until_ms: None, cause });
                if self.outages.len() > OUTAGES_MAX {
                    self.outages.pop_front();
                }
            }
            Some(_) => {}
            None => {
                if let Some(outage) = self.outages.back_mut().filter(|_| is_open) {
                    outage.until_ms = Some(now_ms.saturating_add(AFTERMATH_MS));
                }
                self.seen_ms = now_ms;
            }
        }
    }
}

impl Outage {
    fn concerns(&self, ended_at_ms: i64) -> bool {
        (self.from_ms..=self.until_ms.unwrap_or(i64::MAX)).contains(&ended_at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone() -> Option<Loss> {
        Some(Loss { cause: "gone".into(), is_mode: false })
    }

    fn causes(doors: &Doors, times_ms: &[i64]) -> Vec<Option<String>> {
        times_ms.iter().map(|at| doors.outage_at(*at).map(|outage| outage.cause)).collect()
    }

    #[test]
    fn an_outage_lasts_from_its_loss_until_as_long_after_it_as_calls_are_repeated() {
        let doors = Doors::default();
        doors.note(Way::Workers, None, 1_000, true);
        doors.note(Way::Workers, gone(), 5_000, true);
        let message = || Some("gone".to_owned());
        assert_eq!(causes(&doors, &[3_999, 4_000, 900_000]), [None, message(), message()]);
        doors.note(Way::Workers, gone(), 6_000, true);
        doors.note(Way::Workers, None, 7_000, true);
        assert_eq!(
            causes(&doors, &[3_999, 4_000, 67_000, 67_001]),
            [None, message(), message(), None]
        );
    }

    #[test]
    fn where_changes_are_not_noticed_an_outage_may_have_begun_at_the_last_look() {
        let doors = Doors::default();
        doors.note(Way::Workers, None, 1_000, false);
        doors.note(Way::Workers, gone(), 60_000, false);
        assert_eq!(causes(&doors, &[999, 1_000]), [None, Some("gone".into())]);
    }

    #[test]
    fn the_loss_of_the_operators_socket_is_no_outage_of_the_workers() {
        let doors = Doors::default();
        doors.note(Way::Operators, gone(), 5_000, true);
        assert_eq!(doors.outage_at(5_000), None);
    }

    #[test]
    fn a_time_without_a_daemon_is_an_outage_without_an_aftermath() {
        let doors = Doors::default();
        doors.note_absence(1_000, 2_000);
        let absent = || Some("no daemon was running".to_owned());
        assert_eq!(causes(&doors, &[999, 1_000, 2_000, 2_001]), [None, absent(), absent(), None]);
    }
}
