//! What comes next in time: one query over the heads of the indexes on times, for the timer.

use super::{Connection, Doing};
use crate::kernel::error::Fault;
use crate::kernel::ids::EpochSeconds;
use crate::kernel::limits::DUE_PER_PASS;

/// The earliest time of each kind that something waits for, epoch seconds. Times that have passed are among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NextDue {
    /// A scheduled task starts.
    pub start: Option<EpochSeconds>,
    /// A task becomes overdue.
    pub overdue: Option<EpochSeconds>,
    /// The deadline of a question.
    pub deadline: Option<EpochSeconds>,
    /// A schedule has an occurrence.
    pub occurrence: Option<EpochSeconds>,
    /// A back-off or a manual claim ends: for a pass to act on.
    pub dispatch: Option<EpochSeconds>,
}

impl NextDue {
    /// The earliest time at which a task moves or is reported.
    pub fn moves(&self) -> Option<EpochSeconds> {
        [self.start, self.overdue, self.deadline].into_iter().flatten().min()
    }
}

/// What comes next.
///
/// # Errors
/// A fault of the database.
pub fn next(connection: &Connection) -> Result<NextDue, Fault> {
    connection
        .prepare_cached(
            "SELECT
               (SELECT start_at FROM tasks WHERE status = 'scheduled' AND start_at > 0 AND parked = 0
                ORDER BY start_at LIMIT 1),
               (SELECT due_at FROM tasks
                WHERE due_at IS NOT NULL AND overdue_told_for IS NOT due_at AND status NOT IN ('done', 'archived')
                ORDER BY due_at LIMIT 1),
               (SELECT deadline_at FROM questions
                WHERE outcome = 'open' AND deadline_at IS NOT NULL AND overdue_at IS NULL ORDER BY deadline_at LIMIT 1),
               (SELECT next_at FROM schedules WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1),
               (SELECT min(due) FROM (
                  SELECT min(not_before) AS due FROM tasks WHERE not_before IS NOT NULL
                  UNION ALL
                  SELECT min(claim_expires) + 1 FROM tasks WHERE claim_expires IS NOT NULL))",
        )
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok(NextDue {
                    start: row.get(0)?,
                    overdue: row.get(1)?,
                    deadline: row.get(2)?,
                    occurrence: row.get(3)?,
                    dispatch: row.get(4)?,
                })
            })
        })
        .doing("find the next due time")
}

/// Whether a list of at most [`DUE_PER_PASS`] rows may have been cut.
pub fn is_cut(rows: usize) -> bool {
    rows == usize::try_from(DUE_PER_PASS).unwrap_or(usize::MAX)
}
