//! Which shim belongs to which run, to identify a caller by its ancestors.
//!
//! A worker may connect before its shim's start has returned to the daemon. The spawner therefore holds the
//! registry from before the start until the new shim is entered: a look-up made meanwhile waits, and never
//! sees the worker outside every run.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockWriteGuard};

use crate::os::processes::identity::ProcessIdentity;

/// A shim in this boot: PID and start ticks.
type Key = (i32, u64);

/// Shims that are known, each with the row id of its run.
#[derive(Debug, Default)]
pub struct RunRegistry {
    runs: RwLock<HashMap<Key, i64>>,
    /// Workers by their PID, which is their session's number: start ticks and run.
    workers: RwLock<HashMap<i32, (u64, i64)>>,
}

/// The registry, held against every look-up until this is dropped.
#[derive(Debug)]
#[must_use = "look-ups go on as soon as this is dropped"]
pub struct RegistryHold<'a> {
    runs: RwLockWriteGuard<'a, HashMap<Key, i64>>,
}

impl RunRegistry {
    /// Holds every look-up back while a shim is being started.
    pub fn hold(&self) -> RegistryHold<'_> {
        // A panic between two steps leaves no half-made entry, so a poisoned lock is still right.
        RegistryHold { runs: self.runs.write().unwrap_or_else(PoisonError::into_inner) }
    }

    /// Enters a shim that was found running, as after a restart of the daemon.
    pub fn insert(&self, run_id: i64, shim: &ProcessIdentity) {
        self.hold().insert(run_id, shim);
    }

    /// The shim of a run that is known, when there is one: PID and start ticks.
    pub fn shim_of(&self, run_id: i64) -> Option<(i32, u64)> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.iter().find(|(_, of)| **of == run_id).map(|(shim, _)| *shim)
    }

    /// The worker of a run that is known, when there is one: PID and start ticks.
    pub fn worker_of(&self, run_id: i64) -> Option<(i32, u64)> {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        let found = workers.iter().find(|(_, (_, of))| *of == run_id);
        found.map(|(pid, (start_ticks, _))| (*pid, *start_ticks))
    }

    /// Takes a shim out, once its run is closed. Whether it was there.
    pub fn remove(&self, shim: &ProcessIdentity) -> bool {
        self.hold().runs.remove(&key(shim)).is_some()
    }

    /// Enters the worker of a run: the leader of a session.
    pub fn insert_worker(&self, run_id: i64, worker: &ProcessIdentity) {
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        workers.insert(worker.pid, (worker.start_ticks, run_id));
    }

    /// Takes a worker out, once its run is closed.
    pub fn remove_worker(&self, worker: &ProcessIdentity) {
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        if workers.get(&worker.pid).is_some_and(|(ticks, _)| *ticks == worker.start_ticks) {
            workers.remove(&worker.pid);
        }
    }

    /// Whether the worker of a run has been entered.
    pub fn has_worker(&self, run_id: i64) -> bool {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        workers.values().any(|(_, of)| *of == run_id)
    }

    /// The run whose worker's session `process` is in, given the number of that session. A session that is older than its
    /// member by name only (its number was given away) is none.
    pub fn find_session(&self, session: i32, process: &ProcessIdentity) -> Option<i64> {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        let (start_ticks, run_id) = workers.get(&session)?;
        (process.start_ticks >= *start_ticks).then_some(*run_id)
    }

    /// Whether a shim of a run has this PID. Nothing more can be told of a process that is hidden.
    pub fn has_pid(&self, pid: i32) -> bool {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.keys().any(|(shim, _)| *shim == pid)
    }

    /// The run of the nearest shim in `ancestry`, given from the caller upwards; none outside every run.
    pub fn find(&self, ancestry: &[ProcessIdentity]) -> Option<i64> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        ancestry.iter().find_map(|process| runs.get(&key(process)).copied())
    }
}

impl RegistryHold<'_> {
    /// Enters the shim that has just been started.
    pub fn insert(&mut self, run_id: i64, shim: &ProcessIdentity) {
        self.runs.insert(key(shim), run_id);
    }
}

fn key(process: &ProcessIdentity) -> Key {
    (process.pid, process.start_ticks)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;

    use super::*;

    fn process(pid: i32) -> ProcessIdentity {
        ProcessIdentity { boot_id: "b".to_owned(), pid, start_ticks: 100 }
    }

    #[test]
    fn a_caller_belongs_to_the_nearest_shim_above_it() {
        let registry = RunRegistry::default();
        registry.insert(1, &process(10));
        registry.insert(2, &process(20));
        assert_eq!(registry.find(&[process(30), process(20), process(10)]), Some(2));
        assert_eq!(registry.find(&[process(30), process(1)]), None);
        let reused = ProcessIdentity { start_ticks: 101, ..process(20) };
        assert_eq!(registry.find(&[reused, process(10)]), Some(1));
        assert!(registry.remove(&process(20)) && !registry.remove(&process(20)));
        assert_eq!(registry.find(&[process(20)]), None);
        assert!(registry.has_pid(10) && !registry.has_pid(20));
    }

    #[test]
    fn a_process_is_in_the_session_of_a_worker_that_is_not_younger() {
        let registry = RunRegistry::default();
        registry.insert_worker(1, &process(10));
        let older = ProcessIdentity { start_ticks: 99, ..process(30) };
        assert_eq!(registry.find_session(10, &process(30)), Some(1));
        assert_eq!(registry.find_session(10, &older), None);
        assert_eq!(registry.find_session(11, &process(30)), None);
        assert!(registry.has_worker(1) && !registry.has_worker(2));
        registry.remove_worker(&ProcessIdentity { start_ticks: 101, ..process(10) });
        assert_eq!(registry.find_session(10, &process(30)), Some(1));
        registry.remove_worker(&process(10));
        assert_eq!(registry.find_session(10, &process(30)), None);
    }

    #[test]
    fn a_look_up_during_a_start_waits_until_the_shim_is_known() {
        let registry = Arc::new(RunRegistry::default());
        let mut hold = registry.hold();
        let (asked, is_asked) = mpsc::channel();
        let (found, answer) = mpsc::channel();
        let looker = std::thread::spawn({
            let registry = Arc::clone(&registry);
            move || {
                asked.send(()).unwrap();
                found.send(registry.find(&[process(10)])).unwrap();
            }
        });
        is_asked.recv().unwrap();
        assert!(answer.try_recv().is_err());
        hold.insert(7, &process(10));
        drop(hold);
        assert_eq!(answer.recv().unwrap(), Some(7));
        looker.join().unwrap();
    }
}
