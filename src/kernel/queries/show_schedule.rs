//! `show_schedule`: a schedule with the occurrences that it had and those that come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::clockwork::Clockwork;
use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::ids::{EpochSeconds, TaskId};
use crate::kernel::limits::NEXT_OCCURRENCES_MAX;
use crate::kernel::query::Query;
use crate::kernel::schedule::Schedule;
use crate::kernel::shorten::shorten;
use crate::kernel::snapshot::Snapshot;
use crate::kernel::store;
use crate::kernel::task::TaskStatus;

/// Occurrences of each kind that are shown.
const SHOWN: u32 = 10;

/// Shows a schedule.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShowSchedule {
    /// The schedule.
    pub name: String,
    /// Board of the schedule.
    pub board: Option<String>,
}

/// An occurrence that made a task.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PastOccurrence")]
pub struct PastOccurrence<S = TaskStatus> {
    /// Its nominal time, epoch seconds.
    pub at: EpochSeconds,
    /// The task.
    #[schemars(with = "String")]
    pub task_id: TaskId,
    /// Its status.
    pub status: S,
}

/// An occurrence that comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextOccurrence {
    /// Its nominal time, epoch seconds.
    pub at: EpochSeconds,
}

/// A schedule with its occurrences.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleDetails")]
pub struct ScheduleDetails<S = Schedule, P = PastOccurrence> {
    /// The schedule.
    pub schedule: S,
    /// The newest that made a task, newest first.
    pub occurrences: Vec<P>,
    /// Those that come when it is active, the next first.
    pub next: Vec<NextOccurrence>,
}

impl Query for ShowSchedule {
    type Reply = ScheduleDetails;
    const NAME: &'static str = "show_schedule";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<ScheduleDetails, VerbError> {
        let schedule = schedule(snapshot, &self.name, self.board.as_deref(), Self::NAME)?;
        let mut occurrences = Vec::new();
        for (at, task_id) in store::schedules::list_tasks(snapshot.connection, schedule.id, SHOWN)?
        {
            let status = store::tasks::get_status(snapshot.connection, &task_id)?;
            let Some((status, _)) = status else { continue };
            occurrences.push(PastOccurrence { at, task_id, status });
        }
        // One that cannot be read is shown all the same.
        let next = coming(&schedule, snapshot.now, SHOWN).unwrap_or_default();
        Ok(ScheduleDetails { schedule, occurrences, next })
    }
}

/// Lists the occurrences of a schedule that come, as if it were active now.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NextOccurrences {
    /// The schedule.
    pub name: String,
    /// How many, at most 1,000; default: 10.
    pub count: Option<u32>,
    /// Board of the schedule.
    pub board: Option<String>,
}

impl Query for NextOccurrences {
    type Reply = Vec<NextOccurrence>;
    const NAME: &'static str = "next_occurrences";

    fn read(&self, snapshot: &Snapshot<'_>) -> Result<Vec<NextOccurrence>, VerbError> {
        let schedule = schedule(snapshot, &self.name, self.board.as_deref(), Self::NAME)?;
        let count = self.count.unwrap_or(SHOWN);
        if count > NEXT_OCCURRENCES_MAX {
            let (actual, limit) = (count as usize, NEXT_OCCURRENCES_MAX as usize);
            return Err(Refusal::TooLarge { field: "count", actual, limit }.into());
        }
        Ok(coming(&schedule, snapshot.now, count)?)
    }
}

fn schedule(
    snapshot: &Snapshot<'_>,
    name: &str,
    board: Option<&str>,
    query: &'static str,
) -> Result<Schedule, VerbError> {
    let board = snapshot.board(board, query)?;
    let unknown = || Refusal::UnknownSchedule { name: shorten(name) };
    Ok(store::schedules::find(snapshot.connection, &board, name)?.ok_or_else(unknown)?)
}

fn coming(
    schedule: &Schedule,
    now: EpochSeconds,
    count: u32,
) -> Result<Vec<NextOccurrence>, Refusal> {
    let clockwork = Clockwork::of(schedule)?;
    let mut at = schedule.last_at.max(now);
    let mut next = Vec::new();
    for _ in 0..schedule.left().unwrap_or(count).min(count) {
        let Some(found) = clockwork.times().next(at) else { break };
        next.push(NextOccurrence { at: found });
        at = found;
    }
    Ok(next)
}
