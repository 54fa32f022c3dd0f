//! The runs that have a worker now, as the API needs them to say who is calling.
//!
//! Written by the worker actors and the spawning thread, read by the API. A run is here from before its shim is started
//! until after it is closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

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
}

impl LiveRuns {
    /// Adds a run.
    pub fn insert(&self, run_id: RunId, run: LiveRun) {
        self.runs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run_id, Entry { run, calls: AtomicU64::new(0) });
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
        let Entry { run, calls } = runs.get(&run_id)?;
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
    fn words_are_the_same_only_in_full() {
        for (left, right, is_same) in
            [("abc", "abc", true), ("abc", "abd", false), ("abc", "ab", false), ("", "", false)]
        {
            assert_eq!(is_same_word(left, right), is_same, "{left:?} {right:?}");
        }
    }
}
