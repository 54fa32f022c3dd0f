//! The feed of boards: what a commit changed on cards is read once and sent to every page that shows the board.
//!
//! ```text
//!   event hub ─▶ feed: one read per batch ─▶ one frame of bytes per board ─▶ each page's queue (bounded) ─▶ its WebSocket
//! ```
//!
//! It works only while a page is open. While it reads, further commits gather, so a busy board costs one read after the other and not
//! one per commit. A page that does not keep up loses its queue and reads the board again ([`Frame::Resync`]). What holds for the board
//! as a whole, and the signs of life of runs, are sent at most once a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::actors::event_hub::EventBatch;
use crate::actors::root::Life;
use crate::kernel::caller::Caller;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
use crate::kernel::limits::MISSED_EVENTS_MAX;
use crate::kernel::queries::{Snapshot, cursor_at};
use crate::kernel::store;
use crate::kernel::verbs::EVENTS_FLOOR;
use crate::service::board::facts::read_facts;
use crate::service::board::frames::{Changes, Delta, read_changes, read_reasons, sign_of_life};
use crate::service::board::looked_at;
use crate::service::board::pages::Frame;
use crate::service::life::wait_for_life;
use crate::service::{Service, ServiceError};
use crate::text;

/// Shortest time between two frames about the board as a whole.
const FACTS_PAUSE: Duration = Duration::from_secs(1);

/// Events between two frames, at most: what waits behind a read is one or a few commits, and a commit has at most a few thousand.
const EVENTS_PER_FRAME_MAX: u32 = 20_000;

/// Time between two looks at the logs of open runs, for their signs of life.
const LOGS_PAUSE: Duration = Duration::from_secs(5);

/// The name under which the feed reads.
const READER: Caller = Caller::System { part: "board feed" };

/// Feeds the pages until the daemon ends.
pub async fn run(service: Arc<Service>) {
    let inner = Arc::clone(&service.board_feed.0);
    let mut pages = inner.pages.subscribe();
    let mut life = service.life.clone();
    loop {
        tokio::select! {
            found = pages.wait_for(|pages| !pages.is_empty()) => drop(found),
            () = wait_for_life(&mut life, |life| life == Life::Ending) => return,
        }
        let feeding = Feeding::new(&service);
        inner.is_listening.send_replace(true);
        let is_over = feeding.run(&mut pages, &mut life).await;
        inner.is_listening.send_replace(false);
        inner.facts.replace(None);
        if is_over {
            return;
        }
    }
}

/// The feed while pages are open.
struct Feeding<'s> {
    service: &'s Arc<Service>,
    events: Receiver<EventBatch>,
    touched: Receiver<TaskId>,
    facts: watch::Receiver<u64>,
    seen: BTreeMap<RunId, EpochSeconds>,
    seen_before: BTreeMap<RunId, EpochSeconds>,
    are_facts_due: bool,
    next_facts: Instant,
    next_logs: Instant,
    last_facts: Option<String>,
    /// The newest event that was sent.
    upto: EventId,
    /// The life of the database that the pages show.
    incarnation: String,
}

impl<'s> Feeding<'s> {
    fn new(service: &'s Arc<Service>) -> Self {
        let now = Instant::now();
        Self {
            service,
            events: service.feed.subscribe(),
            touched: service.feed.watch_touched(),
            facts: service.feed.watch_facts(),
            seen: BTreeMap::new(),
            seen_before: BTreeMap::new(),
            are_facts_due: true,
            next_facts: now,
            next_logs: now,
            last_facts: None,
            upto: service.database.newest_event(),
            incarnation: service.supervision.incarnation(),
        }
    }

    /// True when the daemon ends, false when the last page is closed.
    async fn run(
        mut self,
        pages: &mut watch::Receiver<BTreeMap<BoardName, u32>>,
        life: &mut watch::Receiver<Life>,
    ) -> bool {
        loop {
            let is_tick_due = self.are_facts_due || !self.seen.is_empty();
            tokio::select! {
                batch = self.events.recv() => self.take(batch).await,
                Ok(task_id) = self.touched.recv() => self.send_changes(vec![task_id]).await,
                Ok(()) = self.facts.changed() => self.are_facts_due = true,
                () = tokio::time::sleep_until(self.next_facts), if is_tick_due => self.tick().await,
                () = tokio::time::sleep_until(self.next_logs) => self.look_at_logs().await,
                changed = pages.changed() => {
                    if changed.is_err() || pages.borrow_and_update().is_empty() {
                        return false;
                    }
                    // A new page begins with what holds now.
                    (self.are_facts_due, self.last_facts) = (true, None);
                }
                () = wait_for_life(life, |life| life == Life::Ending) => return true,
            }
        }
    }

