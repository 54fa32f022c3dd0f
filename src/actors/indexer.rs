//! Indexer: keeps the full-text index behind the board by at most a moment, on a thread of its own.
//!
//! *Owns* the search index. *Receives* the events of the event hub, as a wake-up only: what is to be indexed it reads from
//! the board, from its own cursor on. *Sends* nothing. *Restarts*: a panic or a fault makes it begin again from its cursor; an
//! index that cannot be read is made anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::actors::event_hub::EventFeed;
use crate::actors::reader_pool::ReaderPool;
use crate::kernel::error::Fault;
use crate::kernel::store;
use crate::kernel::store::search::SearchIndex;

/// Pause after a fault.
const AGAIN: Duration = Duration::from_secs(1);

/// Makes sure that the index is there, before anybody attaches it.
///
/// # Errors
/// When it cannot be opened or made.
pub fn prepare(database: &Path, incarnation: &str) -> Result<(), Fault> {
    SearchIndex::open(database, incarnation).map(drop)
}

/// Starts the thread; it ends when nobody can publish events any more.
///
/// # Errors
/// When the thread cannot be made.
pub fn start(database: &Path, pool: ReaderPool, feed: &EventFeed) -> std::io::Result<()> {
    let (database, mut events) = (PathBuf::from(database), feed.subscribe());
    let work = move || {
        loop {
            let look = std::panic::AssertUnwindSafe(|| catch_up(&database, &pool));
            match std::panic::catch_unwind(look) {
                Ok(Ok(())) => match events.blocking_recv() {
                    // One look serves everything that has come in the meantime.
                    Ok(_) | Err(RecvError::Lagged(_)) => while events.try_recv().is_ok() {},
                    Err(RecvError::Closed) => return,
                },
                Ok(Err(fault)) => {
                    tracing::error!(%fault, "texts could not be indexed");
                    rest();
                }
                Err(_panic) => rest(),
            }
        }
    };
    std::thread::Builder::new().name("indexer".to_owned()).spawn(work).map(drop)
}

fn catch_up(database: &Path, pool: &ReaderPool) -> Result<(), Fault> {
    pool.with(|board| {
        let incarnation = store::install::get(board)?.incarnation;
        SearchIndex::open(database, &incarnation)?.catch_up(board)
    })?
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own that has nothing to do until a fault may be over"
)]
fn rest() {
    std::thread::sleep(AGAIN);
}
