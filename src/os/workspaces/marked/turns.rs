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
}

impl Drop for Turn {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        FREED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{TryRecvError, channel};

    #[test]
    fn one_name_is_held_by_one_and_holds_up_no_other() {
        let (began, begins) = channel();
        let (end, ends) = channel::<()>();
        let holder = std::thread::spawn(move || {
            let _turn = Turn::of("turns-a");
            began.send(()).unwrap();
            ends.recv().unwrap();
        });
        begins.recv().unwrap();
        // It returns while the other name is held.
        drop(Turn::of("turns-b"));
        let (got, gets) = channel();
        let waiter = std::thread::spawn(move || {
            let _turn = Turn::of("turns-a");
            got.send(()).unwrap();
        });
        assert_eq!(gets.try_recv(), Err(TryRecvError::Empty));
        end.send(()).unwrap();
        holder.join().unwrap();
        gets.recv().unwrap();
        waiter.join().unwrap();
    }
}
