//! The runs that have a worker now, as the API needs them to say who is calling.
//!
//! Written by the worker actors and the spawning thread, read by the API. A run is here from before its shim is started
//! until after it is closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::kernel::caller::Caller;
use crate::kernel::ids::{BoardName, RunId, TaskId};
use crate::os::identity::ProcessIdentity;
use crate::os::run_registry::RunRegistry;

/// What is known of a live run.
#[derive(Debug, Clone)]
pub struct LiveRun {
    /// Its task.
    pub task_id: TaskId,
    /// Its board.
    pub board: BoardName,
    /// Its profile.
    pub profile: String,
    /// The word that stands for it outside its process tree.
    pub token: String,
}

/// Shared between actors and API; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LiveRuns {
    /// Shims of the runs.
    pub shims: Arc<RunRegistry>,
    runs: Arc<RwLock<HashMap<RunId, Entry>>>,
}

/// A live run, and how often it has called.
#[derive(Debug)]
struct Entry {
    run: LiveRun,
    calls: AtomicU64,
    /// Goes with the entry: who listens hears that the run is over.
    over: watch::Sender<()>,
}

impl LiveRuns {
    /// Adds a run. One that is there already goes on as the same.
    pub fn insert(&self, run_id: RunId, run: LiveRun) {
        let mut runs = self.runs.write().unwrap_or_else(PoisonError::into_inner);
        match runs.get_mut(&run_id) {
            Some(entry) => entry.run = run,
            None => {
                let over = watch::Sender::new(());
                runs.insert(run_id, Entry { run, calls: AtomicU64::new(0), over });
            }
        }
    }

    /// Something that closes when the run is over; none when it is not live.
    pub fn over(&self, run_id: RunId) -> Option<watch::Receiver<()>> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id).map(|entry| entry.over.subscribe())
    }

    /// Removes a run.
    pub fn remove(&self, run_id: RunId) {
        self.runs.write().unwrap_or_else(PoisonError::into_inner).remove(&run_id);
    }

    /// Whether the run's processes may be there.
    pub fn contains(&self, run_id: RunId) -> bool {
        self.runs.read().unwrap_or_else(PoisonError::into_inner).contains_key(&run_id)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.runs.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The run whose process tree a process belongs to, given the process and its ancestors.
    pub fn find_by_ancestry(&self, ancestry: &[ProcessIdentity]) -> Option<RunId> {
        self.shims.find(ancestry)
    }

    /// The run that a token stands for. Every token is compared in full, whatever it begins with.
    pub fn find_by_token(&self, token: &str) -> Option<RunId> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for (run_id, entry) in runs.iter() {
            // A run whose token could not be read has none.
            if !token.is_empty() && is_same_word(&entry.run.token, token) {
                found = Some(*run_id);
            }
        }
        found
    }

    /// The run's token; none if the run is not live or its token could not be read.
    pub fn token(&self, run_id: RunId) -> Option<String> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id).map(|entry| entry.run.token.clone()).filter(|token| !token.is_empty())
    }

    /// The run's worker as the caller of one more request; none when the run is not live.
    pub fn caller(&self, run_id: RunId) -> Option<Caller> {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        let Entry { run, calls, .. } = runs.get(&run_id)?;
        calls.fetch_add(1, Ordering::Relaxed);
        Some(Caller::Worker {
            run_id,
            task_id: run.task_id.clone(),
            board: run.board.clone(),
            profile: run.profile.clone(),
        })
    }
}

impl LiveRuns {
    /// How often the run has called since this daemon knows it.
    pub fn calls(&self, run_id: RunId) -> u64 {
        let runs = self.runs.read().unwrap_or_else(PoisonError::into_inner);
        runs.get(&run_id).map_or(0, |entry| entry.calls.load(Ordering::Relaxed))
    }
}

/// Compares without telling by its duration where the two differ.
fn is_same_word(left: &str, right: &str) -> bool {
    let differences = left
        .bytes()
        .zip(right.bytes())
        .fold(0_u8, |differences, (left, right)| differences | (left ^ right));
    left.len() == right.len() && differences == 0 && !left.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_the_end_of_a_run_hears_of_its_removal_and_of_nothing_else() {
        let live_runs = LiveRuns::default();
        let run = LiveRun {
            task_id: TaskId::parse("t_1").unwrap(),
            board: BoardName::default(),
            profile: "dev".into(),
            token: "token".into(),
        };
        assert!(live_runs.over(1).is_none());
        live_runs.insert(1, run.clone());
        let over = live_runs.over(1).unwrap();
        // Its worker actor was built anew.
        live_runs.insert(1, run);
        assert!(over.has_changed().is_ok());
        live_runs.remove(1);
        assert!(over.has_changed().is_err());
    }

    #[test]
    fn words_are_the_same_only_in_full() {
        for (left, right, is_same) in
            [("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("", "", false)]
        {
            assert_eq!(is_same_word(left, right), is_same, "{left:?} {right:?}");
        }
    }
}
