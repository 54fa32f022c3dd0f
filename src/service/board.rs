//! The board as pages show it: columns as windows of cards, what holds for the board as a whole, and the feed of what changes.

pub mod facts;
pub mod feed;
mod frames;
pub mod pages;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::caller::Caller;
use crate::kernel::location::Looks;
use crate::kernel::next_pass::View;
use crate::kernel::policy::Policy;
use crate::kernel::queries::{
    self, BoardColumns, CardPage, ColumnWindow, Facets, GetBoard, ListCards, Snapshot,
};
use crate::kernel::standing::Asker;
use crate::kernel::task::TaskStatus;
use crate::service::first_use::{self, FirstUse};
use crate::service::{Requester, Service, ServiceError};
use facts::{list_boards, read_facts};
use pages::{BoardEntry, BoardFacts};

/// A board as a page begins with it, from one snapshot of the database but for what only the host knows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BoardSnapshot {
    /// Cursor of the event stream that belongs to it: `incarnation:id`.
    pub cursor: String,
    /// Time of the reply, epoch seconds.
    pub now: i64,
    /// The board.
    pub board: String,
    /// The columns, from left to right.
    pub columns: Vec<ColumnWindow>,
    /// Names to filter by.
    pub facets: Facets,
    /// What holds for the board as a whole.
    pub facts: BoardFacts,
    /// All boards.
    pub boards: Vec<BoardEntry>,
    /// The caller's name.
    pub me: String,
    /// The daemon's version.
    pub version: String,
    /// Of a board without a task: who could work on it. Null on any other, and when it is not found out in time.
    #[serde(default)]
    pub first_use: Option<FirstUse>,
}

/// Reads the columns of a board.
///
/// # Errors
/// A refusal or a fault.
pub async fn board(
    service: Arc<Service>,
    by: Requester,
    query: GetBoard,
) -> Result<BoardSnapshot, ServiceError> {
    let counts = service.database.shared_counts().clone();
    let facts = match service.board_feed.facts() {
        Some(facts) => facts,
        None => read_facts(&service).await?,
    };
    let me = match &by.caller {
        Caller::Operator { name } => name.clone(),
        other => other.actor().to_string(),
    };
    let (policy, low_disk_bytes) = looked_at(&service);
    let read = move |snapshot: &Snapshot<'_>| {
        let looks = Looks::new();
        let view = view(snapshot, &policy, low_disk_bytes, &looks);
        let columns = queries::board(&query, snapshot, view, |newest| counts.at(newest))?;
        let boards = list_boards(snapshot.connection, &counts.now())?.1;
        Ok((columns, boards))
    };
    let (columns, boards) = service.readers.read(by.caller.clone(), read).await?;
    let BoardColumns { cursor, now, board, columns, facets } = columns;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let counts = service.database.counts();
    let is_empty = counts.all().all(|(key, count)| {
        count == 0 || key.status == TaskStatus::Archived || key.board.as_str() != board
    });
    let first_use =
        if is_empty { first_use::of_snapshot(&service, by, &board).await } else { None };
    Ok(BoardSnapshot { cursor, now, board, columns, facets, facts, boards, me, version, first_use })
}

/// Reads a window of a column.
///
/// # Errors
/// A refusal or a fault.
pub async fn cards(
    service: Arc<Service>,
    by: Requester,
    query: ListCards,
) -> Result<CardPage, ServiceError> {
    let counts = service.database.shared_counts().clone();
    let (policy, low_disk_bytes) = looked_at(&service);
    let read = move |snapshot: &Snapshot<'_>| {
        let looks = Looks::new();
        let view = view(snapshot, &policy, low_disk_bytes, &looks);
        queries::cards(&query, snapshot, view, |newest| counts.at(newest))
    };
    Ok(service.readers.read(by.caller, read).await?)
}

/// What explanations of tasks need beside the rows.
pub fn looked_at(service: &Service) -> (Arc<Policy>, Option<u64>) {
    (service.configuration.policy(), service.disk.low_bytes())
}

/// The next automatic pass, as far as it can be told by reading.
pub fn view<'a>(
    snapshot: &Snapshot<'a>,
    policy: &'a Policy,
    low_disk_bytes: Option<u64>,
    looks: &'a Looks,
) -> View<'a> {
    View {
        connection: snapshot.connection,
        policy,
        now: snapshot.now,
        asker: Asker { is_automatic: true, low_disk_bytes },
        max: None,
        looks,
    }
}
