//! The event stream: events from a cursor on, fed by the event hub and never by polling the database.
//!
//! A cursor is `incarnation:id`. The stream first reads what the database has after the cursor, then what the hub brings.
//! A listener that is slower than the hub loses nothing: it reads what it missed from the database. A cursor of another
//! incarnation (the board was restored meanwhile) is answered with one `{"resync": …}` line that names where to go on from.

use std::collections::VecDeque;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

use crate::actors::event_hub::EventBatch;
use crate::actors::root::Life;
use crate::kernel::caller::Caller;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::{Event, EventKind, kind_of};
use crate::kernel::ids::{BoardName, EventId};
use crate::kernel::queries::Snapshot;
use crate::kernel::shorten::shorten;
use crate::kernel::store;
use crate::kernel::verbs::EVENTS_FLOOR;
use crate::service::life::wait_for_life;
use crate::service::{Requester, Service, ServiceError};

/// Events read from the database at once.
const PAGE: u32 = 500;

/// Bytes of text read from the database at once.
const PAGE_BYTES: usize = 1024 * 1024;

/// Reads events, and follows new ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FollowEvents {
    /// Cursor to read after: `incarnation:id`, an id, or `now`. Default: from the first event.
    pub after: Option<String>,
    /// Continues with new events until the client disconnects.
    pub follow: bool,
    /// Only events of these tasks, comma-separated.
    pub tasks: Option<String>,
    /// Only events of these kinds, comma-separated; one that does not exist is refused.
    #[serde(alias = "kind")]
    pub kinds: Option<String>,
    /// Only events of this board; a worker reads only its own board.
    pub board: Option<String>,
}

/// A stream of events with a reader.
pub struct EventStream {
    service: Arc<Service>,
    caller: Caller,
    filter: Filter,
    /// What is to be passed on before anything else.
    waiting: VecDeque<EventLine>,
    /// Whether the database has more after `last`.
    is_behind: bool,
    live: Option<Receiver<EventBatch>>,
    life: watch::Receiver<Life>,
    last: EventId,
    incarnation: String,
}

/// One line of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EventLine {
    /// Something has happened.
    Event {
        /// The event.
        #[serde(flatten)]
        event: Box<Event>,
        /// Where to go on from after it.
        cursor: String,
    },
    /// The events between are lost: the board has to be read again.
    Resync {
        /// Where to go on from.
        resync: String,
    },
}

/// Begins a stream.
///
/// # Errors
/// A refusal or a fault.
pub async fn follow(
    service: Arc<Service>,
    by: Requester,
    request: FollowEvents,
) -> Result<EventStream, ServiceError> {
    let Requester { caller, .. } = by;
    let filter = Filter::new(&request, &caller)?;
    if let Some(board) = request.board.clone() {
        // Nothing would ever come of a board that does not exist.
        let read = move |snapshot: &Snapshot<'_>| snapshot.board(Some(&board), "events");
        service.readers.read(caller.clone(), read).await?;
    }
    // Listening begins before the database is read, so that nothing falls between the two.
    let live = service.feed.subscribe();
    let start = start_of(&service, &caller, request.after.as_deref()).await?;
    let mut stream = EventStream {
        caller,
        filter,
        waiting: VecDeque::new(),
        is_behind: true,
        live: request.follow.then_some(live),
        life: service.life.clone(),
        last: start.after,
        incarnation: service.supervision.incarnation(),
        service,
    };
    if start.resync {
        stream.have_resynced();
    }
    Ok(stream)
}

struct Start {
    after: EventId,
    resync: bool,
}

async fn start_of(
    service: &Service,
    caller: &Caller,
    after: Option<&str>,
) -> Result<Start, ServiceError> {
    let Some(after) = after else { return Ok(Start { after: 0, resync: false }) };
    if after == "now" {
        return Ok(Start { after: newest_event_id(service, caller).await?, resync: false });
    }
    let (incarnation, id) = match after.rsplit_once(':') {
        Some((incarnation, id)) => (Some(incarnation), id),
        None => (None, after),
    };
    let id: EventId = id.parse().map_err(|_| ServiceError::BadCursor { value: shorten(after) })?;
    if incarnation.is_some_and(|incarnation| incarnation != service.supervision.incarnation()) {
        return Ok(Start { after: newest_event_id(service, caller).await?, resync: true });
    }
    // Events that gc has removed are lost; a listener that has not read them has to read the board again.
    let floor = events_floor(service, caller).await?;
    if id < floor {
        return Ok(Start { after: newest_event_id(service, caller).await?, resync: true });
    }
    Ok(Start { after: id, resync: false })
}

async fn events_floor(service: &Service, caller: &Caller) -> Result<EventId, ServiceError> {
    let read = |snapshot: &Snapshot<'_>| {
        let stored = store::install::setting(snapshot.connection, EVENTS_FLOOR)?;
        Ok(stored.and_then(|text| text.parse().ok()).unwrap_or_default())
    };
    Ok(service.readers.read(caller.clone(), read).await?)
}

