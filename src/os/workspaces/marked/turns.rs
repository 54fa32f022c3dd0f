//! Makers and removers of one workspace take turns.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// Names that are being made or removed in this process.
static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Tells that one of them is free again.
static FREED: Condvar = Condvar::new();

/// The turn at one name, until it is dropped. A file system that hangs, or a large tree that is removed, holds up its own task alone.
#[derive(Debug)]
pub(super) struct Turn(String);

impl Turn {
    /// Waits for the turn at `name`.
    pub(super) fn of(name: &str) -> Self {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        while taken.contains(name) {
            taken = FREED.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.insert(name.to_owned());
        Self(name.to_owned())
    }

    /// Takes the turn at `name`; none when it is taken.
    pub(super) fn if_free(name: &str) -> Option<Self> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(name.to_owned()).then(|| Self(name.to_owned()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn one_name_is_held_by_one_at_a_time_and_holds_up_no_other() {
        let inside = AtomicU32::new(0);
        let take_turns = || {
            for _ in 0..500 {
                let _turn = Turn::of("turns-a");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at one name");
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(take_turns);
            }
        });
        let held = Turn::of("turns-a");
        // Each returns while the first name is held.
        drop(Turn::of("turns-b"));
        assert!(Turn::if_free("turns-b").is_some() && Turn::if_free("turns-a").is_none());
        drop(held);
        assert!(Turn::if_free("turns-a").is_some());
    }
}
