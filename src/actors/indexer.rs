//! Indexer: keeps the full-text index behind the board by at most a moment, on a thread of its own.
//!
//! *Owns* the search index. *Receives* the events of the event hub, as a wake-up only: what is to be indexed it reads from
//! the board, from its own cursor on. *Sends* nothing. *Restarts*: a panic or a fault makes it begin again from its cursor; an
//! index that cannot be read is made anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::actors::event_hub::EventFeed;
use crate::kernel::error::Fault;
use crate::kernel::store::search::SearchIndex;

/// Pause after a fault.
const AGAIN: Duration = Duration::from_secs(1);

/// Starts the thread; it ends when nobody can publish events any more.
///
/// # Errors
/// When the index cannot be opened at all, or the thread not made.
pub fn start(database: &Path, incarnation: &str, feed: &EventFeed) -> Result<(), Fault> {
    let mut index = SearchIndex::open(database, incarnation)?;
    let (database, mut events) = (PathBuf::from(database), feed.subscribe());
    let work = move || {
        loop {
            let step = std::panic::AssertUnwindSafe(|| index.catch_up());
            match std::panic::catch_unwind(step) {
                Ok(Ok(())) => match events.blocking_recv() {
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        // One look serves everything that has come in the meantime.
                        while events.try_recv().is_ok() {}
                    }
                    Err(RecvError::Closed) => return,
                },
                Ok(Err(fault)) => {
                    tracing::error!(%fault, "texts could not be indexed");
                    rest();
                    if let Ok(opened) = SearchIndex::open(&database, index.incarnation()) {
                        index = opened;
                    }
                }
                Err(_panic) => rest(),
            }
        }
    };
    std::thread::Builder::new().name("indexer".to_owned()).spawn(work).map(drop).map_err(|error| {
        Fault::Database {
            doing: "start the indexing thread".to_owned(),
            detail: error.to_string(),
            retryable: false,
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread of its own that has nothing to do until a fault may be over"
)]
fn rest() {
    std::thread::sleep(AGAIN);
}