async fn newest_event_id(service: &Service, caller: &Caller) -> Result<EventId, ServiceError> {
    let read = |snapshot: &Snapshot<'_>| Ok(store::events::newest_id(snapshot.connection)?);
    Ok(service.readers.read(caller.clone(), read).await?)
}

/// Which events are passed on.
struct Filter {
    tasks: Option<Vec<String>>,
    kinds: Option<Vec<EventKind>>,
    board: Option<BoardName>,
}

impl Filter {
    fn new(request: &FollowEvents, caller: &Caller) -> Result<Self, ServiceError> {
        let named = match &request.board {
            Some(name) => Some(
                BoardName::parse(name)
                    .ok_or_else(|| Refusal::UnknownBoard { name: shorten(name) })?,
            ),
            None => None,
        };
        let board = match caller {
            Caller::Worker { board, .. } => {
                let named = named.unwrap_or_else(|| board.clone());
                caller.check("events", &named, None)?;
                Some(named)
            }
            Caller::Chat(by) if !by.may.boards.is_empty() => {
                let named = named.unwrap_or_else(|| by.board());
                caller.check("events", &named, None)?;
                Some(named)
            }
            Caller::Chat(_) | Caller::Operator { .. } | Caller::Courier | Caller::System { .. } => {
                named
            }
        };
        let tasks = request
            .tasks
            .as_ref()
            .map(|ids| ids.split(',').map(|id| id.trim().to_owned()).collect());
        let kinds = request.kinds.as_deref().map(kinds_of).transpose()?;
        Ok(Self { tasks, kinds, board })
    }

    fn admits(&self, event: &Event) -> bool {
        let task = |ids: &Vec<String>| ids.iter().any(|id| id == event.task_id.as_str());
        let kind = |kinds: &Vec<EventKind>| kinds.iter().any(|kind| kind.as_str() == event.kind);
        self.tasks.as_ref().is_none_or(task)
            && self.kinds.as_ref().is_none_or(kind)
            && self.board.as_ref().is_none_or(|board| *board == event.board)
    }
}

/// The kinds in a list.
fn kinds_of(list: &str) -> Result<Vec<EventKind>, ServiceError> {
    let of_word = |word: &str| {
        kind_of(word.trim())
            .ok_or_else(|| ServiceError::UnknownKind { kind: word.trim().to_owned() })
    };
    list.split(',').map(of_word).collect()
}

impl EventStream {
    /// Where the stream begins.
    pub fn cursor(&self) -> String {
        self.cursor_at(self.last)
    }

    fn cursor_at(&self, id: EventId) -> String {
        format!("{}:{id}", self.incarnation)
    }

    /// The next line, as soon as there is one; none at the end of the stream, which comes by itself when nothing is followed, and
    /// otherwise with the end of the daemon, or when events cannot be read.
    pub async fn next(&mut self) -> Option<EventLine> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(line);
            }
            if self.is_behind {
                self.catch_up().await.ok()?;
                continue;
            }
            let received = tokio::select! {
                received = self.live.as_mut()?.recv() => received,
                () = wait_for_life(&mut self.life, |life| life == Life::Ending) => return None,
            };
            match received {
                Ok(batch) => self.deliver(&batch),
                Err(RecvError::Lagged(_)) => self.is_behind = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn deliver(&mut self, batch: &[Event]) {
        let follows = batch.first().is_some_and(|event| event.id == self.last + 1);
        if !follows {
            // Either known already, or something is missing in between: the database knows.
            self.is_behind = true;
            return;
        }
        for event in batch {
            self.pass_on(event.clone());
        }
    }

    /// Reads a page of what the database has.
    async fn catch_up(&mut self) -> Result<(), ServiceError> {
        if self.incarnation != self.service.supervision.incarnation() {
            self.begin_again().await?;
        }
        let after = self.last;
        let read = move |snapshot: &Snapshot<'_>| {
            Ok(store::events::page_after(snapshot.connection, after, PAGE, PAGE_BYTES)?)
        };
        let page = self.service.readers.read(self.caller.clone(), read).await;
        let page = page.inspect_err(|error| self.tell_unread(error))?;
        self.is_behind = page.has_more;
        for event in page.events {
            self.pass_on(event);
        }
        Ok(())
    }

    /// The stream ends; at the end of the daemon that is nothing to tell of.
    fn tell_unread(&self, error: &VerbError) {
        if *self.life.borrow() != Life::Ending {
            tracing::warn!(%error, "cannot read events; closing an event stream");
        }
    }

    /// The board was restored: what was heard so far belongs to another life of it.
    async fn begin_again(&mut self) -> Result<(), ServiceError> {
        self.incarnation = self.service.supervision.incarnation();
        self.last = newest_event_id(&self.service, &self.caller).await?;
        self.have_resynced();
        Ok(())
    }

    fn have_resynced(&mut self) {
        let resync = self.cursor();
        self.waiting.push_back(EventLine::Resync { resync });
    }

    fn pass_on(&mut self, event: Event) {
        if event.id <= self.last {
            return;
        }
        self.last = event.id;
        if self.filter.admits(&event) {
            let cursor = self.cursor_at(event.id);
            self.waiting.push_back(EventLine::Event { event: Box::new(event), cursor });
        }
    }
}
