//! What the feed reads for a frame: the cards that a batch of events changed, and the reasons of those that wait for their start.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::actors::shared_counts::SharedCounts;
use crate::kernel::card::{Card, CardReason};
use crate::kernel::counts::Counts;
use crate::kernel::error::{Fault, VerbError};
use crate::kernel::event::{Event, EventKind};
use crate::kernel::ids::{BoardName, EpochSeconds, EventId, RunId, TaskId};
use crate::kernel::limits::{CARDS_PER_WINDOW, NEIGHBOURS_MAX};
use crate::kernel::location::Looks;
use crate::kernel::policy::Policy;
use crate::kernel::queries::{CardMaker, Snapshot, cursor_at};
use crate::kernel::store;
use crate::kernel::store::cards::Window;
use crate::kernel::store::conditions::TaskConditions;
use crate::kernel::task::TaskStatus;
use crate::service::board::view;

/// The sign of life that an event is: run and time.
pub(super) fn sign_of_life(event: &Event) -> Option<(RunId, EpochSeconds)> {
    let is_heartbeat = event.kind == EventKind::Heartbeat.as_str();
    event.run_id.filter(|_| is_heartbeat).map(|run_id| (run_id, event.created_at))
}

/// What changed on all boards.
#[derive(Debug)]
pub(super) enum Changes {
    /// These cards, and everything up to this event.
    Deltas(Vec<Delta>, EventId),
    /// Too much for cards.
    TooMany,
}

/// The changed cards of a board.
#[derive(Debug, Serialize)]
pub(super) struct Delta {
    /// Cursor behind the events that are in it.
    pub(super) cursor: String,
    /// Time of the read, epoch seconds.
    pub(super) now: EpochSeconds,
    /// The board.
    pub(super) board: BoardName,
    /// The cards as they are now.
    pub(super) cards: Vec<Card>,
    /// Tasks that are gone.
    pub(super) gone: Vec<TaskId>,
    /// All tasks of the board by status.
    pub(super) counts: BTreeMap<&'static str, i64>,
}

impl Delta {
    /// Whether no card is another one.
    pub(super) fn is_empty(&self) -> bool {
        self.cards.is_empty() && self.gone.is_empty()
    }
}

/// The tasks of a batch with those whose cards show something of them: parents count their children, children wait for their parents.
fn with_neighbours(
    snapshot: &Snapshot<'_>,
    tasks: &BTreeSet<TaskId>,
) -> Result<BTreeSet<TaskId>, Fault> {
    let mut all = tasks.clone();
    for id in tasks {
        for parent in store::neighbours::parents(snapshot.connection, id, NEIGHBOURS_MAX)? {
            all.extend(TaskId::parse(&parent.id));
        }
        all.extend(store::neighbours::waiting_children(snapshot.connection, id, NEIGHBOURS_MAX)?);
    }
    Ok(all)
}

/// Reads what changed since `after`, once for all pages: one delta per board, with the cards and the counts of this snapshot; at
/// most `limit` events are looked at. `touched`
/// are tasks that look different although no event tells of it.
///
/// # Errors
/// A fault of the database.
pub(super) fn read_changes(
    snapshot: &Snapshot<'_>,
    (policy, low_disk_bytes): (&Policy, Option<u64>),
    counts: &SharedCounts,
    touched: Vec<TaskId>,
    (after, limit): (EventId, u32),
) -> Result<Changes, VerbError> {
    let since = store::events::list_touched_after(snapshot.connection, after, limit)?;
    if since.is_full {
        return Ok(Changes::TooMany);
    }
    let newest = store::events::newest_id(snapshot.connection)?;
    let tasks: BTreeSet<TaskId> = since.tasks.into_iter().chain(touched).collect();
    let deltas = read_deltas(snapshot, (policy, low_disk_bytes), &tasks, newest)?;
    let counts = counts.at(newest);
    let with_counts = |mut delta: Delta| {
        delta.counts = counts_of(&counts, &delta.board);
        delta
    };
    Ok(Changes::Deltas(deltas.into_iter().map(with_counts).collect(), newest))
}

