//! Notices that an entry of a directory appeared, vanished or changed its mode: inotify(7), one instance per daemon.
//!
//! A notice carries no details on purpose. Between an event and the reaction to it everything may have
//! changed again, so the receiver looks at the file system and decides by what it finds. A lost event (the kernel's queue has
//! a limit) becomes a notice to every subscriber.
//!
//! The number of instances per user is limited (`fs.inotify.max_user_instances`), and programs that watch source trees use
//! them up. [`FileWatch::watch`] then fails, the caller looks from time to time instead and asks again: the instance is made by
//! the first call that succeeds.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

/// Which changes of a directory are of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    /// Entries of these names: made, removed, renamed, or with another mode or owner. And the directory itself.
    Entries(Vec<OsString>),
    /// The directory itself: removed, renamed, or its file system unmounted.
    Itself,
}

/// Watches directories. Clones share one inotify instance and one thread.
#[derive(Debug, Clone, Default)]
pub struct FileWatch {
    state: Arc<Mutex<State>>,
}

/// A directory that is watched; dropping this ends it. A notice that is under way may still arrive afterwards.
#[derive(Debug)]
#[must_use = "the watching ends when this is dropped"]
pub struct Watched {
    state: Arc<Mutex<State>>,
    directory: WatchDescriptor,
    subscriber: u64,
}

type OnChange = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct State {
    inotify: Option<Arc<Inotify>>,
    directories: HashMap<WatchDescriptor, Vec<Subscriber>>,
    last_subscriber: u64,
}

struct Subscriber {
    id: u64,
    interest: Interest,
    on_change: OnChange,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("directories", &self.directories.len())
            .finish_non_exhaustive()
    }
}

impl FileWatch {
    /// Calls `on_change` after each change of `directory` that is of `interest`, on the thread that all subscribers share: it
    /// must not wait. Nothing is reported about the time before the call returns; look afterwards.
    ///
    /// # Errors
    /// EMFILE without an inotify instance for this user, ENOSPC without a watch, ENOSYS without inotify; ENOENT, ENOTDIR, EACCES
    /// of the directory. Nothing is watched then.
    pub fn watch(
        &self,
        directory: &Path,
        interest: Interest,
        on_change: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Watched> {
        let mut state = lock(&self.state);
        let inotify = match &state.inotify {
            Some(inotify) => Arc::clone(inotify),
            None => {
                let inotify = Arc::new(Inotify::init(InitFlags::IN_CLOEXEC)?);
                start_thread(Arc::clone(&inotify), Arc::clone(&self.state))?;
                state.inotify = Some(Arc::clone(&inotify));
                inotify
            }
        };
        // Another subscriber of the same directory may want more than this one.
        let mask = mask_of(&interest) | AddWatchFlags::IN_ONLYDIR | ADD_TO_MASK;
        let watched = inotify.add_watch(directory, mask)?;
        state.last_subscriber += 1;
        let subscriber = state.last_subscriber;
        state.directories.entry(watched).or_default().push(Subscriber {
            id: subscriber,
            interest,
            on_change: Arc::new(on_change),
        });
        drop(state);
        Ok(Watched { state: Arc::clone(&self.state), directory: watched, subscriber })
    }
}

impl Watched {
    /// Whether changes are still noticed: the directory may be gone, or the instance may have failed.
    pub fn is_live(&self) -> bool {
        let state = lock(&self.state);
        let mut subscribers = state.directories.get(&self.directory).into_iter().flatten();
        subscribers.any(|subscriber| subscriber.id == self.subscriber)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let Some(subscribers) = state.directories.get_mut(&self.directory) else { return };
        subscribers.retain(|subscriber| subscriber.id != self.subscriber);
        if subscribers.is_empty() {
            state.directories.remove(&self.directory);
            if let Some(inotify) = &state.inotify {
                // EINVAL: the kernel ended it already, because the directory is gone.
                let _ended = inotify.rm_watch(self.directory).is_ok();
            }
        }
    }
}

/// IN_MASK_ADD of inotify_add_watch(2), which the library does not name.
const ADD_TO_MASK: AddWatchFlags = AddWatchFlags::from_bits_retain(nix::libc::IN_MASK_ADD);

fn mask_of(interest: &Interest) -> AddWatchFlags {
    let itself = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF;
    match interest {
        Interest::Itself => itself,
        Interest::Entries(_) => {
            itself
                | AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MOVE
                | AddWatchFlags::IN_ATTRIB
        }
    }
}

/// The thread lives as long as the process: it waits in read(2), and the instance is never given back.
fn start_thread(inotify: Arc<Inotify>, state: Arc<Mutex<State>>) -> io::Result<()> {
    let read = move || {
        loop {
            match inotify.read_events() {
                Ok(events) => events.iter().for_each(|event| notify(&state, event)),
                Err(Errno::EINTR) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot watch files any longer");
                    let subscribers = everybody(&state);
                    let mut guard = lock(&state);
                    (guard.inotify, guard.directories) = (None, HashMap::new());
                    drop(guard);
                    subscribers.iter().for_each(|on_change| on_change());
                    return;
                }
            }
        }
    };
    Builder::new().name("file-watch".to_owned()).spawn(read).map(drop)
}

