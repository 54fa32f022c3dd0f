//! Number of tasks by status, updated with each commit so that `stats` reads no rows.

use std::collections::{BTreeMap, VecDeque};

use crate::kernel::ids::{BoardName, EventId};
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

/// Commits whose changes are kept. A snapshot is not older than a second, and far fewer change counts in a second.
const LEDGER_COMMITS_MAX: usize = 4_096;

/// Changes of the counts, with the newest event of their commit.
#[derive(Debug)]
struct Change {
    newest_event: EventId,
    counts: Vec<(CountKey, i64)>,
}

/// The counts as of each of the latest commits: what a snapshot of the database shows and what is counted beside it belong together.
///
/// The thread that writes [announces](Self::announce) what a commit will change before it commits, so a snapshot that sees a commit finds
/// its changes here, however soon it looks.
#[derive(Debug, Default)]
pub struct CountsLedger {
    /// As of the last commit.
    now: Counts,
    /// The latest commits, the oldest first.
    commits: VecDeque<Change>,
    /// The one that is on its way to the disk.
    announced: Option<Change>,
}

impl CountsLedger {
    /// A ledger that begins with these counts.
    pub fn new(now: Counts) -> Self {
        Self { now, ..Self::default() }
    }

    /// The counts as of the last commit.
    pub fn now(&self) -> &Counts {
        &self.now
    }

    /// What is about to be committed. `newest_event` is the commit's last one; without an event (`gc` removes tasks) its changes hold
    /// for every snapshot once it is committed.
    pub fn announce(&mut self, newest_event: Option<EventId>, counts: &[(CountKey, i64)]) {
        let newest_event = newest_event.unwrap_or(EventId::MAX);
        self.announced = Some(Change { newest_event, counts: counts.to_vec() });
    }

    /// Whether it was committed.
    pub fn settle(&mut self, is_committed: bool) {
        let Some(change) = self.announced.take().filter(|_| is_committed) else { return };
        for (key, count) in &change.counts {
            self.now.add(key.clone(), *count);
        }
        if change.newest_event == EventId::MAX || change.counts.is_empty() {
            return;
        }
        self.commits.push_back(change);
        if self.commits.len() > LEDGER_COMMITS_MAX {
            self.commits.pop_front();
        }
    }

    /// The counts as of the snapshot whose newest event is this one.
    pub fn at(&self, newest_event: EventId) -> Counts {
        let mut counts = self.now.clone();
        for change in self.commits.iter().rev().take_while(|c| c.newest_event > newest_event) {
            change.counts.iter().for_each(|(key, count)| counts.add(key.clone(), -count));
        }
        for change in self.announced.iter().filter(|c| c.newest_event <= newest_event) {
            change.counts.iter().for_each(|(key, count)| counts.add(key.clone(), *count));
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(count: i64) -> [(CountKey, i64); 1] {
        let key =
            CountKey { board: BoardName::default(), assignee: None, status: TaskStatus::Ready };
        [(key, count)]
    }

    fn sum(counts: &Counts) -> i64 {
        counts.all().map(|(_, count)| count).sum()
    }

    #[test]
    fn the_counts_of_a_snapshot_are_those_of_the_commits_it_sees() {
        let mut ledger = CountsLedger::default();
        for (event, change) in [(3, 1), (5, 1), (6, -1), (9, 1)] {
            ledger.announce(Some(event), &ready(change));
            ledger.settle(true);
        }
        for (event, expected) in [(0, 0), (3, 1), (4, 1), (5, 2), (6, 1), (8, 1), (9, 2), (20, 2)] {
            assert_eq!(sum(&ledger.at(event)), expected, "as of event {event}");
        }
        assert_eq!(sum(ledger.now()), 2);
    }

    #[test]
    fn a_commit_counts_as_soon_as_a_snapshot_sees_it_and_not_before() {
        let mut ledger = CountsLedger::default();
        ledger.announce(Some(4), &ready(1));
        assert_eq!((sum(&ledger.at(3)), sum(&ledger.at(4)), sum(ledger.now())), (0, 1, 0));
        ledger.settle(false);
        assert_eq!((sum(&ledger.at(4)), sum(ledger.now())), (0, 0), "it failed");
        ledger.announce(None, &ready(2));
        assert_eq!(sum(&ledger.at(9)), 0, "no event says whether a snapshot sees it");
        ledger.settle(true);
        assert_eq!((sum(&ledger.at(0)), sum(ledger.now())), (2, 2));
    }

    #[test]
    fn the_ledger_keeps_the_latest_commits_only() {
        let mut ledger = CountsLedger::default();
        for event in 1..=5_000 {
            ledger.announce(Some(event), &ready(1));
            ledger.settle(true);
        }
        assert_eq!(ledger.commits.len(), LEDGER_COMMITS_MAX);
        assert_eq!(sum(&ledger.at(4_990)), 4_990);
    }
}
