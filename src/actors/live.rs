//! A value that is replaced whole while the daemon runs, by a reload for one. Clones share it. A holder of the old value goes on
//! with it.

use std::sync::{Arc, PoisonError, RwLock};

/// The cell; cheap to clone.
#[derive(Debug)]
pub struct Live<T>(Arc<RwLock<Arc<T>>>);

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Live<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// The value now.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts in its place what `change` makes of the value now, nobody else's in between; false when it makes nothing.
    pub fn change(&self, change: impl FnOnce(&T) -> Option<T>) -> bool {
        let mut value = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(&value);
        let is_changed = changed.is_some();
        if let Some(changed) = changed {
            *value = Arc::new(changed);
        }
        is_changed
    }

    /// Puts another in its place.
    pub fn replace(&self, value: T) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_see_the_new_value_and_whoever_has_the_old_one_keeps_it() {
        let cell = Live::new("old");
        let (clone, old) = (cell.clone(), cell.get());
        cell.replace("new");
        assert_eq!((*old, *clone.get()), ("old", "new"));
    }
}