/// Subscribers are called without the lock: they may end their watching.
fn notify(state: &Mutex<State>, event: &InotifyEvent) {
    if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
        tracing::warn!("too many file changes at once; checking every watched directory");
        everybody(state).iter().for_each(|on_change| on_change());
        return;
    }
    let mut guard = lock(state);
    let concerned: Vec<OnChange> = guard
        .directories
        .get(&event.wd)
        .into_iter()
        .flatten()
        .filter(|subscriber| concerns(&subscriber.interest, event.name.as_deref()))
        .map(|subscriber| Arc::clone(&subscriber.on_change))
        .collect();
    if event.mask.contains(AddWatchFlags::IN_IGNORED) {
        // The directory is gone, or its last subscriber.
        guard.directories.remove(&event.wd);
    }
    drop(guard);
    concerned.iter().for_each(|on_change| on_change());
}

/// An event without a name is about the directory itself.
fn concerns(interest: &Interest, name: Option<&OsStr>) -> bool {
    match (interest, name) {
        (_, None) => true,
        (Interest::Entries(names), Some(name)) => names.iter().any(|wanted| wanted == name),
        (Interest::Itself, Some(_)) => false,
    }
}

fn everybody(state: &Mutex<State>) -> Vec<OnChange> {
    let guard = lock(state);
    guard.directories.values().flatten().map(|one| Arc::clone(&one.on_change)).collect()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Each change of the map is one call, so a panic leaves it whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    fn watch(files: &FileWatch, directory: &Path, interest: Interest) -> (Watched, Receiver<()>) {
        let (sent, received) = channel();
        let on_change = move || sent.send(()).unwrap_or_default();
        (files.watch(directory, interest, on_change).unwrap(), received)
    }

    fn noticed(receiver: &Receiver<()>) {
        receiver.recv_timeout(Duration::from_secs(60)).expect("a notice");
        while receiver.try_recv().is_ok() {}
    }

    #[test]
    fn each_change_of_a_named_entry_is_noticed_and_others_are_not() {
        let temp = tempfile::tempdir().unwrap();
        let (file, other) = (temp.path().join("socket"), temp.path().join("other"));
        let files = FileWatch::default();
        let (_entry, changed) =
            watch(&files, temp.path(), Interest::Entries(vec!["socket".into()]));
        let (_last, all_seen) = watch(&files, temp.path(), Interest::Entries(vec!["end".into()]));
        std::fs::write(&other, "").unwrap();
        std::fs::write(temp.path().join("end"), "").unwrap();
        noticed(&all_seen);
        assert!(changed.try_recv().is_err(), "`other` is of no interest");
        std::fs::write(&file, "").unwrap();
        noticed(&changed);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
        noticed(&changed);
        std::fs::rename(&file, &other).unwrap();
        noticed(&changed);
        std::fs::rename(&other, &file).unwrap();
        noticed(&changed);
        std::fs::remove_file(&file).unwrap();
        noticed(&changed);
    }

    #[test]
    fn the_end_of_the_directory_is_noticed_whatever_the_interest() {
        let temp = tempfile::tempdir().unwrap();
        let files = FileWatch::default();
        for interest in [Interest::Itself, Interest::Entries(vec!["x".into()])] {
            let (directory, moved) = (temp.path().join("here"), temp.path().join("there"));
            std::fs::create_dir(&directory).unwrap();
            let (watched, changed) = watch(&files, &directory, interest);
            std::fs::rename(&directory, &moved).unwrap();
            noticed(&changed);
            assert!(watched.is_live());
            std::fs::remove_dir(&moved).unwrap();
            noticed(&changed);
            while watched.is_live() {
                std::thread::yield_now();
            }
            drop(watched);
        }
        assert!(lock(&files.state).directories.is_empty());
    }

    #[test]
    fn two_subscribers_of_a_directory_do_not_narrow_or_end_each_other() {
        let temp = tempfile::tempdir().unwrap();
        let files = FileWatch::default();
        let (first, changed) = watch(&files, temp.path(), Interest::Entries(vec!["x".into()]));
        let (second, _) = watch(&files, temp.path(), Interest::Itself);
        std::fs::write(temp.path().join("x"), "").unwrap();
        noticed(&changed);
        drop(second);
        std::fs::remove_file(temp.path().join("x")).unwrap();
        noticed(&changed);
        drop(first);
        assert!(lock(&files.state).directories.is_empty());
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let missing = temp.path().join("missing");
        let refused = FileWatch::default().watch(&missing, Interest::Itself, || {}).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::NotFound);
    }
}
