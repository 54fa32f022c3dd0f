//! Indexer: keeps the full-text index behind the board by at most a moment, on a thread of its own.
//!
//! *Owns* the search index. *Receives* the events of the event hub, as a wake-up only: what is to be indexed it reads from
//! the board, from its own cursor on. *Sends* nothing. *Restarts*: a panic or a fault makes it begin again from its cursor; an
//! index that cannot be read is rebuilt.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::actors::event_hub::EventFeed;
use crate::actors::reader_pool::ReaderPool;
use crate::kernel::error::Fault;
use crate::kernel::store;
use crate::kernel::store::search::SearchIndex;
use crate::os::processes::own_thread;

/// Pause after a fault. It doubles with each that follows.
const AGAIN: Duration = Duration::from_secs(1);

/// Longest pause after a fault.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// Pause between something that has happened and the look at it. A run brings four commits within a few milliseconds: one
/// look then serves them all, and it does not take the processor from the start of a worker.
const GATHER: Duration = Duration::from_millis(25);

/// Longest time that the index waits for a moment without writes. What is written without a pause is searched this much later.
const LAG_MAX: Duration = Duration::from_secs(2);

/// Makes sure that the index is there, before anybody attaches it.
///
/// # Errors
/// When it cannot be opened or made.
pub fn prepare(database: &Path, incarnation: &str) -> Result<(), Fault> {
    SearchIndex::open(database, incarnation).map(drop)
}

/// Starts the thread; it ends when no publisher of events is left.
///
/// # Errors
/// When the thread cannot be made.
pub fn start(database: &Path, pool: ReaderPool, feed: &EventFeed) -> std::io::Result<()> {
    let (database, mut news) = (PathBuf::from(database), feed.news());
    let work = move || {
        if let Err(error) = own_thread::yield_to_others() {
            tracing::warn!(%error, "the search index competes with writes for the processor");
        }
        let mut open = None;
        let mut faults = Faults::default();
        loop {
            let look = std::panic::AssertUnwindSafe(|| catch_up(&database, &pool, &mut open));
            match std::panic::catch_unwind(look) {
                Ok(Ok(())) => {
                    faults = Faults::default();
                    match news.blocking_recv() {
                        // One look serves everything that has come in the meantime.
                        Ok(()) | Err(RecvError::Lagged(_)) => gather(&mut news),
                        Err(RecvError::Closed) => return,
                    }
                }
                Ok(Err(fault)) => rest(faults.pause_after(&fault.to_string())),
                Err(_panic) => rest(faults.pause_after("a panic")),
            }
        }
    };
    std::thread::Builder::new().name("indexer".to_owned()).spawn(work).map(drop)
}

/// Waits for a moment in which nothing is written, for a bounded time.
fn gather(news: &mut Receiver<()>) {
    let begun = Instant::now();
    loop {
        rest(GATHER);
        let mut has_come = false;
        while matches!(news.try_recv(), Ok(()) | Err(TryRecvError::Lagged(_))) {
            has_come = true;
        }
        if !has_come || begun.elapsed() >= LAG_MAX {
            return;
        }
    }
}

/// Faults in a row.
#[derive(Debug, Default)]
struct Faults {
    count: u32,
    last: String,
}

impl Faults {
    /// How long to wait after this one. Each is logged once, however often it comes.
    fn pause_after(&mut self, fault: &str) -> Duration {
        if self.last != fault {
            tracing::error!(fault, "cannot index texts");
            fault.clone_into(&mut self.last);
        }
        let doubled = AGAIN.saturating_mul(1 << self.count.min(6));
        self.count += 1;
        doubled.min(AGAIN_MAX)
    }
}

/// The index, open, and the life of the board that it is of.
struct Open {
    incarnation: String,
    index: SearchIndex,
}

/// Uses the index that is open already where it is still the right one. After a fault or a panic it is opened, and looked
/// at, again.
fn catch_up(database: &Path, pool: &ReaderPool, open: &mut Option<Open>) -> Result<(), Fault> {
    pool.with(|board| {
        let incarnation = store::install::get(board)?.incarnation;
        let mut current = match open.take() {
            Some(there) if there.incarnation == incarnation => there,
            Some(_) | None => {
                let index = SearchIndex::open(database, &incarnation)?;
                Open { incarnation, index }
            }
        };
        current.index.catch_up(board)?;
        *open = Some(current);
        Ok(())
    })?
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own that nobody waits for")]
fn rest(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_each_fault_and_are_bounded() {
        let mut faults = Faults::default();
        let seconds: Vec<u64> = (0..8).map(|_| faults.pause_after("disk full").as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