    /// A batch, with those that gathered behind it.
    async fn take(&mut self, first: Result<EventBatch, RecvError>) {
        let mut is_all_known = matches!(&first, Ok(batch) if !batch.is_empty());
        let mut next = first.ok();
        while let Some(batch) = next {
            is_all_known &= !batch.is_empty();
            self.seen.extend(batch.iter().filter_map(sign_of_life));
            next = match self.events.try_recv() {
                Ok(batch) => Some(batch),
                Err(TryRecvError::Lagged(_)) => {
                    is_all_known = false;
                    None
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => None,
            };
        }
        self.are_facts_due = true;
        if is_all_known {
            self.send_changes(Vec::new()).await;
        } else {
            let incarnation = self.service.supervision.incarnation();
            let was_restored = incarnation != self.incarnation;
            self.incarnation = incarnation;
            self.resync(if was_restored {
                "the board was restored"
            } else {
                "too much changed at once"
            });
        }
    }

    /// Sends what changed since the last look, which may be more than the batch that asks for it: its own batch finds nothing left then.
    async fn send_changes(&mut self, touched: Vec<TaskId>) {
        let (policy, low_disk_bytes) = looked_at(self.service);
        let counts = self.service.database.shared_counts().clone();
        let after = (self.upto, EVENTS_PER_FRAME_MAX);
        let read = move |snapshot: &Snapshot<'_>| {
            read_changes(snapshot, (&policy, low_disk_bytes), &counts, touched, after)
        };
        self.service.board_feed.0.change_reads.fetch_add(1, Ordering::Relaxed);
        let (deltas, upto) = match self.service.readers.read(READER, read).await {
            Ok(Changes::Deltas(deltas, upto)) => (deltas, upto),
            Ok(Changes::TooMany) => return self.resync("too much changed at once"),
            Err(error) => {
                tracing::warn!(%error, "cannot read what changed for the pages on the web");
                return self.resync("what changed could not be read");
            }
        };
        self.upto = upto;
        if deltas.iter().all(Delta::is_empty) {
            return;
        }
        let pages = self.service.board_feed.0.pages.borrow().clone();
        let of_pages = deltas.into_iter().filter(|delta| pages.contains_key(&delta.board));
        let frames = of_pages.filter_map(|delta| Some((frame_of(&delta)?, delta.board)));
        let boards: BTreeMap<BoardName, Bytes> =
            frames.map(|(bytes, board)| (board, bytes)).collect();
        self.send(Frame::Boards(Arc::new(boards)));
    }

    /// Has every page read its board again.
    fn resync(&mut self, why: &'static str) {
        self.upto = self.service.database.newest_event();
        self.send(Frame::Resync(why));
    }

    /// What is sent at most once a second.
    async fn tick(&mut self) {
        self.next_facts = Instant::now() + FACTS_PAUSE;
        if !self.seen.is_empty() {
            let seen = std::mem::take(&mut self.seen);
            if let Ok(bytes) = text::json::to_vec(&json!({ "seen": seen })) {
                self.send(Frame::All(bytes.into()));
            }
            self.seen_before.extend(seen);
        }
        if std::mem::take(&mut self.are_facts_due)
            && let Err(error) = self.send_facts().await
        {
            tracing::warn!(%error, "cannot read the state of the board for the pages on the web");
        }
    }

    async fn send_facts(&mut self) -> Result<(), ServiceError> {
        let facts = read_facts(self.service).await?;
        self.service.board_feed.0.facts.replace(Some(facts.clone()));
        let names: Vec<BoardName> =
            self.service.board_feed.0.pages.borrow().keys().cloned().collect();
        let (policy, low_disk_bytes) = looked_at(self.service);
        let read = move |snapshot: &Snapshot<'_>| {
            read_reasons(snapshot, (&policy, low_disk_bytes), &names)
        };
        let reasons = self.service.readers.read(READER, read).await?;
        let state = json!([&facts, &reasons]).to_string();
        if self.last_facts.as_ref() == Some(&state) {
            return Ok(());
        }
        self.last_facts = Some(state);
        let cursor = cursor_at(&self.service.supervision.incarnation(), self.upto);
        let mut boards = BTreeMap::new();
        for (board, reasons) in reasons {
            let frame = json!({ "facts": &facts, "cursor": &cursor, "reasons": reasons });
            if let Ok(bytes) = text::json::to_vec(&frame) {
                boards.insert(board, bytes.into());
            }
        }
        self.send(Frame::Boards(Arc::new(boards)));
        Ok(())
    }

    /// A log that grows is a sign of life.
    async fn look_at_logs(&mut self) {
        self.next_logs = Instant::now() + LOGS_PAUSE;
        let read = |snapshot: &Snapshot<'_>| {
            let runs = store::runs::list_open_supervised(snapshot.connection)?;
            Ok(runs.into_iter().map(|run| (run.id, run.task_id)).collect::<Vec<_>>())
        };
        let Ok(open) = self.service.readers.read(READER, read).await else { return };
        self.seen_before.retain(|run_id, _| open.iter().any(|(id, _)| id == run_id));
        if open.is_empty() {
            return;
        }
        let paths: Vec<_> = open
            .into_iter()
            .map(|(run_id, task_id)| (run_id, self.service.paths.log_path(&task_id, run_id)))
            .collect();
        // A disk that does not answer holds up this look only.
        let look = tokio::task::spawn_blocking(move || {
            let written = |(run_id, path): (RunId, std::path::PathBuf)| {
                let at = std::fs::metadata(path).ok()?.modified().ok()?;
                let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
                Some((run_id, at.as_secs().cast_signed()))
            };
            paths.into_iter().filter_map(written).collect::<Vec<_>>()
        });
        let Ok(Ok(written)) = tokio::time::timeout(LOGS_PAUSE, look).await else { return };
        for (run_id, at) in written {
            if self.seen_before.get(&run_id).is_none_or(|before| *before < at) {
                let seen = self.seen.entry(run_id).or_insert(at);
                *seen = (*seen).max(at);
            }
        }
    }

    fn send(&self, frame: Frame) {
        // An error only says that nobody listens.
        drop(self.service.board_feed.0.frames.send(frame));
    }
}

