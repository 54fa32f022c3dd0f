//! Number of tasks by status, updated with each commit so that `stats` reads no rows.

use std::collections::BTreeMap;

use crate::kernel::ids::BoardName;
use crate::kernel::task::TaskStatus;

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountKey {
    /// The board.
    pub board: BoardName,
    /// The assignee; none = unassigned.
    pub assignee: Option<String>,
    /// The status.
    pub status: TaskStatus,
}

/// Number of tasks by board, assignee and status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<CountKey, i64>);

impl Counts {
    /// Adds `change` (which may be negative) to one count.
    pub fn add(&mut self, key: CountKey, change: i64) {
        match self.0.entry(key) {
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                *entry.get_mut() += change;
                if *entry.get() == 0 {
                    entry.remove();
                }
            }
            std::collections::btree_map::Entry::Vacant(entry) => {
                if change != 0 {
                    entry.insert(change);
                }
            }
        }
    }

    /// All counts.
    pub fn all(&self) -> impl Iterator<Item = (&CountKey, i64)> {
        self.0.iter().map(|(key, count)| (key, *count))
    }

    /// All counts of a board.
    pub fn of_board<'c>(
        &'c self,
        board: &'c BoardName,
    ) -> impl Iterator<Item = (&'c CountKey, i64)> + 'c {
        self.0.iter().filter(move |(key, _)| key.board == *board).map(|(key, count)| (key, *count))
    }
}
