//! `schedule`: sets when a task may start, or parks it until a person lets it go on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::error::{Refusal, VerbError};
use crate::kernel::event::EventBody;
use crate::kernel::ids::{BoardName, EpochSeconds};
use crate::kernel::task::{Task, TaskStatus};
use crate::kernel::tx::Tx;
use crate::kernel::verb::Verb;
use crate::kernel::verbs::room;
use crate::kernel::verbs::start_time::{land, past_warning, refuse_start_time};
use crate::kernel::{store, validate};

/// Sets the start time of a task, or parks it. In `triage` and `blocked` the time is stored, and applies once the task leaves that status.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleTask {
    /// The task.
    pub id: String,
    /// Earliest start, epoch seconds.
    pub start_at: Option<EpochSeconds>,
    /// Parks it: it waits until `unschedule` or `promote`.
    pub park: bool,
    /// Reason, recorded in the event.
    pub reason: Option<String>,
    /// Board of the task; refused when the task is on another board.
    pub board: Option<String>,
}

/// Result of `schedule` and `unschedule`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ScheduleReply")]
pub struct ScheduleReply<S = TaskStatus> {
    /// The task.
    pub id: String,
    /// Its board.
    #[schemars(with = "String")]
    pub board: BoardName,
    /// Its status from then on.
    pub status: S,
    /// Its start time, epoch seconds.
    pub start_at: Option<EpochSeconds>,
    /// Whether it is parked.
    pub parked: bool,
    /// What the caller may not expect, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl ScheduleReply {
    pub(super) fn of(task: Task, warnings: Vec<String>) -> Self {
        let Task { id, board, status, start_at, parked, .. } = task;
        Self { id: id.to_string(), board, status, start_at, parked, warnings }
    }
}

impl Verb for ScheduleTask {
    type Reply = ScheduleReply;
    const NAME: &'static str = "schedule";

    fn run(&self, tx: &mut Tx<'_>) -> Result<ScheduleReply, VerbError> {
        let task = tx.task(&self.id, self.board.as_deref(), Self::NAME)?;
        let reason = validate::body("reason", self.reason.as_deref())?;
        let timed = self.timed(&task)?;
        refuse_start_time(&task, Self::NAME)?;
        let warnings =
            past_warning(timed.start_at, tx.now).map(str::to_owned).into_iter().collect();
        if timed == task {
            return Ok(ScheduleReply::of(task, warnings));
        }
        let (start_at, parked) = (timed.start_at, timed.parked);
        set_start_time(tx, &timed, Self::NAME, |_| EventBody::Scheduled {
            start_at,
            parked,
            reason: reason.as_deref(),
        })?;
        Ok(ScheduleReply::of(tx.reread(&task.id)?, warnings))
    }
}

impl ScheduleTask {
    /// The task with its new time.
    fn timed(&self, task: &Task) -> Result<Task, Refusal> {
        let problem = match (self.start_at, self.park) {
            (Some(start_at), false) => {
                let start_at = validate::time("start_at", start_at)?;
                return Ok(Task { start_at, parked: false, ..task.clone() });
            }
            (None, true) => return Ok(Task { start_at: None, parked: true, ..task.clone() }),
            (Some(_), true) => "give a start time or park the task, not both",
            (None, false) => "give a start time, or park the task",
        };
        Err(Refusal::InvalidValue { field: "start_at", problem, value: String::new() })
    }
}

/// Writes the time of `timed` into its row, and has the task stand where that lets it. `message` is the event for the status from then on.
pub(super) fn set_start_time<'a>(
    tx: &mut Tx<'_>,
    timed: &Task,
    verb: &'static str,
    message: impl Fn(TaskStatus) -> EventBody<'a>,
) -> Result<(), VerbError> {
    room::for_event(tx.store(), &timed.id)?;
    store::tasks::set_content(tx.store(), timed)?;
    if !land(tx, timed, verb, &message)? {
        tx.changed(timed, &message(timed.status))?;
    }
    Ok(())
}
