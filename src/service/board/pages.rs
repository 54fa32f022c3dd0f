//! The pages that show boards: a bounded queue of frames for each, filled by the feed ([`super::feed`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::actors::live::Live;
use crate::kernel::ids::BoardName;

/// Frames that wait for a page, at most; behind more it reads the board again.
const FRAMES_MAX: usize = 64;

/// What holds for a board as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoardFacts {
    /// `on`, `paused`, `draining`, or `disabled` by the configuration.
    pub dispatch: String,
    /// Open supervised runs.
    pub open_runs: u32,
    /// Maximum number of those.
    pub max_running: u32,
    /// Rows of the inbox, over all boards.
    pub attention: u32,
    /// Keys of the breakers that are not closed.
    pub breakers: Vec<String>,
    /// Counts the changes of all this since the daemon started: a breaker that was reset and is open again looks as before.
    #[serde(default)]
    pub changes: u64,
    /// All boards.
    #[serde(default)]
    pub boards: Vec<BoardEntry>,
}

/// A board in a list of boards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoardEntry {
    /// Its name.
    pub name: String,
    /// Number of its tasks that are neither done nor archived.
    pub open: i64,
}

/// The handle; cheap to clone.
#[derive(Clone)]
pub struct BoardFeed(pub(super) Arc<Inner>);

/// What the pages and the feed share.
pub(super) struct Inner {
    pub(super) frames: broadcast::Sender<Frame>,
    /// How many pages show each board.
    pub(super) pages: watch::Sender<BTreeMap<BoardName, u32>>,
    /// Whether what is committed now will be sent.
    pub(super) is_listening: watch::Sender<bool>,
    pub(super) facts: Live<Option<BoardFacts>>,
    /// How often the feed has read what changed, for all pages at once.
    pub(super) change_reads: AtomicU64,
}

/// What goes to the pages.
#[derive(Debug, Clone)]
pub enum Frame {
    /// Something changed: the frame of each board, as JSON.
    Boards(Arc<BTreeMap<BoardName, Bytes>>),
    /// The same for the pages of all boards.
    All(Bytes),
    /// What was sent is not all: the board has to be read again.
    Resync(&'static str),
}

impl Default for BoardFeed {
    fn default() -> Self {
        Self(Arc::new(Inner {
            frames: broadcast::Sender::new(FRAMES_MAX),
            pages: watch::Sender::new(BTreeMap::new()),
            is_listening: watch::Sender::new(false),
            facts: Live::new(None),
            change_reads: AtomicU64::new(0),
        }))
    }
}

/// A page's seat in the feed; dropping it ends it.
pub struct Page {
    feed: BoardFeed,
    board: BoardName,
    frames: Receiver<Frame>,
}

impl BoardFeed {
    /// What holds for the boards as a whole, when the feed knows it.
    pub fn facts(&self) -> Option<BoardFacts> {
        self.0.facts.get().as_ref().clone()
    }

    /// Number of pages.
    pub fn pages(&self) -> u32 {
        self.0.pages.borrow().values().sum()
    }

    /// How often what changed was read for them.
    pub fn change_reads(&self) -> u64 {
        self.0.change_reads.load(Ordering::Relaxed)
    }

    /// A seat for a page that shows `board`. What is committed after this returns is sent.
    pub async fn join(&self, board: BoardName) -> Page {
        let frames = self.0.frames.subscribe();
        self.0.pages.send_modify(|pages| *pages.entry(board.clone()).or_default() += 1);
        let page = Page { feed: self.clone(), board, frames };
        // An error says that the feed is gone, and with it the daemon.
        drop(self.0.is_listening.subscribe().wait_for(|is_listening| *is_listening).await);
        page
    }
}

impl Page {
    /// The next frame for this page. One that did not keep up has to read the board again.
    pub async fn next(&mut self) -> PageFrame {
        loop {
            match self.frames.recv().await {
                Ok(Frame::Boards(boards)) => {
                    if let Some(bytes) = boards.get(&self.board) {
                        return PageFrame::Text(bytes.clone());
                    }
                }
                Ok(Frame::All(bytes)) => return PageFrame::Text(bytes),
                Ok(Frame::Resync(why)) => return PageFrame::Resync(why),
                Err(RecvError::Lagged(_)) => {
                    // All that waits is older than what it reads next.
                    self.frames = self.frames.resubscribe();
                    return PageFrame::Resync("this page did not keep up");
                }
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.feed.0.pages.send_modify(|pages| {
            if let Some(count) = pages.get_mut(&self.board) {
                *count = count.saturating_sub(1);
            }
            pages.retain(|_, count| *count > 0);
        });
    }
}

/// What a page is sent.
#[derive(Debug, Clone)]
pub enum PageFrame {
    /// A frame, as JSON.
    Text(Bytes),
    /// It has to read the board again.
    Resync(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_does_not_keep_up_reads_the_board_again_and_goes_on_with_what_is_new() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let feed = BoardFeed::default();
            feed.0.is_listening.send_replace(true);
            let mut page = feed.join(BoardName::default()).await;
            assert_eq!(feed.pages(), 1);
            for number in 0..FRAMES_MAX + 9 {
                feed.0.frames.send(Frame::All(number.to_string().into())).unwrap();
            }
            assert!(matches!(page.next().await, PageFrame::Resync(_)));
            feed.0.frames.send(Frame::All("new".into())).unwrap();
            let next = page.next().await;
            assert!(matches!(&next, PageFrame::Text(text) if text == "new"), "{next:?}");
            drop(page);
            assert_eq!(feed.pages(), 0);
        });
    }
}
