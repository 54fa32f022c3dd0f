//! The event stream: one JSON object per line, from a cursor on, fed by the event hub and never by polling the database.
//!
//! A cursor is `incarnation:id`. The stream first reads what the database has after the cursor, then what the hub brings.
//! A listener that is slower than the hub loses nothing: it reads what it missed from the database. A cursor of another
//! incarnation (the board was restored meanwhile) is answered with one `{"resync": …}` line that names where to go on from.

use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;

use crate::actors::event_hub::EventBatch;
use crate::actors::root::Life;
use crate::api::error::ApiError;
use crate::api::input::bad_request;
use crate::api::operations::{Answer, Call, newest_event_id};
use crate::api::operator::board_of;
use crate::api::outflow::{Outflow, outflow};
use crate::api::reply::Held;
use crate::api::{Api, EVENT_CURSOR_HEADER, wait_for_life};
use crate::kernel::caller::{Caller, Right};
use crate::kernel::error::VerbError;
use crate::kernel::event::Event;
use crate::kernel::ids::{BoardName, EventId};
use crate::kernel::store;
use crate::kernel::verbs::EVENTS_FLOOR;

/// Events read from the database at once.
const PAGE: u32 = 500;

/// Bytes of text read from the database at once.
const PAGE_BYTES: usize = 1024 * 1024;

/// Reads events, and follows new ones.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FollowEvents {
    /// Cursor after which to begin: `incarnation:id`, a bare id, or `now`. From the beginning when not given.
    pub after: Option<String>,
    /// Goes on with new events until the client hangs up.
    pub follow: bool,
    /// Only events of these tasks, comma-separated.
    pub tasks: Option<String>,
    /// Only events of this board; a worker sees its own only.
    pub board: Option<String>,
}

/// Answers `GET /v1/events`.
pub fn follow(api: Arc<Api>, call: Call) -> Answer {
    Box::pin(async move {
        let request: FollowEvents = call.input.from_query()?;
        let filter = Filter::new(&request, &call.caller)?;
        if let Some(board) = &request.board {
            // Nothing would ever come of a board that does not exist.
            board_of(&api, &call.caller, Some(board.clone()), "events").await?;
        }
        let held = Held::stream(&call.seat)?;
        // Listening begins before the database is read, so that nothing falls between the two.
        let live = api.feed.subscribe();
        let start = start_of(&api, &call.caller, request.after.as_deref()).await?;
        let (lines, body) = outflow(held);
        let incarnation = api.context.incarnation();
        let stream =
            Stream { api, caller: call.caller, filter, lines, last: start.after, incarnation };
        let begins_at = stream.cursor(start.after);
        tokio::spawn(stream.run(start.resync, request.follow.then_some(live)));
        let headers = [
            (CONTENT_TYPE, "application/x-ndjson".to_owned()),
            (HeaderName::from_static(EVENT_CURSOR_HEADER), begins_at),
        ];
        Ok((headers, body).into_response())
    })
}

struct Start {
    after: EventId,
    resync: bool,
}

async fn start_of(api: &Api, caller: &Caller, after: Option<&str>) -> Result<Start, ApiError> {
    let Some(after) = after else { return Ok(Start { after: 0, resync: false }) };
    if after == "now" {
        return Ok(Start { after: newest_event_id(api, caller).await?, resync: false });
    }
    let (incarnation, id) = match after.rsplit_once(':') {
        Some((incarnation, id)) => (Some(incarnation), id),
        None => (None, after),
    };
    let id: EventId = id.parse().map_err(|_| {
        bad_request(format!("after: not a cursor: {}", crate::kernel::shorten::shorten(after)))
    })?;
    if incarnation.is_some_and(|incarnation| incarnation != api.context.incarnation()) {
        return Ok(Start { after: newest_event_id(api, caller).await?, resync: true });
    }
    // What gc has removed cannot be told any more; a listener that had not heard it has to look at the board anew.
    let floor = events_floor(api, caller).await?;
    if id < floor {
        return Ok(Start { after: newest_event_id(api, caller).await?, resync: true });
    }
    Ok(Start { after: id, resync: false })
}

async fn events_floor(api: &Api, caller: &Caller) -> Result<EventId, ApiError> {
    let read = |snapshot: &crate::kernel::queries::Snapshot<'_>| {
        let stored = store::install::setting(snapshot.connection, EVENTS_FLOOR)?;
        Ok(stored.and_then(|text| text.parse().ok()).unwrap_or_default())
    };
    Ok(api.readers.read(caller.clone(), read).await?)
}

struct Filter {
    tasks: Option<Vec<String>>,
    board: Option<BoardName>,
}