fn read_deltas(
    snapshot: &Snapshot<'_>,
    (policy, low_disk_bytes): (&Policy, Option<u64>),
    tasks: &BTreeSet<TaskId>,
    newest: EventId,
) -> Result<Vec<Delta>, VerbError> {
    let looks = Looks::new();
    let mut maker = CardMaker::new(view(snapshot, policy, low_disk_bytes, &looks));
    let mut by_board: BTreeMap<String, Vec<Card>> = BTreeMap::new();
    let mut gone = Vec::new();
    for id in with_neighbours(snapshot, tasks)? {
        match maker.card_of(&id)? {
            Some(card) => by_board.entry(card.board.clone()).or_default().push(card),
            None => gone.push(id),
        }
    }
    let incarnation = store::install::get(snapshot.connection)?.incarnation;
    let cursor = cursor_at(&incarnation, newest);
    let boards = store::boards::list(snapshot.connection)?;
    let delta = |board: BoardName| Delta {
        cursor: cursor.clone(),
        now: snapshot.now,
        cards: by_board.remove(board.as_str()).unwrap_or_default(),
        gone: gone.clone(),
        counts: BTreeMap::new(),
        board,
    };
    Ok(boards.into_iter().map(|board| board.name).map(delta).collect())
}

/// All tasks of a board by status.
fn counts_of(counts: &Counts, board: &BoardName) -> BTreeMap<&'static str, i64> {
    let mut sums: BTreeMap<&'static str, i64> =
        TaskStatus::ALL.iter().map(|status| (status.as_str(), 0)).collect();
    for (key, count) in counts.of_board(board) {
        *sums.entry(key.status.as_str()).or_default() += count;
    }
    sums
}

/// Why the tasks at the head of the column of ready ones do not start: it changes with what others do.
///
/// # Errors
/// A fault of the database.
pub(super) fn read_reasons(
    snapshot: &Snapshot<'_>,
    (policy, low_disk_bytes): (&Policy, Option<u64>),
    boards: &[BoardName],
) -> Result<BTreeMap<BoardName, BTreeMap<String, CardReason>>, VerbError> {
    let looks = Looks::new();
    let mut maker = CardMaker::new(view(snapshot, policy, low_disk_bytes, &looks));
    let mut all = BTreeMap::new();
    for name in boards {
        let Some(board) = store::boards::find(snapshot.connection, name)? else { continue };
        let window = Window { offset: 0, limit: CARDS_PER_WINDOW };
        let (ready, any) = (TaskStatus::Ready, TaskConditions::default());
        let rows = store::cards::window(snapshot.connection, &board, ready, &any, window)?;
        let mut reasons = BTreeMap::new();
        for row in rows {
            if let Some(reason) = maker.reason_of(&row.id)? {
                reasons.insert(row.id.to_string(), reason);
            }
        }
        all.insert(name.clone(), reasons);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: EventId, task: &str, kind: EventKind, run_id: Option<RunId>) -> Event {
        Event {
            id,
            task_id: TaskId::parse(task).unwrap(),
            board: BoardName::default(),
            run_id,
            kind: kind.as_str().to_owned(),
            payload: None,
            created_at: 100 + id,
            actor: None,
        }
    }

    #[test]
    fn a_heartbeat_of_a_run_is_a_sign_of_life_and_no_other_event_is() {
        for (kind, run_id, expected) in [
            (EventKind::Heartbeat, Some(4), Some((4, 110))),
            (EventKind::Heartbeat, None, None),
            (EventKind::Commented, Some(4), None),
            (EventKind::Created, None, None),
        ] {
            let event = event(10, "t_00000001", kind, run_id);
            assert_eq!(sign_of_life(&event), expected, "{kind:?} {run_id:?}");
        }
    }
}
