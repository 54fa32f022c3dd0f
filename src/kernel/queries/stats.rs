//! `stats`: the number of tasks of a board, by status and by assignee.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::counts::Counts;
use crate::kernel::error::VerbError;
use crate::kernel::ids::{BoardName, EpochSeconds};
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;

/// Counts of a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetStats {
    /// Board; default: `default`, inside a run the board of the run.
    pub board: Option<String>,
}

/// Number of tasks by status.
pub type CountsByStatus = BTreeMap<Cow<'static, str>, i64>;

/// Statistics of a board.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Stats {
    /// The board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Number of tasks by status, without archived tasks and empty statuses.
    pub by_status: CountsByStatus,
    /// Number of tasks by assignee and status, without archived and unassigned tasks.
    pub by_assignee: BTreeMap<String, CountsByStatus>,
    /// Age of the oldest ready task, seconds.
    pub oldest_ready_age_seconds: Option<i64>,
    /// Time of the reply, epoch seconds.
    pub now: EpochSeconds,
}

/// Adds the counts, which the writing thread keeps in memory, to what the snapshot knows.
///
/// # Errors
/// A refusal or a fault.
pub fn stats(
    query: &GetStats,
    snapshot: &Snapshot<'_>,
    counts: &Counts,
) -> Result<Stats, VerbError> {
    let board = snapshot.board(query.board.as_deref(), "stats")?;
    let oldest = store::queue::oldest_ready(snapshot.connection, &board)?;
    let board = board.name;
    let mut by_status: BTreeMap<TaskStatus, i64> = BTreeMap::new();
    let mut by_assignee: BTreeMap<String, CountsByStatus> = BTreeMap::new();
    for (key, count) in counts.of_board(&board) {
        if key.status == TaskStatus::Archived {
            continue;
        }
        *by_status.entry(key.status).or_default() += count;
        let Some(assignee) = &key.assignee else { continue };
        // Those of one assignee come one after the other.
        let of_assignee = match by_assignee.last_entry() {
            Some(last) if last.key() == assignee => last.into_mut(),
            _ => by_assignee.entry(assignee.clone()).or_default(),
        };
        *of_assignee.entry(key.status.as_str().into()).or_default() += count;
    }
    let by_status = by_status.into_iter().map(|(status, n)| (status.as_str().into(), n)).collect();
    Ok(Stats {
        board,
        by_status,
        by_assignee,
        oldest_ready_age_seconds: oldest.map(|created| (snapshot.now - created).max(0)),
        now: snapshot.now,
    })
}