fn frame_of(delta: &Delta) -> Option<Bytes> {
    text::json::to_vec(&json!({ "delta": delta })).ok().map(Bytes::from)
}

/// How a page that was away is brought up to date.
#[derive(Debug, Clone)]
pub enum CaughtUp {
    /// By this frame, as JSON; it is current as of the cursor in it.
    Frame(Bytes),
    /// It has to read the board again, and goes on from this cursor.
    Resync {
        /// Why.
        why: &'static str,
        /// From where the stream goes on.
        cursor: String,
    },
}

/// Brings a page up to date that has seen everything up to `after`.
///
/// # Errors
/// A fault.
pub async fn catch_up(
    service: &Service,
    board: BoardName,
    after: Option<String>,
) -> Result<CaughtUp, ServiceError> {
    let (policy, low_disk_bytes) = looked_at(service);
    let counts = service.database.shared_counts().clone();
    let read = move |snapshot: &Snapshot<'_>| -> Result<CaughtUp, VerbError> {
        let connection = snapshot.connection;
        let incarnation = store::install::get(connection)?.incarnation;
        let newest = store::events::newest_id(connection)?;
        let floor = store::install::setting(connection, EVENTS_FLOOR)?;
        let floor = floor.and_then(|text| text.parse().ok()).unwrap_or_default();
        let resync = |why| Ok(CaughtUp::Resync { why, cursor: cursor_at(&incarnation, newest) });
        let after = match resume_point(after.as_deref(), &incarnation, (floor, newest)) {
            Ok(after) => after,
            Err(why) => return resync(why),
        };
        let looked_at = (&*policy, low_disk_bytes);
        let after = (after, MISSED_EVENTS_MAX);
        let deltas = match read_changes(snapshot, looked_at, &counts, Vec::new(), after)? {
            Changes::Deltas(deltas, _) => deltas,
            Changes::TooMany => return resync("too much has changed since"),
        };
        let of_board = deltas.into_iter().find(|delta| delta.board == board);
        let frame = of_board.and_then(|delta| frame_of(&delta));
        frame.map_or_else(|| resync("there is no such board"), |frame| Ok(CaughtUp::Frame(frame)))
    };
    Ok(service.readers.read(READER, read).await?)
}

/// The event after which a page goes on.
///
/// # Errors
/// Why it cannot: it has to read the board again.
fn resume_point(
    after: Option<&str>,
    incarnation: &str,
    (floor, newest): (EventId, EventId),
) -> Result<EventId, &'static str> {
    let Some(after) = after else { return Err("the page has read nothing yet") };
    let Some((of, id)) = after.rsplit_once(':') else {
        return Err("the cursor has no incarnation");
    };
    if of != incarnation {
        return Err("the board was restored");
    }
    match id.parse::<EventId>() {
        Ok(id) if id < floor => Err("old events were removed"),
        Ok(id) if id > newest => Err("the cursor is ahead of the board"),
        Ok(id) => Ok(id),
        Err(_) => Err("the cursor is not a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_only_from_where_nothing_is_missing() {
        for (after, expected) in [
            (Some("i:7"), Ok(7)),
            (Some("i:5"), Ok(5)),
            (Some("i:10"), Ok(10)),
            (Some("i:4"), Err("old events were removed")),
            (Some("i:11"), Err("the cursor is ahead of the board")),
            (Some("other:7"), Err("the board was restored")),
            (Some("7"), Err("the cursor has no incarnation")),
            (Some("i:x"), Err("the cursor is not a number")),
            (None, Err("the page has read nothing yet")),
        ] {
            assert_eq!(resume_point(after, "i", (5, 10)), expected, "{after:?}");
        }
    }
}
