//! The counts of tasks, shared: the database thread writes them with each commit, readers ask for those that belong to their snapshot.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::kernel::counts::{Counts, CountsLedger};
use crate::kernel::ids::EventId;
use crate::kernel::tx::Effects;

/// The counts. Cheap to clone, usable from every thread.
#[derive(Debug, Clone)]
pub struct SharedCounts(Arc<RwLock<CountsLedger>>);

impl SharedCounts {
    /// Begins with these.
    pub fn new(counts: Counts) -> Self {
        Self(Arc::new(RwLock::new(CountsLedger::new(counts))))
    }

    /// As of the last commit.
    pub fn now(&self) -> Counts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).now().clone()
    }

    /// As of the snapshot whose newest event is this one.
    pub fn at(&self, newest_event: EventId) -> Counts {
        self.0.read().unwrap_or_else(PoisonError::into_inner).at(newest_event)
    }

    /// What is about to be committed.
    pub(super) fn announce(&self, effects: &Effects) {
        let newest_event = effects.events.last().map(|event| event.id);
        self.write().announce(newest_event, &effects.counts);
    }

    /// Whether it was committed.
    pub(super) fn settle(&self, is_committed: bool) {
        self.write().settle(is_committed);
    }

    /// The board is another one.
    pub(super) fn replace(&self, counts: Counts) {
        *self.write() = CountsLedger::new(counts);
    }

    fn write(&self) -> RwLockWriteGuard<'_, CountsLedger> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