impl Filter {
    fn new(request: &FollowEvents, caller: &Caller) -> Result<Self, ApiError> {
        let named = match &request.board {
            Some(name) => Some(BoardName::parse(name).ok_or_else(|| {
                crate::kernel::error::Refusal::UnknownBoard {
                    name: crate::kernel::shorten::shorten(name),
                }
            })?),
            None => None,
        };
        let board = match caller {
            Caller::Worker { board, .. } => {
                let named = named.unwrap_or_else(|| board.clone());
                caller.check(Right::Read, "events", &named, None)?;
                Some(named)
            }
            Caller::Operator { .. } | Caller::System { .. } => named,
        };
        let tasks = request
            .tasks
            .as_ref()
            .map(|ids| ids.split(',').map(|id| id.trim().to_owned()).collect());
        Ok(Self { tasks, board })
    }

    fn admits(&self, event: &Event) -> bool {
        let task = |ids: &Vec<String>| ids.iter().any(|id| id == event.task_id.as_str());
        self.tasks.as_ref().is_none_or(task)
            && self.board.as_ref().is_none_or(|board| *board == event.board)
    }
}

struct Stream {
    api: Arc<Api>,
    caller: Caller,
    filter: Filter,
    lines: Outflow,
    last: EventId,
    incarnation: String,
}

/// The listener has hung up, or the daemon ends.
struct Over;

#[derive(Serialize)]
struct Line<'e> {
    #[serde(flatten)]
    event: &'e Event,
    cursor: String,
}

impl Stream {
    async fn run(
        mut self,
        resync: bool,
        live: Option<tokio::sync::broadcast::Receiver<EventBatch>>,
    ) {
        // However it ends, the listener sees the end of the body.
        drop(self.run_until_over(resync, live).await);
    }

    async fn run_until_over(
        &mut self,
        resync: bool,
        live: Option<tokio::sync::broadcast::Receiver<EventBatch>>,
    ) -> Result<(), Over> {
        if resync {
            let cursor = self.cursor(self.last);
            self.send(&serde_json::json!({ "resync": cursor })).await?;
        }
        self.catch_up().await?;
        let Some(mut live) = live else { return Ok(()) };
        let mut life = self.api.life.clone();
        loop {
            let received = tokio::select! {
                received = live.recv() => received,
                () = self.lines.closed() => return Err(Over),
                () = wait_for_life(&mut life, |life| life == Life::Ending) => return Err(Over),
            };
            match received {
                Ok(batch) => self.deliver(&batch).await?,
                Err(RecvError::Lagged(_)) => self.catch_up().await?,
                Err(RecvError::Closed) => return Err(Over),
            }
        }
    }

    async fn deliver(&mut self, batch: &[Event]) -> Result<(), Over> {
        let follows = batch.first().is_some_and(|event| event.id == self.last + 1);
        if !follows {
            // Either known already, or something is missing in between: the database knows.
            return self.catch_up().await;
        }
        for event in batch {
            self.pass_on(event).await?;
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<(), Over> {
        if self.incarnation != self.api.context.incarnation() {
            self.begin_again().await?;
        }
        loop {
            let after = self.last;
            let read = move |snapshot: &crate::kernel::queries::Snapshot<'_>| {
                Ok(store::events::page_after(snapshot.connection, after, PAGE, PAGE_BYTES)?)
            };
            let page = self.api.readers.read(self.caller.clone(), read).await;
            let page = page.map_err(|error| self.unread(&error))?;
            for event in &page.events {
                self.pass_on(event).await?;
            }
            if !page.has_more {
                return Ok(());
            }
        }
    }

    /// The stream ends; at the end of the daemon that is nothing to tell of.
    fn unread(&self, error: &VerbError) -> Over {
        if *self.api.life.borrow() != Life::Ending {
            tracing::warn!(%error, "an event stream ends because its events cannot be read");
        }
        Over
    }

    /// The board was restored: what was heard so far belongs to another life of it.
    async fn begin_again(&mut self) -> Result<(), Over> {
        self.incarnation = self.api.context.incarnation();
        self.last = newest_event_id(&self.api, &self.caller).await.map_err(|_| Over)?;
        let cursor = self.cursor(self.last);
        self.send(&serde_json::json!({ "resync": cursor })).await
    }

    async fn pass_on(&mut self, event: &Event) -> Result<(), Over> {
        if event.id <= self.last {
            return Ok(());
        }
        self.last = event.id;
        if self.filter.admits(event) {
            let cursor = self.cursor(event.id);
            self.send(&Line { event, cursor }).await?;
        }
        Ok(())
    }

    fn cursor(&self, id: EventId) -> String {
        format!("{}:{id}", self.incarnation)
    }

    async fn send(&self, line: &impl Serialize) -> Result<(), Over> {
        let mut bytes = crate::text::json::to_vec(line).map_err(|_| Over)?;
        bytes.push(b'\n');
        self.lines.send(bytes.into()).await.map_err(|_| Over)
    }
}
