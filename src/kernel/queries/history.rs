//! `history`: what happened on a board over time, for plots.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::HISTORY_ROWS_MAX;
use crate::kernel::query::Query;
use crate::kernel::run::RunOutcome;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::store::history::{BUCKETS, HOUR_SECONDS, Hour};

/// How far back a history goes without a word about it: a week.
const SPAN_SECONDS: i64 = 7 * 24 * 3_600;

/// Reads the history of a board.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GetHistory {
    /// From this time on, epoch seconds; default: a week before `to`.
    pub from: Option<EpochSeconds>,
    /// Before this time, epoch seconds; default: now.
    pub to: Option<EpochSeconds>,
    /// Seconds of a row, in whole hours; default: so that the time has at most 60 of them.
    pub step_seconds: Option<i64>,
    /// Only this profile.
    pub profile: Option<String>,
    /// Board; default: `default`.
    pub board: Option<String>,
}

/// The history of a board. At most 400 rows: where there are more, the newest.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// From this time on, epoch seconds.
    pub from: EpochSeconds,
    /// Before this time, epoch seconds.
    pub to: EpochSeconds,
    /// Seconds of a row.
    pub step_seconds: i64,
    /// Upper bounds of the buckets, seconds; the last bucket has none.
    pub buckets: Vec<i64>,
    /// What happened, oldest first; times in which nothing happened have no row.
    pub rows: Vec<HistoryRow>,
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRow {
    /// Its beginning, epoch seconds.
    pub at: EpochSeconds,
    /// The profile; null: nobody's.
    pub profile: Option<String>,
    /// Runs that began.
    pub started: i64,
    /// Runs that closed, by outcome.
    pub finished: BTreeMap<String, i64>,
    /// Time between ready and the start, of the runs that began, seconds.
    pub queue_seconds: i64,
    /// Time from the first start of a task to its completion, seconds.
    pub cycle_seconds: i64,
    /// Time of slots in use, of the runs that closed, seconds.
    pub slot_seconds: i64,
    /// Starts by their time in the queue.
    pub queue: Vec<i64>,
    /// Completions by their cycle time.
    pub cycle: Vec<i64>,
}

impl From<Hour> for HistoryRow {
    fn from(hour: Hour) -> Self {
        let finished = RunOutcome::ALL.iter().zip(hour.finished).filter(|(_, count)| *count > 0);
        Self {
            at: hour.at,
            profile: hour.profile,
            started: hour.started,
            finished: finished.map(|(outcome, count)| (outcome.to_string(), count)).collect(),
            queue_seconds: hour.queue_seconds,
            cycle_seconds: hour.cycle_seconds,
            slot_seconds: hour.slot_seconds,
            queue: hour.queue.to_vec(),
            cycle: hour.cycle.to_vec(),
        }
    }
}

impl Query for GetHistory {
    type Reply = History;
    const NAME: &'static str = "history";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<History, VerbError> {
        let board = snapshot.board(self.board.as_deref(), Self::NAME)?;
        let to = self.to.unwrap_or(snapshot.now.saturating_add(1));
        let from = self.from.unwrap_or(to.saturating_sub(SPAN_SECONDS));
        if from >= to {
            return Err(Refusal::InvalidValue {
                field: "from",
                problem: "is not before `to`",
                value: from.to_string(),
            }
            .into());
        }
        let step_seconds = step(to.saturating_sub(from), self.step_seconds);
        let span = (from, to, step_seconds);
        let profile = self.profile.as_deref();
        let hours =
            store::history::list(snapshot.connection, &board, profile, span, HISTORY_ROWS_MAX)?;
        let rows = hours.into_iter().map(HistoryRow::from).collect();
        Ok(History { from, to, step_seconds, buckets: BUCKETS.to_vec(), rows })
    }
}

/// Whole hours: what is asked for, or so many that there are at most 60 steps.
fn step(span_seconds: i64, asked: Option<i64>) -> i64 {
    let wanted = asked.unwrap_or(span_seconds / 60);
    let hours = wanted.saturating_add(HOUR_SECONDS - 1) / HOUR_SECONDS;
    hours.max(1).saturating_mul(HOUR_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_whole_hours_and_few() {
        for (span, asked, expected) in [
            (3_600, None, 3_600),
            (7 * 86_400, None, 3 * 3_600),
            (365 * 86_400, None, 146 * 3_600),
            (86_400, Some(1), 3_600),
            (86_400, Some(3_601), 7_200),
            (86_400, Some(-5), 3_600),
        ] {
            assert_eq!(step(span, asked), expected, "{span} {asked:?}");
        }
    }
}
